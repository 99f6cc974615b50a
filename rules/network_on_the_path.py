"""The script downloads or installs something."""

from collections.abc import Iterator

from golf_audit.case import Case
from golf_audit.certainty import certainty
from golf_audit.events import Event, Fetch, Report, Save
from golf_audit.example_script import script
from golf_audit.finding import Confidence, Finding, Related, Severity, Unproven
from golf_audit.program.claimed import Claimed
from golf_audit.rule import Example, Rule

_SAVED = """
torch.save(model.state_dict(), "model.ptz")
"""


class NetworkOnThePath(Rule):
    """
    A submission must not need the network.

    Evaluation may not download anything or reach the network, and training must be reproducible from what is shipped.
    A download or a package installation after the artifact is written stands in the evaluation; one at import or
    before training is done by every process that evaluates, too, but a person has to say whether it matters.

    The contest's own download script, run once beforehand, is not meant; nor is a download that no run reaches.
    """

    code = "GA-NET-001"
    severity = Severity.DISQUALIFYING
    authority = ("readme-r2", "readme-r14")
    would_change = "A script that finds everything it needs in its folder and in the prepared data, and a requirements.txt for its packages."
    legal = (
        Example(
            "prepares its data with a script of its own, beforehand",
            script("report('final', evaluate(model, val_tokens, luts))"),
            files={
                "download_data.py": "from huggingface_hub import snapshot_download\n\nsnapshot_download('someone/fineweb-sp8192', repo_type='dataset')\n"
            },
        ),
        Example(
            "asks the driver and a compressor, locally",
            script(
                """
                import subprocess
                print(subprocess.run(["nvidia-smi"], capture_output=True, text=True).stdout)
                subprocess.run(["lrzip", "-z", "model.ptz"], check=True)
                report('final', evaluate(model, val_tokens, luts))
                """
            ),
        ),
        Example(
            "a download that is switched off",
            script(
                """
                if os.environ.get("FETCH", "0") == "1":
                    import urllib.request
                    urllib.request.urlretrieve("https://example.org/tokenizer.model", "tokenizer.model")
                report('final', evaluate(model, val_tokens, luts))
                """
            ),
        ),
        Example(
            "quotes an address",
            script(
                """
                from urllib.parse import urlparse
                print(urlparse("https://github.com/openai/parameter-golf").netloc)
                report('final', evaluate(model, val_tokens, luts))
                """
            ),
        ),
    )
    illegal = (
        Example(
            "installs a package at import",
            script(
                "report('final', evaluate(model, val_tokens, luts))",
                "import subprocess, sys\nsubprocess.check_call([sys.executable, '-m', 'pip', 'install', 'brotli'])\n",
            ),
            says="pip install",
        ),
        Example(
            "downloads its data before training",
            script(
                "report('final', evaluate(model, val_tokens, luts))",
                "from huggingface_hub import snapshot_download\nsnapshot_download('someone/corpus', repo_type='dataset', local_dir=DATA)\n",
            ),
            says="snapshot_download",
        ),
        Example(
            "downloads between the artifact and the score",
            script(
                _SAVED
                + """
import urllib.request
urllib.request.urlretrieve("https://example.org/table.bin", "table.bin")
report('final', evaluate(model, val_tokens, luts))
"""
            ),
            says="in the evaluation",
        ),
    )

    def check(self, case: Case) -> Iterator[Finding | Unproven]:
        """Downloads and installations on the path to the headline, told apart by where they stand."""
        if case.walk is None:
            return
        claimed = case.claimed
        seen: set[tuple[str, int]] = set()
        for fetch, evaluating in _fetches(case.walk.events, claimed):
            at = (fetch.location.file, fetch.location.line)
            if at in seen:
                continue
            seen.add(at)
            where = (
                "in the evaluation"
                if evaluating
                else "before training"
                if case.walk.updates
                else "when the script runs"
            )
            yield self.finding(
                f"The network is used {where}: {fetch.what}.",
                fetch.location,
                *(Related(call.location, f"calls {call.function}()") for call in fetch.path),
                confidence=certainty(case, fetch) if evaluating else Confidence.MEDIUM,
            )


def _fetches(events: tuple[Event, ...], claimed: Claimed | None) -> Iterator[tuple[Fetch, bool]]:
    """Each use of the network up to the headline, and whether it stands between the artifact and the score."""
    saved = False
    for event in events:
        if isinstance(event, Save) and event.sites:
            saved = True
        if isinstance(event, Fetch):
            yield event, saved and claimed is not None
        if isinstance(event, Report) and claimed is not None and event is claimed.report:
            return
