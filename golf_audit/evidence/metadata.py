"""`submission.json`, in all the schemas that are met: its claims, its flags and what is wrong with it."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from golf_audit.evidence.claim import SECONDS, Claim, Quantity
from golf_audit.evidence.naming import is_aside, quantity_of, statistic_of
from golf_audit.evidence.numbers import last_place
from golf_audit.evidence.positions import Document, Leaf, read_json
from golf_audit.finding import Location

if TYPE_CHECKING:
    from golf_audit.submission import File, Folder

_SEED_PART = re.compile(r"(?i)^(?:.*_)?s(?:eed)?[_ -]?(\d+)$|^(\d{1,10})$|^seed[_ -]?(\d+)\b")
_HIGHEST_BPB = 20
_HEADLINES = (
    "/val_bpb",
    "/mean_val_bpb",
    "/val_bpb_mean",
    "/mean_bpb",
    "/bpb",
    "/val_bpb/mean",
    "/results/val_bpb",
    "/score",
)
_STDS = ("/val_bpb_std", "/std_val_bpb", "/bpb_std", "/std", "/val_bpb/std", "/std_bpb", "/val_bpb_stdev")
_TOTALS = (
    "/bytes_total",
    "/total_bytes",
    "/artifact_bytes",
    "/artifact_bytes_max",
    "/artifact_size_bytes",
    "/submission_bytes",
)


@dataclass(frozen=True, slots=True)
class Metadata:
    """What `submission.json` says."""

    file: "File | None" = None
    document: Document = field(default_factory=Document)
    claims: tuple[Claim, ...] = ()
    headline: Claim | None = None
    """The claimed score of the whole, bits per byte."""
    std: Claim | None = None
    total: Claim | None = None
    """The claimed bytes of code and model."""
    code: Claim | None = None
    seeds: tuple[int, ...] = ()
    """Every seed that it names, in order."""

    def location(self, pointer: str = "") -> Location:
        """A field as a place to open; the whole file where `pointer` is empty or unknown."""
        leaf = self.document.leaves.get(pointer)
        return _at(self.file, pointer, leaf) if self.file else Location("submission.json")

    def flags(self) -> Iterator[tuple[str, bool, Location]]:
        """Every boolean with its last name and its place."""
        for pointer, leaf in self.document.leaves.items():
            if isinstance(leaf.value, bool) and self.file:
                yield pointer.rsplit("/", 1)[-1], leaf.value, _at(self.file, pointer, leaf)

    def text(self) -> Iterator[tuple[str, str, Location]]:
        """Every string with its pointer and its place."""
        for pointer, leaf in self.document.leaves.items():
            if isinstance(leaf.value, str) and self.file:
                yield pointer, leaf.value, _at(self.file, pointer, leaf)


def _at(file: "File", pointer: str, leaf: Leaf | None) -> Location:
    if leaf is None:
        return Location(file.path, pointer=pointer)
    line = file.location(leaf.line)
    return Location(file.path, leaf.line, 0, 0, line.text, pointer)


def find_metadata(folder: "Folder") -> "File | None":
    """The metadata file: `submission.json` at the root, else one whose name is nearly that."""
    if "submission.json" in folder.files:
        return folder.files["submission.json"]
    near = [file for path, file in folder.files.items() if re.fullmatch(r"(?i)subb?mission[\w.-]*\.json", path)]
    return near[0] if near else None


def read_metadata(folder: "Folder") -> Metadata:
    """Read the folder's metadata; an empty one where there is no such file."""
    file = find_metadata(folder)
    if file is None:
        return Metadata()
    document = read_json(file.text)
    leaves = document.leaves
    seeds = _seed_lists(leaves)
    claims = tuple(claim for pointer, leaf in leaves.items() if (claim := _claim(file, pointer, leaf, leaves, seeds)))
    return Metadata(
        file=file,
        document=document,
        claims=claims,
        headline=_first(claims, _HEADLINES, Quantity.BPB, file, leaves),
        std=_first(claims, _STDS, Quantity.STD, file, leaves),
        total=_first(claims, _TOTALS, Quantity.TOTAL_BYTES, file, leaves),
        code=_first(claims, ("/bytes_code", "/code_bytes"), Quantity.CODE_BYTES, file, leaves),
        seeds=_all_seeds(leaves, claims),
    )


def _number(leaf: Leaf) -> tuple[float, float] | None:
    """Value and last place of a leaf that is a number, or a string that is nothing else."""
    if isinstance(leaf.value, bool) or leaf.value is None:
        return None
    text = leaf.raw.strip().replace(",", "").removeprefix("~")
    if not re.fullmatch(r"-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?", text):
        return None
    mantissa = re.split("[eE]", text)[0]
    scale = float(text) / float(mantissa) if float(mantissa) else 1.0
    return float(text), last_place(mantissa) * scale


