"""
From the claimed configuration to a toy run: what is made smaller, by how much, and why.

The structure stays as it was claimed: layers, loops, phases, flags. Sizes shrink by what they are sizes of: through the
environment where the script asks it, else by rewriting the literal.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from golf_audit.case import Case
from golf_audit.decoding.source import Source
from golf_audit.trace.constants import Literal, read_literals, rewritten
from golf_audit.trace.knobs import Knob, read_knobs
from golf_audit.trace.roles import Scale, Sizes, toy
from golf_audit.trace.switches import forced

VOCAB = "VOCAB_SIZE"
_DEFAULT_VOCAB = 1024
_MACHINE = frozenset(
    {"WORLD_SIZE", "RANK", "LOCAL_RANK", "RUN_ID", "DATA_DIR", "DATA_PATH", "TOKENIZER_PATH", "LOGFILE"}
)
_ALONE = {
    "RANK": "0",
    "LOCAL_RANK": "0",
    "WORLD_SIZE": "1",
    "LOCAL_WORLD_SIZE": "1",
    "MASTER_ADDR": "127.0.0.1",
    "MASTER_PORT": "29500",
}
"""What a launcher of one process sets; given to scripts that do not run without."""
_PLACES = {"DATA_PATH": "./data/datasets", "DATA_DIR": "./data", "TOKENIZER_PATH": "./data/tokenizers/toy.model"}
"""Where data are served; given to scripts that have no place of their own."""
_ABOUT_SIZES = frozenset(
    {"AssertionError", "RuntimeError", "ValueError", "IndexError", "ZeroDivisionError", "_LinAlgError", "LinAlgError"}
)
_SECOND = "A second try: the claimed vocabulary, wider heads, longer windows, and thresholds of quantisation and the limit of time as claimed."
_THIRD = "A third try: nearly the claimed widths."
_FORCED = "the claimed line is printed only with it"
SCALES = (
    Scale(),
    Scale(head=32, sequence=128, batch=2048, vocab=0, quantise=False, clock=True, note=_SECOND),
    Scale(head=64, heads=8, sequence=256, batch=4096, steps=4, vocab=0, note=_THIRD),
)
"""From the smallest to the last that is tried."""


@dataclass(frozen=True)
class Change:
    """One setting of the toy run that differs from the claimed run's, or that had to be set."""

    name: str
    claimed: str
    """As text; empty where nothing says."""
    toy: str
    why: str
    place: str = ""
    """The literal that was rewritten, as `file:line`; empty where the environment was set."""


@dataclass(frozen=True)
class Plan:
    """How a submission is run small."""

    environment: Mapping[str, str]
    """All that the environment must hold."""
    changes: tuple[Change, ...]
    vocab: int
    val_tokens: int
    document: int
    """Tokens of each toy document."""
    labels: tuple[str, ...]
    """Labels of the log lines that the claim was made from."""
    notes: tuple[str, ...] = ()
    text: str = ""
    """The program with its literals rewritten."""
    modules: Mapping[str, str] = field(default_factory=dict)
    """Texts of modules beside it that were rewritten, by path."""
    arguments: tuple[str, ...] = ()
    """What the program is called with."""


def plans(case: Case) -> Iterator[Plan]:
    """Toy runs of a submission, the smallest first: where one crashes because of its sizes, the next may not."""
    made: list[Plan] = []
    for scale in SCALES:
        plan = make_plan(case, scale)
        if not made or plan.changes != made[-1].changes:
            made.append(plan)
            yield plan


def may_be_sizes(why: str) -> bool:
    """Whether what ended a run, as `Error: message` or `exit 2`, can be owed to the toy sizes, so that another try may help."""
    return why.partition(":")[0] in _ABOUT_SIZES or why.startswith(("TypeError: unsupported operand type(s)", "exit "))


