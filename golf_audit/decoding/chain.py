"""Of all the texts that a script lets run: which is the program, and which are only wrapped around it."""

import ast

from golf_audit.decoding.entering import SMALL
from golf_audit.decoding.source import Layer, Note, NoteKind, Undecodable, UndecodableKind
from golf_audit.decoding.world import Run, RunKind
from golf_audit.parsing import Parsed, parse

_OWN_DEFINITIONS = 3
_LAUNCHER = 300
"""Nodes of syntax up to which a script that starts a process or loads a module is taken to do nothing else."""
_TRIVIAL = 30
"""Nodes of syntax below which a text that a sizeable script runs is no program."""


def find_chain(first: Run) -> tuple[list[Run], list[Note]] | Undecodable:
    """
    From the script as shipped down to the program, with what there is to note on the way.

    A text that is only a wrapper is followed to what it runs; with one that is a program itself the way ends.
    """
    chain, notes = [first], list[Note]()
    while True:
        run = chain[-1]
        programs = _programs(run)
        inner = [each for each in programs if each.layer is not None]
        opaque = [each for each in run.runs if each.layer is None and each.kind is not RunKind.PROCESS]
        opaque += [each for each in programs if each.layer is None and each.kind is RunKind.PROCESS]
        if not inner and opaque and opaque[0] in programs and not is_program(run):
            return _unreadable(chain, opaque[0])
        notes += [_opaque(each) for each in opaque]
        if not inner or is_program(run, inner):
            notes += [_extra(each) for each in inner]
            return chain, notes
        if len(inner) > 1 and all(each.doubtful for each in inner):
            return _undecided(chain, inner)
        chain.append(inner[0] if len(inner) == 1 else _joined(inner))


def is_program(run: Run, inner: "list[Run] | tuple[Run, ...]" = ()) -> bool:
    """Whether a text is a program itself, rather than a wrapper around the `inner` ones that it runs."""
    parsed = _parsed(run)
    if parsed is None:
        return False
    largest = max((_size(each) for each in inner), default=0)
    defined = sum(isinstance(statement, ast.FunctionDef | ast.ClassDef) for statement in parsed.tree.body)
    if parsed.nodes >= SMALL and defined >= _OWN_DEFINITIONS:
        return parsed.nodes > largest
    return bool(inner) and largest < _TRIVIAL and parsed.nodes > 10 * _TRIVIAL


def _programs(run: Run) -> list[Run]:
    """What a text runs that may be the program: modules and processes only where it can do nothing but start them."""
    if not run.runs:
        return []
    if _size(run) <= _LAUNCHER:
        return [each for each in run.runs if not each.module or each.kind is RunKind.MODULE]
    return [each for each in run.runs if not each.module and each.kind is not RunKind.PROCESS]


def _parsed(run: Run) -> Parsed | None:
    parsed = parse(run.layer.text) if run.layer is not None else None
    return parsed if isinstance(parsed, Parsed) else None


def _size(run: Run) -> int:
    parsed = _parsed(run)
    return parsed.nodes if parsed is not None else 0


def _layers(chain: list[Run]) -> tuple[Layer, ...]:
    return tuple(run.layer for run in chain if run.layer is not None)


def _unreadable(chain: list[Run], run: Run) -> Undecodable:
    reason = f"What the script runs cannot be read: it depends on {run.why}."
    return Undecodable(reason, run.location, UndecodableKind.UNDECODABLE, _layers(chain))


def _undecided(chain: list[Run], runs: list[Run]) -> Undecodable:
    reason = f"Which of {len(runs)} texts the script runs depends on what is not known."
    return Undecodable(reason, runs[0].location, UndecodableKind.UNDECODABLE, _layers(chain))


def _opaque(run: Run) -> Note:
    return Note(NoteKind.OPAQUE, f"The script also runs what cannot be read: it depends on {run.why}.", run.location)


def _extra(run: Run) -> Note:
    lines, how = (len(run.layer.lines), run.layer.how) if run.layer is not None else (0, "")
    return Note(NoteKind.EXTRA, f"The script also runs a text of {lines} lines ({how}).", run.location)


def _joined(runs: list[Run]) -> Run:
    """Texts that are run one after another among the same names, as one."""
    layers = _layers(runs)
    text = "\n".join(layer.text for layer in layers)
    layer = Layer.of(
        text.encode("utf-8", "surrogatepass"),
        text,
        index=layers[0].index,
        file=layers[0].file,
        how=f"{len(layers)} texts run one after another ({'; '.join(sorted({layer.how for layer in layers}))})",
        origin=layers[0].origin,
    )
    inner = [each for run in runs for each in run.runs]
    last = runs[-1]
    return Run(layer, runs[0].location, environment=last.environment, constants=last.constants, runs=inner)