def _first(
    claims: tuple[Claim, ...], pointers: tuple[str, ...], quantity: Quantity, file: "File", leaves: Mapping[str, Leaf]
) -> Claim | None:
    known = {claim.location.pointer: claim for claim in claims}
    for pointer in pointers:
        if pointer in known:
            return known[pointer]
        if pointer in leaves and (number := _number(leaves[pointer])):
            return Claim(quantity, *number, pointer.rsplit("/", 1)[-1], _at(file, pointer, leaves[pointer]))
    return None


def _claim(
    file: "File", pointer: str, leaf: Leaf, leaves: Mapping[str, Leaf], seeds: Mapping[str, tuple[int, ...]]
) -> Claim | None:
    number = _number(leaf)
    parts = pointer.split("/")[1:]
    if number is None or any(is_aside(part) for part in parts):
        return None
    seed = _seed_of(parts, leaves, seeds)
    names = [part for part in parts if not part.isdigit()]
    quantity = next((found for name in reversed(names) if (found := quantity_of(_bare(name)))), None)
    if (
        quantity is None
        and seed is not None
        and any("seed" in name for name in names)
        and 0 < number[0] < _HIGHEST_BPB
        and "." in leaf.raw
    ):
        quantity = Quantity.BPB
    if quantity is None or not _plausible(quantity, number[0]):
        return None
    scale = _scale(parts[-1], quantity)
    label = names[-1] if names else pointer
    statistic = (
        "std" if quantity is Quantity.STD else next((s for part in reversed(parts) if (s := statistic_of(part))), "")
    )
    return Claim(quantity, number[0] * scale, number[1] * scale, label, _at(file, pointer, leaf), seed, statistic)


def _bare(name: str) -> str:
    return re.sub(r"(?i)_?seed_?\d+_?", "", name) or name


def _scale(name: str, quantity: Quantity) -> float:
    if quantity in SECONDS and re.search(r"_ms\b|\bms\b|_ms_", name):
        return 1e-3
    if quantity in {Quantity.TOTAL_BYTES, Quantity.MODEL_BYTES, Quantity.CODE_BYTES} and re.search(
        r"(?i)_mb\b|\bmb\b", name
    ):
        return 1e6
    return 1.0


def _plausible(quantity: Quantity, value: float) -> bool:
    if quantity is Quantity.BPB:
        return 0 < value < _HIGHEST_BPB
    return value >= 0


def _seed_of(parts: list[str], leaves: Mapping[str, Leaf], seeds: Mapping[str, tuple[int, ...]]) -> int | None:
    for depth, part in enumerate(parts):
        parent = "/" + "/".join(parts[:depth]) if depth else ""
        if part.isdigit() and f"{parent}/{part}/seed" in leaves:
            seed = leaves[f"{parent}/{part}/seed"].raw
            return int(seed) if seed.isdigit() else None
        if part.isdigit() and parent in seeds and int(part) < len(seeds[parent]):
            return seeds[parent][int(part)]
        match = _SEED_PART.match(part)
        if match and depth and (not part.isdigit() or _is_keyed(parent, leaves)):
            return int(next(group for group in match.groups() if group))
        if match and not depth and "seed" in part.lower():
            return int(next(group for group in match.groups() if group))
    return None


def _is_keyed(parent: str, leaves: Mapping[str, Leaf]) -> bool:
    """Whether the digits below `parent` are keys of an object rather than places in a list: a list starts at zero and has no gaps."""
    keys = {pointer[len(parent) + 1 :].split("/")[0] for pointer in leaves if pointer.startswith(parent + "/")}
    return not all(key in keys for key in map(str, range(len(keys))))


def _seed_lists(leaves: Mapping[str, Leaf]) -> dict[str, tuple[int, ...]]:
    """Lists that run parallel to the list of seeds, by pointer of the list."""
    listed = [
        int(leaf.raw)
        for pointer, leaf in leaves.items()
        if re.fullmatch(r"/seeds(?:_run)?/\d+", pointer) and leaf.raw.isdigit()
    ]
    if not listed:
        return {}
    parents: dict[str, int] = {}
    for pointer in leaves:
        parent, _, last = pointer.rpartition("/")
        if last.isdigit() and not parent.startswith("/seeds"):
            parents[parent] = parents.get(parent, 0) + 1
    return {parent: tuple(listed) for parent, count in parents.items() if count == len(listed) and parent}


def _all_seeds(leaves: Mapping[str, Leaf], claims: tuple[Claim, ...]) -> tuple[int, ...]:
    found = [
        int(leaf.raw)
        for pointer, leaf in leaves.items()
        if re.fullmatch(r"/seeds(?:_run)?/\d+|.*/\d+/seed", pointer) and leaf.raw.isdigit()
    ]
    found += [claim.seed for claim in claims if claim.seed is not None]
    return tuple(dict.fromkeys(found))