def make_plan(case: Case, scale: Scale = SCALES[0]) -> Plan:
    """The toy run of a decoded submission; raises ValueError where there is none to run."""
    source = case.source
    if not isinstance(source, Source):
        raise ValueError("the entry script could not be decoded, so there is nothing to run")  # noqa: TRY004 -- no matter of types
    texts = _texts(source)
    labels = tuple(dict.fromkeys(line.label for line in case.evidence.headline_lines))
    knobs = read_knobs(source, case.evidence.configuration)
    must = forced(source.text, labels, knobs)
    on = {name: value for name, value in must.items() if not _stays_off(name, scale)}
    literals = {path: read_literals(text) for path, text in texts.items()}
    sizes = _sizes(knobs.values(), literals.values())
    switched = [change for knob in knobs.values() if (change := _switched(knob, sizes, scale))]
    written = [edit for path, found in literals.items() for one in found if (edit := _written(path, one, sizes, scale))]
    carried = {knob.name: knob.value for knob in knobs.values() if _is_carried(knob)}
    environment = {**carried, **_launched(knobs.values()), **on, **{change.name: change.toy for change in switched}}
    changed = _rewritten(texts, written)
    return Plan(
        environment=environment,
        changes=(
            *switched,
            *(Change(name, "", value, _FORCED) for name, value in on.items()),
            *(_told(edit, edit.path or source.file) for edit in written),
        ),
        vocab=_vocab(environment, sizes, scale),
        val_tokens=scale.tokens,
        document=scale.document,
        labels=labels,
        notes=tuple(note for note in (scale.note,) if note),
        text=changed.pop("", source.text),
        modules=changed,
    )


def _texts(source: Source) -> Mapping[str, str]:
    """The program, by the empty path, and the modules that run as they lie beside it."""
    return {"": source.text, **{layer.file: layer.text for layer in source.modules.values() if layer.verbatim}}


def _sizes(knobs: Iterable[Knob], literals: Iterable[Iterable[Literal]]) -> Sizes:
    """What the claimed run's sizes were: literals, and what the environment said instead."""
    written = {literal.role: literal.value for found in literals for literal in found}
    return {**written, **{knob.name: knob.number for knob in knobs if knob.number is not None}}


def _switched(knob: Knob, sizes: Sizes, scale: Scale) -> Change | None:
    """The change of an environment variable; None where it stays as claimed."""
    found = toy(knob.name, knob.number, sizes, scale)
    if found is None or found[0] == knob.number:
        return None
    return Change(knob.name, knob.value, _text(found[0]), found[1])


@dataclass(frozen=True, slots=True)
class _Edit:
    """A literal that is rewritten."""

    path: str
    literal: Literal
    toy: str
    why: str


def _written(path: str, literal: Literal, sizes: Sizes, scale: Scale) -> _Edit | None:
    """The edit of a literal: it only ever shrinks, and never to nothing."""
    found = toy(literal.role, literal.value, sizes, scale)
    return _Edit(path, literal, _text(found[0]), found[1]) if found and 0 < found[0] < literal.value else None


def _rewritten(texts: Mapping[str, str], edits: Iterable[_Edit]) -> dict[str, str]:
    """The texts that edits change, by path."""
    by_path: dict[str, dict[Literal, str]] = {}
    for edit in edits:
        by_path.setdefault(edit.path, {})[edit.literal] = edit.toy
    return {path: rewritten(texts[path], changes) for path, changes in by_path.items()}


def _told(edit: _Edit, file: str) -> Change:
    return Change(edit.literal.role, _text(edit.literal.value), edit.toy, edit.why, f"{file}:{edit.literal.line}")


def _text(value: float) -> str:
    return str(int(value)) if value == int(value) else str(value)


def _vocab(environment: Mapping[str, str], sizes: Sizes, scale: Scale) -> int:
    """The alphabet of the toy data: as the environment says, else as the script has it."""
    claimed = sizes.get(VOCAB) or _DEFAULT_VOCAB
    said = toy(VOCAB, claimed, sizes, scale)
    return int(float(environment.get(VOCAB) or (said[0] if said else claimed)))


def _stays_off(name: str, scale: Scale) -> bool:
    """Whether a switch is one that a toy run cannot have on."""
    found = toy(name, 1.0, {}, scale)
    return found is not None and not found[0]


def _is_carried(knob: Knob) -> bool:
    """Whether a stated value goes into the toy run as it is: no place of another machine, and no rank."""
    return knob.source != "code" and bool(knob.value) and "/" not in knob.value and knob.name not in _MACHINE


def _launched(knobs: Iterable[Knob]) -> Mapping[str, str]:
    """What a launcher of one process sets, and where data are, where the script does not run without."""
    required = {knob.name for knob in knobs if knob.required}
    ranks = _ALONE if required & _ALONE.keys() else {}
    return {**ranks, **{name: place for name, place in _PLACES.items() if name in required}}
