"""From the entry script to what it does: the walk and its result."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final, TypeVar

from golf_audit.events import Event, Node, Update
from golf_audit.finding import Location, Unproven
from golf_audit.parsing import ParseFailure, parse
from golf_audit.program.library import Library
from golf_audit.program.machine import OutOfBudgetError, Site, SourceText
from golf_audit.program.objects import External, Module, Scope, Table
from golf_audit.program.values import EMPTY, NO, UNKNOWN, Context, V, const
from golf_audit.program.witness import Witness

if TYPE_CHECKING:
    from golf_audit.decoding.source import Source
    from golf_audit.evidence.configuration import Configuration

E = TypeVar("E", bound=Event)

CLUSTER: Final = {
    "RANK": "0",
    "WORLD_SIZE": "8",
    "LOCAL_RANK": "0",
    "LOCAL_WORLD_SIZE": "8",
    "MASTER_ADDR": "localhost",
}
"""The walk plays rank 0 of the contest's eight."""
_WORDS: Final = {"true": True, "false": False, "none": None}
_DEEP: Final = 20_000


@dataclass(frozen=True)
class Walk:
    """What a program does, in order, under the configuration of the claimed run."""

    tree: Node
    """The event tree: calls, loops and events."""
    updates: Mapping[int, Update]
    """Every update by id."""
    tables: Mapping[int, Table]
    sites: Mapping[int, Site]
    """Every trainable state by id."""
    loops: Mapping[int, Context] = field(default_factory=dict)
    """Where each loop begins: the loops and branches around it."""
    unproven: tuple[Unproven, ...] = ()
    steps: int = 0
    """How many expressions were walked: the cost."""
    texts: tuple[SourceText, ...] = ()
    """The source files, in the order that events number them."""
    modules: Mapping[str, ast.Module] = field(default_factory=dict)
    """The parsed source files, by path (the entry's is its innermost layer)."""

    @cached_property
    def events(self) -> tuple[Event, ...]:
        """All events in program order."""
        return tuple(self.tree.events())

    def place(self, file: int, line: int) -> Location:
        """A line of one of the walked files."""
        text = self.texts[file]
        content = text.lines[line - 1].strip() if 0 < line <= len(text.lines) else ""
        return Location(text.file, line, 0, text.layer, content[:400])

    def of(self, kind: type[E]) -> Iterator[E]:
        """The events of one kind."""
        return (e for e in self.events if isinstance(e, kind))


