"""Code outside the entry script runs, and nobody counted its bytes."""

import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, ClassVar

from golf_audit.decoding.source import Source
from golf_audit.evidence.samples import SampleRun, submission
from golf_audit.evidence.sizes import Packing, Weighing, weigh
from golf_audit.evidence.uncommented import uncommented
from golf_audit.finding import Confidence, Finding, Location, Related, Severity, Unproven
from golf_audit.rule import Example, Rule

if TYPE_CHECKING:
    from golf_audit.case import Case

_ENTRY = "import helper\n\nhelper.run()\n"
_PLAIN = "value = 1\n" * 2_000
_NATIVE = (".c", ".cc", ".cpp", ".cu", ".cuh", ".h", ".hpp")
_PACKED = 0.5
"""A script counted with less than this part of its readable text was counted in a packed form."""
_HELPER = "def run():\n    return 1\n" + "#" * 12_000 + "\n"


class UncountedHelper(Rule):
    """
    Code that the entry script runs from the folder should be counted.

    All counted code should be in `train_gpt.py`. A module that it imports, or a native source that it compiles, adds bytes
    that no total contains. Organisers never enforced the sentence, so a helper is reported, and asked about only where it
    would lift the artifact over the cap; where the log counts the script in its packed form, the helper is packed, too.
    """

    code = "GA-ART-004"
    severity = Severity.RULING
    authority = ("readme-r1", "practice-2135")
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
        Example(
            "a native source that is named nowhere",
            files=submission(SampleRun(model=15_979_000), code="print('train')\n", files={"kernel.c": _HELPER}),
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
        Example(
            "a native source that a helper compiles",
            files=submission(
                SampleRun(model=15_979_000),
                code=_ENTRY,
                files={"helper.py": "def run():\n    return 'kernel.c'\n", "kernel.c": "//" * 6_000},
            ),
            says="kernel.c",
        ),
        Example(
            "beyond the margin only where the script is packed and the helper is not: a remark",
            files=submission(
                SampleRun(model=15_987_000, code=4_000), code=_ENTRY + _PLAIN, files={"helper.py": _HELPER}
            ),
            says="packed like the script",
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
        logged, extra = heaviest.logged or 0, sum(len(text.encode()) for text in helpers.values())
        packed = _packed(helpers) if _counts_packed(heaviest, case) and logged <= cap < logged + extra else extra
        beyond = logged <= cap < logged + packed
        remark = f"; packed like the script that the log counts, {logged + packed:,}" if packed != extra else ""
        yield self.finding(
            f"The entry script runs {', '.join(helpers)} ({extra:,} bytes) that no total counts; with that the heaviest seed"
            f" weighs {logged + extra:,} bytes{remark}.",
            Location(next(iter(helpers))),
            *([Related(heaviest.log.location(heaviest.total.line), "the heaviest total")] if heaviest.total else []),
            confidence=Confidence.HIGH if beyond or remark else Confidence.LOW,
            severity=Severity.RULING if beyond else Severity.INFO,
        )


def _helpers(case: "Case") -> dict[str, str]:
    """The folder's own modules that the source imports, and the native sources that any of this code names, by path."""
    if not isinstance(case.source, Source):
        return {}
    paths = {layer.file for layer in case.source.modules.values()} - {case.source.file}
    modules = {path: case.folder.files[path].text for path in sorted(paths) if path in case.folder.files}
    code = "\n".join((case.source.text, *modules.values()))
    native = (file for path, file in case.folder.files.items() if path.endswith(_NATIVE))
    return modules | {file.path: file.text for file in native if re.search(rf"[\"'/]{re.escape(file.name)}[\"']", code)}


def _counts_packed(weighing: Weighing, case: "Case") -> bool:
    """Whether the log counts the script in a packed form."""
    readable = len(case.source.text) if isinstance(case.source, Source) else 0
    return weighing.code is not None and weighing.code.size < _PACKED * readable


def _packed(helpers: Mapping[str, str]) -> int:
    """Bytes of the helpers in one packing, the Python among them without comments."""
    return Packing("\n".join(uncommented(text) or text for text in helpers.values())).size
