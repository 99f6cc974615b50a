"""From a script as shipped to the text that runs."""

import ast
from dataclasses import replace

from golf_audit.decoding.entering import SMALL, may_run_another
from golf_audit.decoding.limits import Budget, LimitReached, Limits
from golf_audit.decoding.machine import Machine
from golf_audit.decoding.modules import find_modules, written_files
from golf_audit.decoding.source import Layer, Note, NoteKind, Source, Undecodable, UndecodableKind
from golf_audit.decoding.twins import compare_twins
from golf_audit.decoding.values import Frame
from golf_audit.decoding.world import Run, RunKind, World
from golf_audit.folder import Folder
from golf_audit.parsing import Parsed, ParseFailure, parse

_OWN_DEFINITIONS = 3
_PROGRAM_STEPS = 200_000
"""Steps that are followed of a script that looks like a program already."""
_LAUNCHER = 300
"""Nodes of syntax up to which a script that starts a process is taken to do nothing else."""
_TRIVIAL = 30
"""Nodes of syntax below which a text that a sizeable script runs is no program."""


def decode(folder: Folder, path: str, limits: Limits | None = None) -> Source | Undecodable:
    """
    The text that runs when the script at `path` in `folder` is started, or why it cannot be had.

    Nothing is executed: constants are read, and what a wrapper does with them is done by functions of our own.
    """
    return _decode(folder, path, limits or Limits(), frozenset())


def _decode(folder: Folder, path: str, limits: Limits, above: frozenset[str]) -> Source | Undecodable:
    peeled = _peel(folder, path, limits)
    if isinstance(peeled, Undecodable):
        return peeled
    above |= {path}

    def decode_module(member: str) -> Layer | None:
        inner = _decode(folder, member, limits, above) if member not in above else None
        return inner.layer if isinstance(inner, Source) else None

    chain, world, notes = peeled
    last = chain[-1]
    layers = tuple(run.layer for run in chain if run.layer is not None)
    modules = find_modules(world, chain, path, decode_module)
    source = Source(
        path,
        layers,
        last.environment if len(chain) > 1 else {},
        modules,
        last.constants if len(chain) > 1 else {},
        written_files(world, path),
        tuple(notes),
    )
    if not source.packed or above != {path}:
        return source
    return replace(source, notes=(*source.notes, *compare_twins(folder, source)))


def _peel(folder: Folder, path: str, limits: Limits) -> "tuple[list[Run], World, list[Note]] | Undecodable":
    """The runs from the script as shipped to the program, the world they leave, and what there is to note."""
    file = folder.files.get(path)
    if file is None:
        return _undecodable(f"{path} is not in the folder", Layer.of(b"", "", index=0, file=path))
    shipped = Layer.of(file.data, file.text, index=0, file=path, verbatim=True)
    if file.truncated:
        return _undecodable(f"{path} has {file.size:,} bytes, too many to read", shipped, UndecodableKind.LIMIT)
    first = Run(shipped, shipped.location(0))
    notes: list[Note] = []
    if (failure := _unusable(shipped, [])) is not None:
        return failure
    if not may_run_another(file.text):
        return [first], World(folder, Budget(limits)), notes
    world = World(folder, Budget(replace(limits, steps=_PROGRAM_STEPS) if _is_program(first) else limits))
        trouble = _follow(world, first, path)
        if trouble is not None and not first.runs and not _is_program(first):
            return trouble
    chain = _chain(first, notes)
    if isinstance(chain, Undecodable):
        return chain
    layers = [run.layer for run in chain if run.layer is not None]
    if len(layers) > 1 and (failure := _unusable(layers[-1], layers)) is not None:
        return failure
    return chain, world, notes


def _follow(world: World, run: Run, path: str) -> Undecodable | None:
    """Follow the script; gives what stopped it, where a limit did."""
    script = world.script(path).as_posix()
    names: dict[object, object] = {"__name__": "__main__", "__file__": script}
    world.interpreter.update(
        {"sys.argv": [script], "sys.path": [world.directory.as_posix()], "sys.modules": {}, "linecache.cache": {}}
    )
    machine = Machine(world)
    try:
        machine.follow(run, Frame(names, names))
    except LimitReached as limit:
        reason = str(limit)
    except (RecursionError, MemoryError):
        reason = "it is nested too deeply"
    else:
        return None
    return Undecodable(
        f"The script cannot be unpacked: {reason}.", machine.here(), UndecodableKind.LIMIT, (machine.layer,)
    )