class Walker(Library):
    """A walk of one submission: knows its environment, its modules and its logs."""

    def __init__(self, source: Source, configuration: Configuration, witness: Witness | None = None) -> None:
        super().__init__()
        self.source = source
        self.configuration = configuration
        self.witness = witness
        self.proofs: dict[tuple[ast.If, bool], str] = {}
        self.modules: dict[str, V] = {}
        self.trees: dict[str, ast.Module] = {}
        self.problems: list[Unproven] = []
        self.set_env: dict[str, V] = {}
        self.said: dict[str, str] = {}

    # -- configuration ------------------------------------------------------------------------------------------------

    def environment(self, key: V, default: V) -> V:
        """`os.environ.get(key, default)`: the run's command, then the wrapper's prologue, then the default."""
        name = key.py
        if not isinstance(name, str):
            return self.mix((key, default)).but(flags=EMPTY)
        mark = frozenset((f"env:{name}",))
        self.env_log.append(name)
        if name in self.set_env:
            return self.set_env[name].but(flags=self.set_env[name].flags | mark)
        if name in CLUSTER:
            return const(CLUSTER[name])
        setting = self.configuration.env.get(name)
        if setting is not None and "$" not in setting.value:
            self.said[name] = f"{setting.value} ({setting.source})"
            return const(setting.value).but(flags=mark)
        outer = self.source.environment.get(name)
        if outer is not None:
            self.said[name] = f"{outer.value} (set before the payload)"
            return const(outer.value).but(flags=mark)
        if default.py is not NO:
            self.said.setdefault(name, f"{default.py} (default)")
        return default.but(flags=default.flags | mark)

    def environment_has(self, name: Any) -> bool | None:
        """Whether a variable is set in the run."""
        if name in CLUSTER or name in self.set_env or name in self.configuration.env or name in self.source.environment:
            return True
        return False if self.configuration.env else None

    def set_environment(self, key: V, v: V) -> None:
        """`os.environ[key] = v`."""
        if isinstance(key.py, str):
            self.set_env[key.py] = v
            self.said[key.py] = f"{v.py} (set in the script)" if v.py is not NO else "? (set in the script)"

    def argument(self, option: str, name: str, default: V) -> V:
        """An argument of the command line."""
        mark = frozenset((f"env:{option}",))
        given = self.arguments().get(option)
        if given is not None:
            self.said[option] = f"{given} (command line)"
            return const(_like(given, default.py)).but(flags=mark)
        if default.py is not NO:
            self.said.setdefault(option, f"{default.py} (default)")
        return self.echoed(name, default.but(flags=default.flags | mark))

    def arguments(self) -> Mapping[str, str]:
        """Options given to the script in the run's own command."""
        command = getattr(self.configuration, "command", None)
        return getattr(command, "arguments", {}) or {}

    def echoed(self, name: str, v: V) -> V:
        """A setting as the log shows it: the log wins, for it is what ran."""
        envs = [f for f in v.flags if f.startswith("env:")]
        if not envs:
            return v
        echo = self.configuration.echo.get(name.lower())
        if echo is None or (v.py is NO and v.txt is not None):
            return v
        value = _like(echo.value, v.py)
        if value is NO:
            return v
        for env in envs:
            self.said[env[4:]] = f"{echo.value} (log)"
        if v.py is not NO and v.py == value:
            return v
        out = const(value)
        return V(out.py, lin=out.lin, txt=out.txt, flags=v.flags, deps=v.deps)

    def contradicted(self, node: ast.If, names: tuple[str, ...], *, taken: bool) -> str:
        """The printed line by which the logs show that a branch went the other way; an echoed setting is no guess."""
        tree = self.trees.get(self.texts[self.file].file)
        if self.witness is None or tree is None or any(self.setting_text(n).endswith("(log)") for n in names):
            return ""
        found = self.proofs.get((node, taken))
        if found is None:
            here, there = (node.body, node.orelse) if taken else (node.orelse, node.body)
            line = self.witness.only(there, tree)
            found = "" if line and self.witness.only(here, tree) else line
            self.proofs[node, taken] = found
        return found

    def setting_text(self, name: str) -> str:
        """A setting's value and where it was read."""
        return self.said.get(name, "?")

    # -- modules --------------------------------------------------------------------------------------------------------

    def import_module(self, name: str) -> V:
        """The submission's own modules are walked once; all others are external."""
        bare = name.lstrip(".")
        if bare in self.modules:
            return self.modules[bare]
        layer = self.source.modules.get(bare)
        if layer is None:
            return V(obj=External(bare))
        scope = Scope(None, len(self.texts))
        v = V(obj=Module(bare, scope))
        self.modules[bare] = v
        tree = self.parse(layer.file, layer.index, layer.text)
        if tree is not None:
            outer, line, file, grad = self.scope, self.line, self.file, self.grad
            self.scope, self.file = scope, scope.file
            scope.names["__name__"] = const(bare)
            try:
                self.run(tree.body)
            finally:
                self.scope, self.line, self.file, self.grad = outer, line, file, grad
        return v

    def parse(self, file: str, layer: int, text: str) -> ast.Module | None:
        """Parse one source file and make its lines known."""
        self.texts.append(SourceText(file, layer, tuple(text.splitlines())))
        parsed = parse(text)
        if isinstance(parsed, ParseFailure):
            where = Location(file, parsed.line or 0, 0, layer)
            self.problems.append(Unproven("program", f"{file} does not parse: {parsed.reason}", where))
            return None
        self.trees[file] = parsed.tree
        return parsed.tree

    def go(self) -> Walk:
        """Walk the entry script."""
        layer = self.source.layers[-1]
        tree = self.parse(layer.file, layer.index, layer.text)
        if tree is not None:
            self.scope = Scope(None, 0)
            limit = sys.getrecursionlimit()
            sys.setrecursionlimit(max(limit, _DEEP))
            try:
                self.run(tree.body)
            except OutOfBudgetError:
                self.problems.append(
                    Unproven(
                        "program",
                        "the walk was stopped at its limit; what lies behind it was not seen",
                        self.location(),
                    )
                )
            except RecursionError:
                self.problems.append(Unproven("program", "the program nests too deeply to be walked", self.location()))
            finally:
                sys.setrecursionlimit(limit)
        return Walk(
            self.root,
            self.updates,
            self.tables,
            self.sites,
            self.loop_places,
            tuple(self.problems),
            self.spent,
            tuple(self.texts),
            self.trees,
        )


def _like(text: str, model: Any) -> Any:
    """A logged value in the type of the value that it replaces; `NO` where it does not read as one."""
    plain = text.strip().strip("'\"")
    word = plain.lower()
    if isinstance(model, bool):
        if word in _WORDS:
            return _WORDS[word]
        return bool(int(word)) if word in ("0", "1") else NO
    try:
        if isinstance(model, int):
            return int(float(plain)) if word not in _WORDS else _WORDS[word]
        if isinstance(model, float):
            return float(plain)
    except (ValueError, TypeError):
        return NO
    if isinstance(model, str):
        return plain
    if word in _WORDS:
        return _WORDS[word]
    for kind in (int, float):
        try:
            return kind(plain)
        except ValueError:
            continue
    return NO


def walk(source: Source, configuration: Configuration, witness: Witness | None = None) -> Walk:
    """
    Walk a decoded program from its entry under a configuration; what the logs printed outweighs guessed settings.

    Nothing is executed. The result holds what happens to tokens in program order, and what could not be followed.
    """
    return Walker(source, configuration, witness).go()


__all__ = ["UNKNOWN", "Walk", "walk"]
