"""From a script as shipped to the text that runs."""

import ast
from dataclasses import replace
from types import MappingProxyType

from golf_audit.decoding.chain import find_chain, is_program
from golf_audit.decoding.entering import may_run_another, tells_of_another
from golf_audit.decoding.limits import Budget, LimitReached, Limits
from golf_audit.decoding.machine import Machine
from golf_audit.decoding.modules import find_modules, written_files
from golf_audit.decoding.source import Layer, Note, Source, Undecodable, UndecodableKind
from golf_audit.decoding.twins import compare_twins
from golf_audit.decoding.values import Frame
from golf_audit.decoding.world import Run, World
from golf_audit.folder import Folder
from golf_audit.parsing import ParseFailure, parse

_PROGRAM_STEPS = 200_000
"""Steps that are followed of a script that looks like a program already."""


def decode(folder: Folder, path: str, limits: Limits | None = None) -> Source | Undecodable:
    """
    The text that runs when the script at `path` in `folder` is started, or why it cannot be had.

    Nothing is executed: constants are read, and what a wrapper does with them is done by functions of our own.
    """
    limits = limits or Limits()
    peeled = _peel(folder, path, limits)
    if isinstance(peeled, Undecodable):
        return peeled
    source = _source(peeled, path, limits)
    return replace(source, notes=(*source.notes, *compare_twins(folder, source))) if source.packed else source


class _Peeled:
    """A script followed down to its program."""

    def __init__(self, chain: list[Run], world: World, notes: tuple[Note, ...] = ()) -> None:
        self.chain = chain
        self.world = world
        self.notes = notes

    @property
    def layers(self) -> tuple[Layer, ...]:
        """The texts, from the file as shipped to the program."""
        return tuple(run.layer for run in self.chain if run.layer is not None)


def _source(peeled: _Peeled, path: str, limits: Limits) -> Source:
    last, packed = peeled.chain[-1], len(peeled.chain) > 1
    return Source(
        path,
        peeled.layers,
        MappingProxyType(last.environment if packed else {}),
        find_modules(peeled.world, peeled.chain, path, lambda member: _module(peeled.world.folder, member, limits)),
        MappingProxyType(last.constants if packed else {}),
        written_files(peeled.world, path),
        peeled.notes,
    )


def _module(folder: Folder, member: str, limits: Limits) -> Layer:
    """What a module beside the script runs as; its own text where that cannot be had."""
    file = folder.files[member]
    if tells_of_another(file.text) and not isinstance(peeled := _peel(folder, member, limits), Undecodable):
        return peeled.layers[-1]
    return Layer.of(file.data, file.text, index=0, file=member, verbatim=True)


def _peel(folder: Folder, path: str, limits: Limits) -> _Peeled | Undecodable:
    """Follow a script down to its program."""
    file = folder.files.get(path)
    if file is None:
        return _failed(f"{path} is not in the folder", Layer.of(b"", "", index=0, file=path))
    shipped = Layer.of(file.data, file.text, index=0, file=path, verbatim=True)
    if file.truncated:
        return _failed(f"{path} has {file.size:,} bytes, too many to read", shipped, UndecodableKind.LIMIT)
    if (failure := _unusable((shipped,))) is not None:
        return failure
    run = Run(shipped, shipped.location(0))
    if not may_run_another(file.text):
        return _Peeled([run], World(folder, Budget(limits)))
    steps = min(_PROGRAM_STEPS, limits.steps) if is_program(run) else limits.steps
    world = World(folder, Budget(replace(limits, steps=steps)))
    trouble = _follow(world, run, path)
    found = find_chain(run)
    if isinstance(found, Undecodable):
        return trouble or found
    peeled = _Peeled(found[0], world, tuple(found[1]))
    if trouble is not None and tells_of_another(peeled.layers[-1].text) and not is_program(peeled.chain[-1]):
        return trouble
    return (_unusable(peeled.layers) if len(peeled.layers) > 1 else None) or peeled


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
    message = f"The script cannot be unpacked: {reason}."
    return Undecodable(message, machine.here(), UndecodableKind.LIMIT, (machine.layer,))


def _unusable(layers: tuple[Layer, ...]) -> Undecodable | None:
    """Why the last layer's text is no program: empty, broken, or too new to parse here."""
    layer = layers[-1]
    what = "The script" if layer.index == 0 else "The text that the script unpacks"
    if not layer.text.strip():
        return Undecodable(f"{what} is empty.", layer.location(0), UndecodableKind.EMPTY, layers)
    parsed = parse(layer.text)
    if isinstance(parsed, ParseFailure):
        kind = UndecodableKind.BROKEN if parsed.broken else UndecodableKind.UNDECODABLE
        verdict = "is not Python of any version" if parsed.broken else "cannot be parsed here"
        return Undecodable(f"{what} {verdict}: {parsed.reason}.", layer.location(parsed.line), kind, layers)
    if all(map(_says_nothing, parsed.tree.body)):
        return Undecodable(f"{what} holds no code.", layer.location(0), UndecodableKind.EMPTY, layers)
    return None


def _says_nothing(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.Pass) or (
        isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
    )


def _failed(reason: str, layer: Layer, kind: UndecodableKind = UndecodableKind.UNDECODABLE) -> Undecodable:
    return Undecodable(f"The script cannot be unpacked: {reason}.", layer.location(0), kind, (layer,))