def _unusable(layer: Layer, layers: list[Layer]) -> Undecodable | None:
    """Why a layer's text is no program: empty, broken, or too new to parse here."""
    done = tuple(layers) or (layer,)
    if not layer.text.strip():
        return Undecodable("The script is empty.", layer.location(0), UndecodableKind.EMPTY, done)
    parsed = parse(layer.text)
    if isinstance(parsed, ParseFailure):
        kind = UndecodableKind.BROKEN if parsed.broken else UndecodableKind.UNDECODABLE
        verdict = "is not Python of any version" if parsed.broken else "cannot be parsed here"
        what = "The script" if layer.index == 0 else "The text that the script unpacks"
        return Undecodable(f"{what} {verdict}: {parsed.reason}.", layer.location(parsed.line), kind, done)
    if all(_says_nothing(statement) for statement in parsed.tree.body):
        return Undecodable("The script holds no code.", layer.location(0), UndecodableKind.EMPTY, done)
    return None


def _says_nothing(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.Pass) or (
        isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
    )


def _undecodable(reason: str, layer: Layer, kind: UndecodableKind = UndecodableKind.UNDECODABLE) -> Undecodable:
    return Undecodable(f"The script cannot be unpacked: {reason}.", layer.location(0), kind, (layer,))


def _chain(first: Run, notes: list[Note]) -> list[Run] | Undecodable:
    """From the script as shipped down to the program: a wrapper is followed, a program is stayed with."""
    chain = [first]
    while True:
        run = chain[-1]
        inner = [each for each in _programs(run) if each.layer is not None]
        opaque = [each for each in _programs(run) if each.layer is None]
        if _is_program(run, inner) or not (inner or opaque):
            notes += [_extra(each) for each in (*inner, *opaque)]
            return chain
        if not inner:
            layers = tuple(each.layer for each in chain if each.layer is not None)
            reason = f"What the script runs cannot be read: it depends on {opaque[0].why}."
            return Undecodable(reason, opaque[0].location, UndecodableKind.UNDECODABLE, layers)
        notes += [_extra(each) for each in opaque]
        chain.append(inner[0] if len(inner) == 1 else _joined(inner))


def _programs(run: Run) -> list[Run]:
    """What a text runs as the program; processes only where it is small enough to do nothing but start one."""
    if not run.runs:
        return []
    if _size(run) <= _LAUNCHER:
        return [each for each in run.runs if not each.module or each.kind is RunKind.MODULE]
    return [each for each in run.runs if not each.module and each.kind is not RunKind.PROCESS]


def _is_program(run: Run, inner: "list[Run] | tuple[Run, ...]" = ()) -> bool:
    """Whether a text that runs others is a program itself, rather than a wrapper around them."""
    if run.layer is None or isinstance(parsed := parse(run.layer.text), ParseFailure):
        return False
    own = parsed.nodes
    largest = max((_size(each) for each in inner), default=0)
    defined = sum(isinstance(statement, ast.FunctionDef | ast.ClassDef) for statement in parsed.tree.body)
    if own >= SMALL and defined >= _OWN_DEFINITIONS:
        return own > largest
    return bool(inner) and largest < _TRIVIAL and own > 10 * _TRIVIAL


def _size(run: Run) -> int:
    parsed = parse(run.layer.text) if run.layer is not None else None
    return parsed.nodes if isinstance(parsed, Parsed) else 0


def _extra(run: Run) -> Note:
    if run.layer is None:
        return Note(
            NoteKind.OPAQUE, f"The script also runs what cannot be read: it depends on {run.why}.", run.location
        )
    lines = len(run.layer.lines)
    return Note(NoteKind.EXTRA, f"The script also runs a text of {lines} lines ({run.layer.how}).", run.location)


def _joined(runs: list[Run]) -> Run:
    """Texts that are run one after another among the same names, as one."""
    layers = [run.layer for run in runs if run.layer is not None]
    data = "\n".join(layer.text for layer in layers)
    how = f"{len(layers)} texts run one after another ({'; '.join(sorted({layer.how for layer in layers}))})"
    first, last = layers[0], runs[-1]
    layer = Layer.of(
        data.encode("utf-8", "surrogatepass"), data, index=first.index, file=first.file, how=how, origin=first.origin
    )
    inner = [each for run in runs for each in run.runs]
    return Run(layer, runs[0].location, environment=last.environment, constants=last.constants, runs=inner)
