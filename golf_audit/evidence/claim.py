"""One number that a submission states about itself."""

from dataclasses import dataclass
from enum import StrEnum

from golf_audit.finding import Location


class Quantity(StrEnum):
    """What a stated number is of."""

    BPB = "bpb"
    LOSS = "loss"
    STD = "std"
    TOTAL_BYTES = "total bytes"
    MODEL_BYTES = "model bytes"
    CODE_BYTES = "code bytes"
    TRAIN_SECONDS = "train seconds"
    EVAL_SECONDS = "eval seconds"
    PROCESS_SECONDS = "process seconds"
    """From the start of the evaluating process to its end: what its own timer leaves out, too."""
    STEPS = "steps"


SECONDS = frozenset({Quantity.TRAIN_SECONDS, Quantity.EVAL_SECONDS, Quantity.PROCESS_SECONDS})
BYTES = frozenset({Quantity.TOTAL_BYTES, Quantity.MODEL_BYTES, Quantity.CODE_BYTES})


@dataclass(frozen=True, slots=True)
class Claim:
    """A number with its place; `seed` is None for a number about the whole, `statistic` says which."""

    quantity: Quantity
    value: float
    unit_of_last_place: float
    """What one step of the last written digit is worth, in the quantity's own unit: the rounding a reader must allow."""
    label: str
    """The field or column it stands under."""
    location: Location
    seed: int | None = None
    statistic: str = ""
    """`mean`, `std`, `max`, `min` or empty."""

    @property
    def rounding(self) -> float:
        """What the number may have been rounded to: its last place, or the zeros that end a whole number of bytes, at most four."""
        if self.quantity not in BYTES or self.unit_of_last_place != 1 or not self.value:
            return self.unit_of_last_place
        zeros = next(n for n in (4, 3, 0) if self.value % 10**n == 0)
        return float(10**zeros)

    def agrees(self, observed: float, floor: float = 0.0) -> bool:
        """Whether `observed`, rounded or cut as the claim is, is the claim; `floor` is the least tolerance."""
        return abs(observed - self.value) <= max(1.01 * self.rounding, floor) + 1e-12
