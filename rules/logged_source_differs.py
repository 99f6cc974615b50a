"""The source that a log carries is not the source that was shipped."""

import difflib
from collections.abc import Iterator
from itertools import zip_longest
from typing import TYPE_CHECKING, ClassVar

from golf_audit.decoding.source import Source
from golf_audit.evidence.runtime import Embedded
from golf_audit.evidence.samples import SampleRun, submission
from golf_audit.evidence.uncommented import uncommented
from golf_audit.finding import Confidence, Finding, Location, Related, Severity, Unproven
from golf_audit.rule import Example, Rule
from golf_audit.text import shorten

if TYPE_CHECKING:
    from golf_audit.case import Case

_CODE = """\
import os
import sys
from pathlib import Path


class Hyperparameters:
    ttt_enabled = bool(int(os.environ.get("TTT_ENABLED", "0")))
    matrix_lr = float(os.environ.get("MATRIX_LR", 0.022))


def main():
    print(Path(sys.argv[0]))


if __name__ == "__main__":
    main()
"""
_RULE = "=" * 100
_SHOWN = 3
_WIDTH = 80


def _with_source(code: str) -> dict[str, str]:
    return {"train_seed42.log": f"{code}\n{_RULE}\nRunning Python 3.12.3\n{_RULE}\n" + SampleRun().log()}


class LoggedSourceDiffers(Rule):
    """
    The script in the folder should be the script that ran.

    Many runs print their own source into the log first. Where the shipped script differs from that print, the numbers are
    of another script. A comment, a docstring or an empty line changes nothing; a changed constant may change everything, so the changed lines are shown.
    """

    code = "GA-CODE-003"
    severity = Severity.METADATA
    authority = ("readme-r10",)
    would_change = "The script that the log shows, or a log of the shipped script."
    legal: ClassVar[tuple[Example, ...]] = (
        Example("the same text", files=submission(SampleRun(), code=_CODE, files=_with_source(_CODE))),
        Example(
            "comments and blank lines differ",
            files=submission(SampleRun(), code="# tidied\n\n" + _CODE, files=_with_source(_CODE)),
        ),
        Example(
            "a docstring more",
            files=submission(SampleRun(), code=f'"""What it is."""\n{_CODE}', files=_with_source(_CODE)),
        ),
        Example("a log without source", files=submission(SampleRun(), code=_CODE)),
    )
    illegal: ClassVar[tuple[Example, ...]] = (
        Example(
            "a switch turned off",
            files=submission(SampleRun(), code=_CODE, files=_with_source(_CODE.replace('"0"', '"1"'))),
            says="TTT_ENABLED",
        ),
        Example(
            "another rate",
            files=submission(SampleRun(), code=_CODE, files=_with_source(_CODE.replace("0.022", "0.021"))),
            says="(shipped: 'matrix_lr",
        ),
        Example(
            "a line more",
            files=submission(
                SampleRun(), code=_CODE.replace("    print", "    sys.exit(0)\n    print"), files=_with_source(_CODE)
            ),
            says="'sys.exit(0)' (shipped only)",
        ),
    )

    def check(self, case: "Case") -> Iterator[Finding | Unproven]:
        """Compare each claimed run's printed source with every layer of the shipped one."""
        if not isinstance(case.source, Source):
            return
        shipped = [layer for layer in case.source.layers if layer.text.strip()]
        known = {_plain(layer.text): layer for layer in shipped}
        for log, _ in case.evidence.claimed_runs:
            sources = [source for source in log.sources if _is_script(source)]
            if not sources or any(_plain(source.text) in known for source in sources):
                continue
            printed = sources[-1]
            same = shipped and _without(printed.text) == _without(shipped[-1].text)
            changed = _changes(printed.text, shipped[-1].text) if shipped and not same else []
            if not changed:
                continue
            told = "; ".join(line for _, line in changed[:_SHOWN])
            yield self.finding(
                f"The log's own source differs from the shipped script in {len(changed)} line{'s' if len(changed) > 1 else ''}, such as {told}.",
                log.location(printed.line + max(changed[0][0] - 1, 0)),
                Related(Location(shipped[-1].file, layer=shipped[-1].index), "the shipped script"),
                confidence=Confidence.MEDIUM,
            )
            return


def _is_script(source: Embedded) -> bool:
    return "def " in source.text or "import " in source.text


def _lines(text: str) -> list[tuple[int, str]]:
    """Numbered lines that say something, without comments and trailing space."""
    return [
        (n, line.rstrip())
        for n, line in enumerate(text.splitlines(), 1)
        if line.strip() and not line.lstrip().startswith("#")
    ]


def _without(text: str) -> str:
    """The program without comments and docstrings; the text itself where it does not parse."""
    return uncommented(text) or text


def _plain(text: str) -> str:
    return "\n".join(line for _, line in _lines(text))


def _changes(printed: str, shipped: str) -> list[tuple[int, str]]:
    """Lines in which the texts differ: the number in the printed one, and in words what either has there."""
    old, new = _lines(printed), _lines(shipped)
    before, after = [line for _, line in old], [line for _, line in new]
    found: list[tuple[int, str]] = []
    for tag, low, high, start, stop in (
        difflib.SequenceMatcher(None, before, after, autojunk=False).get_opcodes() if len(before) < _LONG else ()
    ):
        if tag != "equal":
            place = old[low][0] if low < len(old) else old[-1][0] if old else 0
            found += [(place, _told(*pair)) for pair in zip_longest(before[low:high], after[start:stop])]
    return found or ([] if len(before) < _LONG else [(0, "too long to compare line by line")])


def _told(printed: str | None, shipped: str | None) -> str:
    """One line of the log's text beside one of the shipped one, either of which may be missing."""
    if printed is None or shipped is None:
        return f"{shorten(printed or shipped or '', _WIDTH)!r} ({'shipped' if printed is None else 'logged'} only)"
    return f"{shorten(printed, _WIDTH)!r} (shipped: {shorten(shipped, _WIDTH)!r})"


_LONG = 6_000
