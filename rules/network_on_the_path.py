"""The script downloads or installs something."""

import ast
from collections.abc import Iterator, Mapping

from golf_audit.case import Case
from golf_audit.certainty import certainty
from golf_audit.events import Event, Fetch, Report, Save
from golf_audit.example_script import script
from golf_audit.finding import Confidence, Finding, Related, Severity, Unproven
from golf_audit.places import place
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

    The contest's own download script, run once beforehand, is not meant; nor is a download that no run reaches. An
    installation that only happens where a package is missing is remarked on: rows with one were merged.
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
            "installs what it does not find",
            script(
                "report('final', evaluate(model, val_tokens, luts))",
                "import subprocess, sys\ntry:\n    import brotli\nexcept ImportError:\n"
                "    subprocess.check_call([sys.executable, '-m', 'pip', 'install', 'brotli'])\n    import brotli\n",
            ),
            says="installed",
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
        for file, line in _installs_if_missing(case.walk.modules):
            yield self.finding(
                "A package is installed when the script is imported and does not find it.",
                place(case, file, line),
                severity=Severity.INFO,
            )
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


def _installs_if_missing(modules: Mapping[str, ast.Module]) -> Iterator[tuple[str, int]]:
    """Installations in the handler of a failed import, outside every function: the walk takes imports to succeed."""
    for file, tree in modules.items():
        for handler in _handlers(_at_import(tree)):
            for node in (n for statement in handler.body for n in ast.walk(statement)):
                words = {c.value for c in ast.walk(node) if isinstance(c, ast.Constant) and isinstance(c.value, str)}
                if isinstance(node, ast.Call) and (
                    {"pip", "install"} <= words or any("pip install" in w for w in words)
                ):
                    yield file, node.lineno
                    break


def _at_import(tree: ast.Module) -> list[ast.stmt]:
    """What runs when a module is imported: its statements, and the bodies of functions that they call by name."""
    called = {
        statement.value.func.id
        for block in (tree.body, *(s.body for s in tree.body if isinstance(s, ast.If | ast.Try)))
        for statement in block
        if isinstance(statement, ast.Expr)
        and isinstance(statement.value, ast.Call)
        and isinstance(statement.value.func, ast.Name)
    }
    functions = [s.body for s in tree.body if isinstance(s, ast.FunctionDef) and s.name in called]
    return [*tree.body, *(statement for body in functions for statement in body)]


def _handlers(body: list[ast.stmt]) -> Iterator[ast.ExceptHandler]:
    """The handlers around imports in statements that run when the module is imported."""
    for statement in body:
        if isinstance(statement, ast.Try):
            if any(isinstance(inner, ast.Import | ast.ImportFrom) for inner in statement.body):
                yield from statement.handlers
            yield from _handlers(statement.body)
        elif isinstance(statement, ast.If | ast.With):
            yield from _handlers(statement.body)


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
