"""Whether a prediction is changed depends on the token that it predicts."""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass

from golf_audit.case import Case
from golf_audit.events import Exec
from golf_audit.evidence.runlog import RunLog
from golf_audit.evidence.samples import SampleRun, submission
from golf_audit.example_script import script
from golf_audit.finding import Confidence, Finding, Location, Related, Severity, Unproven
from golf_audit.native_gates import SUFFIXES, Gate, gates
from golf_audit.places import place
from golf_audit.rule import Example, Rule

_COUNTER = re.compile(r"\b((?:within|word)\w*_gate|agree\w*)\s*[=:]\s*(\d+)")
_COMPILER = re.compile(r"\b(?:gcc|g\+\+|cc|clang|clang\+\+|nvcc)\b")
_LONG = 400

_KERNEL = """
#include <stdint.h>
int process(const uint16_t *tokens, int64_t n, const uint8_t *starts_word, uint16_t *hint, uint8_t *valid) {
    uint16_t previous = 0;
    for (int64_t i = 0; i < n; ++i) {
        const uint16_t tok = tokens[i];
        const uint8_t starts = starts_word[tok];
        if (!starts) {
            valid[i] = 1;
            hint[i] = lookup(previous);
        } else {
            valid[i] = 0;
            hint[i] = 0;
        }
        insert(previous, tok);
        previous = tok;
    }
    return 0;
}
"""
_EARLIER = (
    _KERNEL.replace("if (!starts) {", "if (!before) {")
    .replace("        insert(previous, tok);", "        before = starts;\n        insert(previous, tok);")
    .replace("uint16_t previous = 0;", "uint16_t previous = 0;\n    uint8_t before = 1;")
)
_BUILD = """
import ctypes, subprocess
subprocess.run(["gcc", "-O3", "-shared", "-fPIC", "-o", "hints.so", "hints.c"], check=True)
hints = ctypes.CDLL("./hints.so")
report('final', evaluate(model, val_tokens, luts))
"""
_OPEN = "ngram:hints total=40540160 token_gate=628130 within_gate=9866847 word_gate=2891588 agree2plus=303177"
_SHUT = "ngram:hints total=40540160 token_gate=628130 within_gate=0 word_gate=0 agree2plus=0"


def _folder(kernel: str, line: str, code: str = script(_BUILD)) -> dict[str, str]:
    """A submission with a kernel, whose log counts how often its gates opened."""
    return dict(
        submission(SampleRun(before=line, label="final"), code=code, files={"hints.c": kernel} if kernel else {})
    )


class RealisedTokenGatesPrediction(Rule):
    """
    Whether and how strongly a hint is applied must not depend on the token that it is about.

    An n-gram helper that skips positions where a word starts, or adds a boost inside words, and takes “word start”
    from the very token it predicts, tells the model something of the answer, however causal the hint itself is.
    Organisers refused rows for it and accepted the same helper with those gates shut, so that two witnesses are needed:
    the native code, and the log's count of how often the gates opened.

    Bytes are counted by properties of the realised token, too; that is no prediction.
    """

    code = "GA-C1-001"
    severity = Severity.DISQUALIFYING
    authority = ("cocohearts-2041", "cocohearts-2140", "cocohearts-2135", "guide-c1")
    would_change = (
        "A gate that reads earlier tokens only, or logs of the claimed runs in which these gates never opened."
    )
    legal = (
        Example("the gates stay shut", files=_folder(_KERNEL, _SHUT)),
        Example("the flag is that of the token before", files=_folder(_EARLIER, _OPEN)),
        Example("no native code", files=_folder("", "", script("report('final', evaluate(model, val_tokens, luts))"))),
        Example(
            "ships the kernel and never builds it",
            files=_folder(_KERNEL, "", script("report('final', evaluate(model, val_tokens, luts))")),
        ),
    )
    illegal = (
        Example("a gate on word starts that opens", files=_folder(_KERNEL, _OPEN), says="within_gate=9866847"),
        Example(
            "the agreement bonus alone",
            files=_folder(_KERNEL, _SHUT.replace("agree2plus=0", "agree2plus=303177")),
            says="agree2plus=303177",
        ),
        Example(
            "the kernel as text inside the script",
            files=_folder(
                "", _OPEN, script(_BUILD, f"SOURCE = r'''{_KERNEL}'''\nopen('hints.c', 'w').write(SOURCE)\n")
            ),
            says="within_gate=9866847",
        ),
    )

    def check(self, case: Case) -> Iterator[Finding | Unproven]:
        """A kernel that gates by the realised token, and what the logs count."""
        found = next(_native_gates(case), None)
        if found is None or case.walk is None:
            return
        where, gate = found
        counts = [count for log, _ in case.evidence.claimed_runs if (count := _counted(log))]
        opened = [count for count in counts if count.open]
        if opened:
            first = opened[0]
            mixed = len(opened) < len(counts) or any(not c.open for log in case.evidence.logs if (c := _counted(log)))
            yield self.finding(
                f"What the helper writes for a position (`{gate.output}`) is gated by the token at that position, and in the claimed"
                f" run the gates opened: {first.words}.",
                where,
                Related(first.location, "counts how often the gates opened"),
                confidence=Confidence.MEDIUM if mixed else Confidence.HIGH,
            )
        elif not counts and any(_COMPILER.search(event.what) for event in case.walk.of(Exec)):
            yield self.unproven(
                f"native code gates `{gate.output}` by the token it is about, and no log counts whether that gate opened",
                where,
            )


@dataclass(frozen=True, slots=True)
class _Count:
    """What a log says about the gates."""

    words: str
    open: bool
    location: Location


def _counted(log: RunLog) -> _Count | None:
    """The last line of a log that counts openings of the gates that read the realised token."""
    for number in range(len(log.file.lines), 0, -1):
        found = _COUNTER.findall(log.file.lines[number - 1])
        if found:
            open_ = [f"{name}={count}" for name, count in found if int(count)]
            return _Count(", ".join(open_), bool(open_), log.location(number))
    return None


def _native_gates(case: Case) -> Iterator[tuple[Location, Gate]]:
    """Gates in the folder's native files, and in native text that the script holds."""
    for path, file in case.folder.files.items():
        if path.endswith(SUFFIXES):
            for gate in gates(file.text):
                yield file.location(gate.line), gate
    if case.walk is None or not any(
        "int" in line and "[" in line and ";" in line for text in case.walk.texts for line in text.lines
    ):
        return
    for path, tree in case.walk.modules.items():
        for node in ast.walk(tree):
            if (
                isinstance(node, ast.Constant)
                and isinstance(node.value, str)
                and len(node.value) > _LONG
                and ";" in node.value
            ):
                for gate in gates(node.value):
                    yield place(case, path, node.lineno + gate.line - 1), gate
