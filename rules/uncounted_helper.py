"""Code outside the entry script runs, and nobody counted its bytes."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, ClassVar

from golf_audit.decoding.source import Source
from golf_audit.evidence.samples import SampleRun, submission
from golf_audit.evidence.sizes import weigh
from golf_audit.finding import Confidence, Finding, Location, Related, Severity, Unproven
from golf_audit.rule import Example, Rule

if TYPE_CHECKING:
    from golf_audit.case import Case

_ENTRY = "import helper\n\nhelper.run()\n"
_HELPER = "def run():\n    return 1\n" + "#" * 12_000 + "\n"


class UncountedHelper(Rule):
    """
    Code that the entry script imports from the folder should be counted.

    All counted code should be in `train_gpt.py`. A helper module that lies beside it adds bytes that no total contains.
    Organisers never enforced the sentence, so a helper is reported, and asked about only where it would lift the artifact
    over the cap.
    """

    code = "GA-ART-004"
    severity = Severity.RULING
    authority = ("readme-r1",)
    would_change = "A total that counts the helper, or a ruling that helpers need not be counted."
    legal: ClassVar[tuple[Example, ...]] = (
        Example("no helper", files=submission()),
        Example(
            "a script that prepares data and is never imported",
            files=submission(SampleRun(model=15_979_000), files={"prepare_data.py": _HELPER}),
        ),
        Example(
            "a helper within the margin",
            files=submission(SampleRun(model=15_900_000), code=_ENTRY, files={"helper.py": _HELPER}),
        ),
    )
    illegal: ClassVar[tuple[Example, ...]] = (
        Example(
            "a helper beyond the margin",
            files=submission(SampleRun(model=15_979_000), code=_ENTRY, files={"helper.py": _HELPER}),
            says="helper.py",
        ),
        Example(
            "a helper imported by name",
            files=submission(
                SampleRun(model=15_979_000), code="from helper import run\n\nrun()\n", files={"helper.py": _HELPER}
            ),
            says="12,0",
        ),
        Example(
            "two helpers",
            files=submission(
                SampleRun(model=15_979_000),
                code="import helper, second\n\nhelper.run()\n",
                files={"helper.py": _HELPER, "second.py": "x = 1\n"},
            ),
            says="second.py",
        ),
    )

    def check(self, case: "Case") -> Iterator[Finding | Unproven]:
        """Add the imported modules of the folder to the heaviest seed's total."""
        helpers = _helpers(case)
        totals = [w for w in weigh(case.evidence) if w.logged]
        if not helpers or not totals:
            return
        cap = int(case.rulebook.limit("artifact_bytes"))
        heaviest = max(totals, key=lambda weighing: weighing.logged or 0)
        logged, extra = heaviest.logged or 0, sum(helpers.values())
        told = ", ".join(helpers)
        beyond = logged <= cap < logged + extra
        yield self.finding(
            f"The entry script imports {told} ({extra:,} bytes) that no total counts; with it the heaviest seed weighs {logged + extra:,} bytes.",
            Location(next(iter(helpers))),
            *([Related(heaviest.log.location(heaviest.total.line), "the heaviest total")] if heaviest.total else []),
            confidence=Confidence.HIGH if beyond else Confidence.LOW,
            severity=Severity.RULING if beyond else Severity.INFO,
        )


def _helpers(case: "Case") -> dict[str, int]:
    """Sizes of the folder's own modules that the source imports, by path."""
    if not isinstance(case.source, Source):
        return {}
    paths = {layer.file for layer in case.source.modules.values()} - {case.source.file}
    return {path: case.folder.files[path].size for path in sorted(paths) if path in case.folder.files}
