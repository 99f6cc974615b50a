"""Changes that leave a script's meaning alone leave what is said about it alone."""

import contextlib
import hashlib
import io
import os
from functools import cache

import pytest
from _pytest.mark import ParameterSet

from golf_audit import examples
from golf_audit.engine import audit
from golf_audit.finding import Confidence
from golf_audit.folder import Folder
from golf_audit.registry import all_rules
from golf_audit.rule import Example, Rule
from tests.packing import ENTRY
from tests.variants import STRUCTURE, VARIANTS

PROGRAM = '''
"""A program that uses what variants must not break."""
from __future__ import annotations

import functools
import math as maths
import os
from collections import Counter as Tally

LIMIT: int = 3
scale = 2.0


class Settings:
    """Class variables that refer to each other."""

    width = 4
    depth = width * 2
    names = ["width", *[str(i) for i in range(2)]]


class Base:
    def __init__(self, size, *, offset=0):
        self.size = size
        self.offset = offset
        self.items = []

    def grow(self, by=1):
        """Keywords, default values and a closure."""
        def inner(times):
            return self.size + times * by

        for number in range(LIMIT):
            if number == 1:
                continue
            self.items.append(inner(times=number))
        return self

    def total(self, weights=None):
        out = 0
        for index, item in enumerate(self.items):
            weight = 1 if weights is None else weights[index]
            out += item * weight
            previous = out
        return out, previous

    @property
    def doubled(self):
        return 2 * self.size


class Derived(Base):
    def __init__(self, size, **rest):
        super().__init__(size, **rest)
        self.hidden_size = size + self.offset

    def __len__(self):
        return self.hidden_size


def helper(values, factor=scale, *, shift=0):
    total = 0
    for value in values:
        part = value * factor
        total += part
    total += shift
    return total


def only_once(values, label):
    best = None
    for value in values:
        if best is None or value > best:
            best = value
    print(label, "best", best)
    return best


def carries(limit):
    state, seen = 0, []
    for turn in range(limit):
        if turn > 0:
            state += last
        last = turn * turn
        seen.append(state)
    while state > 5:
        state -= 3
        seen.append(state)
        last = state
    return state, seen, last


def applies(function, *arguments, **named):
    return function(*arguments, **named)


def tangled(depth):
    try:
        values = [depth / (depth - 2), depth]
    except ZeroDivisionError as error:
        values = [str(error)]
    finally:
        done = True
    names = {key: value for key, value in zip("ab", values)}
    with contextlib_like() as opened:
        opened.append(depth)
        result = f"{names!r:>20} {opened} {done} {depth:03d}"
        later = lambda x, y=depth: x + y
    print(result, later(1), later(x=2, y=3))
    return result


class contextlib_like:
    def __enter__(self):
        return [1.0, 1, True]

    def __exit__(self, *error):
        return False


counter = 0


def counts():
    global counter
    counter += 1
    return counter


def main():
    settings = Settings()
    print(settings.width, Settings.depth, settings.names, os.environ.get("NO_SUCH_NAME", "default"))
    made = Derived(3, offset=1).grow(by=2)
    print(len(made), made.doubled, made.total(), made.total(weights=[1, 2]), vars(Settings) is not None)
    print(helper([1, 2, 3], shift=1), helper(values=[1], factor=3), applies(helper, [4], shift=2))
    print(functools.partial(helper, shift=5)([1, 2]), maths.floor(2.5), Tally("aab").most_common(1))
    found = only_once([3, 1, 2], label="once")
    print(found, carries(5), tangled(2), tangled(3), counts() + counts())
    for scale in (1, 2):
        print(scale, {True: "t", 0: "z"}[scale > 5 or True], 1 == True, -1.5, b"bytes", None)


if __name__ == "__main__":
    main()
'''


def printed(text: str) -> str:
    """What a script prints."""
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        exec(compile(text, ENTRY, "exec"), {"__name__": "__main__"})
    return out.getvalue()


@pytest.mark.parametrize(
    "program", [PROGRAM, PROGRAM.replace(", vars(Settings) is not None", "")], ids=["vars", "plain"]
)
@pytest.mark.parametrize("name", STRUCTURE)
def test_variant_means_the_same(name: str, program: str) -> None:
    """A changed program is another text that prints the same."""
    files = STRUCTURE[name](program)
    assert files is not None
    changed = files[ENTRY]
    assert isinstance(changed, str)
    assert changed != program
    assert printed(changed) == printed(program), changed


ALL = "GOLF_AUDIT_ALL_VARIANTS"
"""Set this environment variable to try every variant on every example, which takes minutes."""
SECOND = 3
"""Otherwise each example is tried with one change of its text, and one in so many with a second variant of any kind."""


def cases() -> list[ParameterSet]:
    """Every rule's examples with code, each with some variants: always the same ones."""
    every = [
        (rule, example, name)
        for rule in all_rules()
        for example in (*rule.legal, *rule.illegal)
        if example.code
        for name in _drawn(f"{rule.id} {example.title}")
    ]
    return [
        pytest.param(rule, example, name, id=f"{rule.id}: {example.title}: {name}") for rule, example, name in every
    ]


def _drawn(key: str) -> list[str]:
    """Some variants, drawn by hash."""
    digests = {name: hashlib.sha256(f"{key} {name}".encode()).digest() for name in VARIANTS}
    ordered = sorted(VARIANTS, key=digests.__getitem__)
    if os.environ.get(ALL):
        return ordered
    first = next(name for name in ordered if name in STRUCTURE)
    second = next(name for name in ordered if name != first)
    return [first, second] if digests[first][0] % SECOND == 0 else [first]


@cache
def said(rule: Rule, folder: tuple[tuple[str, bytes], ...]) -> tuple[bool, tuple[str, ...]]:
    """Whether one rule flags a folder, and what it could not decide."""
    report = audit(Folder.from_files(dict(folder), name=examples.NAME, track=examples.TRACK), rules=[rule])
    assert not report.errors, report.errors[0].detail
    flagged = any(one.confidence is not Confidence.LOW for one in report.findings)
    return flagged, tuple(one.reason for one in report.unproven)


@pytest.mark.parametrize(("rule", "example", "name"), cases())
def test_variant_is_judged_the_same(rule: Rule, example: Example, name: str) -> None:
    """A variant of an example is flagged where the example is, and undecided where the example is."""
    original = {path: file.data for path, file in examples.folder(example).files.items()}
    files = VARIANTS[name](original[ENTRY].decode())
    if files is None:
        pytest.skip("the variant does not apply")
    changed = original | {path: data.encode() if isinstance(data, str) else data for path, data in files.items()}
    assert said(rule, tuple(changed.items())) == said(rule, tuple(original.items())), files[ENTRY]
