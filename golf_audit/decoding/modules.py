"""The submission's own modules that a program can import: files beside it, and what a wrapper bundles."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from pathlib import PurePosixPath
from types import MappingProxyType

from golf_audit.decoding.source import Layer
from golf_audit.decoding.world import Run, World, contents
from golf_audit.folder import File

_IMPORT = re.compile(r"(?:^|[;:\n])[ \t]*import[ \t]+([^;\n#]{1,4000})")
_FROM = re.compile(r"(?:^|[;:\n])[ \t]*from[ \t]+(\.*[\w.]*)[ \t]+import[ \t]*(?:\(([^)]{0,4000})\)|([^;\n#]{0,4000}))")
_DYNAMIC = re.compile(r"(?:import_module|__import__|_install_module)\(\s*['\"]([\w.]+)['\"]")
_NAME = re.compile(r"[\w.]+")
_MOST = 200
"""Modules that are looked at; the largest real submission has some tens."""


def find_modules(
    world: World, chain: list[Run], path: str, decode_module: Callable[[str], Layer]
) -> Mapping[str, Layer]:
    """
    Modules by import name: all that `chain` bundles, and those beside the script that are imported, in turn.

    `decode_module` gives the running text of a file of the folder.
    """
    found = dict(_bundled(world, chain, path))
    last = chain[-1].layer
    waiting = list(imported(last.text if last else "", ""))
    waiting += [name for module, layer in found.items() for name in imported(layer.text, module.rpartition(".")[0])]
    places = _search_path(world, path, any("sys.path" in run.layer.text for run in chain if run.layer))
    seen: set[str] = set(found)
    while waiting and len(found) < _MOST:
        name = waiting.pop()
        if name in seen:
            continue
        seen.add(name)
        member = _member(world, name, places)
        if member is None or member == path:
            continue
        found[name] = layer = decode_module(member)
        package = name if member.endswith("__init__.py") else name.rpartition(".")[0]
        waiting += imported(layer.text, package)
    return MappingProxyType(dict(sorted(found.items())))


def imported(text: str, package: str) -> Iterator[str]:
    """The full names of modules that `text`, a module in `package`, may import, with the packages around them."""
    for match in _IMPORT.finditer(text):
        for part in match[1].split(","):
            yield from _with_packages(part.split(" as ")[0].strip())
    for match in _FROM.finditer(text):
        start = _absolute(match[1], package)
        yield from _with_packages(start)
        for part in _NAME.findall(match[2] or match[3]):
            yield from _with_packages(f"{start}.{part}".strip("."))
    for match in _DYNAMIC.finditer(text):
        yield from _with_packages(match[1])


def _absolute(name: str, package: str) -> str:
    dots = len(name) - len(name.lstrip("."))
    if not dots:
        return name
    parts = package.split(".") if package else []
    return ".".join((*parts[: len(parts) - dots + 1], name.lstrip("."))).strip(".")


def _with_packages(name: str) -> Iterator[str]:
    parts = name.split(".")
    if all(part.isidentifier() for part in parts):
        yield from (".".join(parts[:count]) for count in range(1, len(parts) + 1))


def _search_path(world: World, path: str, changed: bool) -> list[str]:
    """Directories of the folder where modules are looked for: the script's own, and any other if it adds some."""
    own = path.rpartition("/")[0]
    others = {""}
    if changed:
        others |= {
            str(parent) for name in world.folder.files if name.endswith(".py") for parent in PurePosixPath(name).parents
        }
    return [own, *sorted(others - {own, "."}, key=lambda place: (place.count("/"), place))]


def _member(world: World, name: str, places: list[str]) -> str | None:
    tail = name.replace(".", "/")
    for place in places:
        start = f"{place}/" if place else ""
        for candidate in (f"{start}{tail}/__init__.py", f"{start}{tail}.py"):
            if candidate in world.folder.files:
                return candidate
    return None


def _bundled(world: World, chain: list[Run], path: str) -> Iterator[tuple[str, Layer]]:
    """Modules that the wrapper installs from texts of its own, or writes as files."""
    index = len(chain)
    for run in chain:
        for inner in run.runs:
            if inner.module and inner.layer is not None:
                layer = inner.layer
                yield inner.module, layer if layer.verbatim else replace(layer, file=f"{path}!{inner.module}")
    for name, file in written_files(world, path).items():
        if not name.endswith(".py") or any(run.layer is not None and run.layer.text == file.text for run in chain):
            continue
        module = name.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
        yield (
            module,
            Layer.of(file.data, file.text, index=index, file=file.path, how="written by the wrapper", name=name),
        )


def written_files(world: World, path: str) -> Mapping[str, File]:
    """What the wrapper writes, by path relative to the directory it writes to; each is called `script!path`."""
    held = {place: contents(written) for place, written in world.written.items()}
    places = sorted(place for place, data in held.items() if data)
    if not places:
        return MappingProxyType({})
    top = _top(world, places)
    files = {}
    for place in places:
        name = place.relative_to(top).as_posix()
        files[name] = File(f"{path}!{name}", len(held[place]), partial(bytes, held[place]))
    return MappingProxyType(files)


def _top(world: World, places: list[PurePosixPath]) -> PurePosixPath:
    """The directory that all the written files are below."""
    if all(place.is_relative_to(world.directory) for place in places):
        return world.directory
    top = places[0].parent
    while not all(place.is_relative_to(top) for place in places):
        top = top.parent
    return top
