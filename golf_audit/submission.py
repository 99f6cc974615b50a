"""From a path to submissions: which folders a checkout holds, and which of them are the pull request's own."""

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath

from golf_audit.entry import Entry
from golf_audit.folder import File, Folder, on_disk

__all__ = [
    "Attribution",
    "Entry",
    "File",
    "Folder",
    "Submission",
    "SubmissionError",
    "open_submission",
    "read_submission",
]

TRACKS = ("track_10min_16mb", "track_non_record_16mb")
MAX_FILES = 5_000
"""Files of one folder that are looked at; real ones hold some hundreds at most."""
_SKIPPED = frozenset({".git", "__pycache__", ".ipynb_checkpoints", "node_modules", ".venv"})
_EXPECTED = (
    "expected a records folder (with train_gpt.py or README.md), or a checkout that holds records/<track>/<folder>/"
)


class SubmissionError(Exception):
    """A path that is no submission; the message names it and says what was expected."""


@dataclass(frozen=True, slots=True)
class Attribution:
    """A folder that the checkout carries but did not write."""

    path: str
    reason: str
    """A sentence: whose it is."""


@dataclass(frozen=True, slots=True)
class Submission:
    """What a path holds: the folders to judge, and those that are someone else's."""

    folders: tuple[Folder, ...]
    attributed: tuple[Attribution, ...] = ()
    notes: tuple[str, ...] = ()
    """What was left out on the way to the folders: loose files, links."""


def open_submission(path: Path, base: Path | None = None) -> tuple[Folder, ...]:
    """
    The submission folders at `path` that are to be judged, in path order.

    With `base`, another checkout, folders that it holds already with the same content are left out; `read_submission`
    names them. Raises SubmissionError where `path` is no submission.
    """
    return read_submission(path, base).folders


def read_submission(path: Path, base: Path | None = None) -> Submission:
    """
    What the checkout or folder at `path` holds, judged against `base` where given.

    Raises SubmissionError where either path is no directory, or `path` holds no submission.
    """
    scan = _scan(path)
    if not scan.folders:
        found = f" ({' '.join(scan.notes)})" if scan.notes else ""
        raise SubmissionError(f"{path}: no submission here{found}; {_EXPECTED}")
    if base is None:
        return Submission(tuple(scan.folders), notes=tuple(scan.notes))
    known = {_key(folder): folder for folder in _scan(base).folders}
    shapes = {_shape(folder): folder for folder in known.values()}
    kept, attributed = [], []
    for folder in scan.folders:
        twin, lookalike = known.get(_key(folder)), shapes.get(_shape(folder))
        if twin is not None and _same(folder, twin):
            attributed.append(Attribution(folder.path, "The base holds this folder already, byte for byte."))
        elif twin is not None:
            kept.append(
                _noted(folder, f"The base holds a folder of this name; it differs in {_changes(folder, twin)}.")
            )
        elif lookalike is not None and _same(folder, lookalike):
            kept.append(_noted(folder, f"The base holds the same files as {lookalike.path}."))
        else:
            kept.append(folder)
    return Submission(tuple(kept), tuple(attributed), tuple(scan.notes))


@dataclass(frozen=True, slots=True)
class _Scan:
    """Folders found below one root, and what was passed over."""

    root: Path
    folders: list[Folder] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def _scan(path: Path) -> _Scan:
    if not path.exists():
        raise SubmissionError(f"{path}: no such directory; {_EXPECTED}")
    if not path.is_dir():
        raise SubmissionError(f"{path}: a file, not a directory; {_EXPECTED}")
    root = Path(os.path.realpath(path))
    scan = _Scan(root)
    if root.name == "records" or root.name in TRACKS:
        _descend(scan, root, ("records",) if root.name == "records" else ("records", root.name))
    elif _is_link_free_dir(root / "records"):
        _descend(scan, root / "records", ("records",))
    elif any(_is_link_free_dir(root / track) for track in TRACKS):
        _descend(scan, root, ("records",))
    elif _has_submission_files(root):
        scan.folders.append(_folder(root, _place(root)))
    return scan


def _place(root: Path) -> tuple[str, ...]:
    """Where a folder that was named itself lies below its checkout's `records`, as far as its path tells."""
    parts = root.parts
    if "records" in parts[:-1]:
        return parts[len(parts) - 2 - parts[-2::-1].index("records") :]
    return (root.parent.name, root.name) if root.parent.name in TRACKS else (root.name,)


