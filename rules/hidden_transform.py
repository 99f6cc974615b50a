"""The logs name a transformed data set that the README does not."""

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, ClassVar

from golf_audit.evidence.samples import SampleRun, submission
from golf_audit.finding import Finding, Related, Severity, Unproven
from golf_audit.rule import Example, Rule

if TYPE_CHECKING:
    from golf_audit.case import Case

_TRANSFORM = re.compile(r"casefold|case_fold|nfkc|nfkd|lower(?:case)?d?\b|stripped|normali[sz]ed|uncased", re.I)
_FOLDED = "datasets_dir: ./data/datasets/fineweb10B_sp10240_casefold\ntokenizer_path: ./data/tokenizers/fineweb_10240_casefold_bpe.model"


class HiddenTransform(Rule):
    """
    A transform of the text must be named where the tokenizer is.

    Casefolded or stripped text is another text, with information removed: whether it may be scored was never ruled. A README
    that calls it by the plain tokenizer's name hides the question from whoever has to decide it.
    """

    code = "GA-META-009"
    severity = Severity.RULING
    authority = ("readme-r9", "issue-1604")
    would_change = "A README that names the transform, and a ruling that allows it."
    legal: ClassVar[tuple[Example, ...]] = (
        Example(
            "the plain set", files=submission(SampleRun(settings="datasets_dir: ./data/datasets/fineweb10B_sp8192"))
        ),
        Example("named in the README", files=submission(SampleRun(settings=_FOLDED), readme="# Casefold SP10240\n")),
        Example(
            "reversible case marks",
            files=submission(SampleRun(settings="datasets_dir: ./data/fineweb10B_sp8192_lossless_caps_caseops_v1")),
        ),
    )
    illegal: ClassVar[tuple[Example, ...]] = (
        Example("casefolded", files=submission(SampleRun(settings=_FOLDED)), says="casefold"),
        Example(
            "in the tokenizer's name alone",
            files=submission(SampleRun(settings="tokenizer_path: ./tok/sp8192_nfkc.model")),
            says="nfkc",
        ),
        Example(
            "in every seed",
            files=submission(*(SampleRun(s, settings=_FOLDED) for s in (1, 2, 3))),
            says="sp10240_casefold",
        ),
    )

    def check(self, case: "Case") -> Iterator[Finding | Unproven]:
        """Look for a transform in the echoed paths, and for its name in the README and the metadata."""
        evidence = case.evidence
        settings = [
            setting
            for name in ("datasets_dir", "data_path", "tokenizer_path", "val_files")
            if (setting := evidence.configuration.echo.get(name)) and _TRANSFORM.search(setting.value)
        ]
        if not settings:
            return
        word = _TRANSFORM.search(settings[0].value)
        readme = evidence.claims.readme.file
        told = (
            (readme.text if readme else "")
            + " ".join(text for _, text, _ in evidence.claims.metadata.text())
            + case.folder.name
        )
        if word and word[0].lower() not in told.lower():
            yield self.finding(
                f"The run reads {settings[0].value}, and neither README nor metadata says {word[0]}.",
                settings[0].location,
                *(Related(setting.location, "says so too") for setting in settings[1:]),
            )
