"""The text that is scored was normalised with loss."""

import re
from collections.abc import Iterator

from golf_audit.case import Case
from golf_audit.evidence.samples import SampleRun, submission
from golf_audit.evidence.setting import Setting
from golf_audit.example_script import script
from golf_audit.finding import Finding, Related, Severity, Unproven
from golf_audit.rule import Example, Rule

_LOSSY = re.compile(r"case_?fold|nfk[cd]|uncased|lower_?cased?(?![a-z])|accent_?less", re.IGNORECASE)
_PATHS = ("datasets_dir", "dataset_dir", "data_path", "data_dir", "train_files", "val_files", "tokenizer_path")
_FOLDED = "datasets_dir: ./data/datasets/fineweb10B_sp10240_casefold"


class LossyTextNormalisation(Rule):
    """
    Whether text may be folded before it is scored was never ruled.

    Casefolding, lower-casing or compatibility normalisation removes information: bytes of the folded text are not bytes
    of the text, and a model that cannot write the original does not predict it. The question stands open. A transform
    that can be undone (case marks with a byte sidecar) is merged practice.

    What the run read is taken from the paths that its log or its command states.
    """

    code = "GA-BPB-006"
    severity = Severity.RULING
    authority = ("issue-1604", "readme-r9")
    would_change = "A ruling on lossy transforms, or a run on the text as it is."
    legal = (
        Example(
            "the plain set", files=submission(SampleRun(settings="datasets_dir: ./data/datasets/fineweb10B_sp8192"))
        ),
        Example(
            "reversible case marks",
            files=submission(
                SampleRun(settings="datasets_dir: ./data/datasets/fineweb10B_sp8192_lossless_caps_caseops_v1_reserved")
            ),
        ),
        Example(
            "a folder called after it, on the plain set",
            files=submission(SampleRun(settings="datasets_dir: ./data/fineweb10B_sp8192\nrun_id: why_not_casefold")),
        ),
    )
    illegal = (
        Example("a casefolded data set", files=submission(SampleRun(settings=_FOLDED)), says="casefold"),
        Example(
            "named in the README",
            files=submission(SampleRun(settings=_FOLDED), readme="# Casefold SP10240\n\nval_bpb = 1.08\n"),
            says="casefold",
        ),
        Example(
            "in the command",
            script("report('final', evaluate(model, val_tokens, luts))"),
            files={
                "README.md": "# R\n\n```bash\nDATA_PATH=./data/sp8192_nfkc torchrun --nproc_per_node=8 train_gpt.py\n```\n"
            },
            says="nfkc",
        ),
    )

    def check(self, case: Case) -> Iterator[Finding | Unproven]:
        """Paths of data and tokenizer, in the log's dump or the run's command, that name a lossy transform."""
        configuration = case.evidence.configuration
        stated: list[Setting] = [configuration.echo[name] for name in _PATHS if name in configuration.echo]
        stated += [configuration.env[name.upper()] for name in _PATHS if name.upper() in configuration.env]
        lossy = [setting for setting in stated if _LOSSY.search(setting.value)]
        if lossy:
            first = lossy[0]
            yield self.finding(
                f"The run reads {first.value}: its text was normalised with loss.",
                first.location,
                *(Related(other.location, f"reads {other.value}") for other in lossy[1:]),
            )