def _descend(scan: _Scan, directory: Path, place: tuple[str, ...]) -> None:
    """Find the folders below `directory`, which only groups them."""
    loose = 0
    for entry in _entries(directory):
        here = (*place, _shown(entry.name))
        if entry.is_symlink():
            scan.notes.append(f"{'/'.join(here)}: a symbolic link, not followed.")
        elif not entry.is_dir(follow_symlinks=False):
            loose += 1
        elif entry.name in _SKIPPED:
            continue
        elif _groups(Path(entry.path), entry.name, place):
            _descend(scan, Path(entry.path), here)
        else:
            scan.folders.append(_folder(Path(entry.path), here))
    if loose:
        files = "one loose file" if loose == 1 else f"{loose} loose files"
        scan.notes.append(f"{'/'.join(place)}: {files} outside any submission folder, not judged.")


def _groups(directory: Path, name: str, place: tuple[str, ...]) -> bool:
    """Whether `directory` is no submission itself but holds some: a track, a second `records`, a named group."""
    if name == "records" or name in TRACKS:
        return True
    if place[-1] in TRACKS:
        return False
    entries = list(_entries(directory))
    return not any(entry.is_file(follow_symlinks=False) for entry in entries) and any(
        _has_submission_files(Path(entry.path)) for entry in entries if entry.is_dir(follow_symlinks=False)
    )


def _has_submission_files(directory: Path) -> bool:
    names = [entry.name.lower() for entry in _entries(directory) if not entry.is_dir(follow_symlinks=False)]
    return any(name.endswith(".py") or name.startswith(("readme", "submission.json")) for name in names)


def _folder(directory: Path, place: tuple[str, ...]) -> Folder:
    notes: list[str] = []
    files: list[File] = []
    for file in _walk(directory, directory, "", notes):
        if len(files) == MAX_FILES:
            notes.append(f"More than {MAX_FILES:,} files; the rest is not looked at.")
            break
        if file.truncated:
            notes.append(f"{file.path}: {file.size:,} bytes, of which only the first {len(file.data):,} are read.")
        files.append(file)
    track = next((part for part in reversed(place[:-1]) if part in TRACKS), "")
    return Folder.of(files, name=place[-1], track=track, path="/".join(place), notes=tuple(notes))


def _walk(root: Path, directory: Path, prefix: str, notes: list[str]) -> Iterator[File]:
    """Every regular file below `directory`; links are followed to regular files inside `root` and nowhere else."""
    for entry in _entries(directory):
        shown = prefix + _shown(entry.name)
        if entry.is_symlink():
            target = Path(os.path.realpath(entry.path))
            if not target.is_relative_to(root):
                notes.append(f"{shown}: a symbolic link that leaves the folder, refused.")
            elif target.is_file():
                yield on_disk(shown, target, target.stat().st_size)
            else:
                notes.append(f"{shown}: a symbolic link to no file, not followed.")
        elif entry.is_dir(follow_symlinks=False):
            if entry.name not in _SKIPPED:
                yield from _walk(root, Path(entry.path), f"{shown}/", notes)
        elif stat.S_ISREG((status := entry.stat(follow_symlinks=False)).st_mode):
            yield on_disk(shown, Path(entry.path), status.st_size)
        else:
            notes.append(f"{shown}: neither a file nor a directory, left out.")


def _entries(directory: Path) -> list["os.DirEntry[str]"]:
    try:
        with os.scandir(directory) as found:
            return sorted(found, key=lambda entry: entry.name)
    except OSError as error:
        raise SubmissionError(f"{directory}: cannot be read ({error.strerror})") from error


def _is_link_free_dir(directory: Path) -> bool:
    return directory.is_dir() and not directory.is_symlink()


def _shown(name: str) -> str:
    """A file name that can be printed, whatever bytes it is made of."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def _key(folder: Folder) -> str:
    """A folder's identity across checkouts: its track and name."""
    return str(PurePosixPath(folder.track, folder.name))


def _same(folder: Folder, twin: Folder) -> bool:
    return folder.files.keys() == twin.files.keys() and all(
        _equal(file, twin.files[path]) for path, file in folder.files.items()
    )


def _equal(file: File, other: File) -> bool:
    return file.size == other.size and file.data == other.data


def _shape(folder: Folder) -> tuple[tuple[str, int], ...]:
    """Paths and sizes, by which a copy is found before anything is read."""
    return tuple((file.path, file.size) for file in folder.files.values())


def _changes(folder: Folder, twin: Folder) -> str:
    """The files that two folders of one name do not share, for showing."""
    return ", ".join(
        path
        for path in sorted(folder.files.keys() | twin.files.keys())
        if path not in folder.files or path not in twin.files or not _equal(folder.files[path], twin.files[path])
    )


def _noted(folder: Folder, note: str) -> Folder:
    return replace(folder, notes=(*folder.notes, note))
