"""A record is claimed from runs on other hardware than eight H100."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, ClassVar

from golf_audit.evidence.events import World
from golf_audit.evidence.hardware import CONTEST, other_devices
from golf_audit.evidence.samples import SampleRun, submission
from golf_audit.finding import Confidence, Finding, Related, Severity, Unproven
from golf_audit.rule import Example, Rule

if TYPE_CHECKING:
    from golf_audit.case import Case

_RANKS = 8
_BOX = "|   0  NVIDIA {name}          On  |   00000000:0A:00.0 Off |                    0 |"


class OtherHardware(Rule):
    """
    A record's budgets are of eight H100, and its logs must be of them too.

    Ten minutes on one or four GPUs are another budget, and a projection is no measurement. A run elsewhere is welcome in
    the non-record track. Side experiments on other machines do not matter where the claimed runs are on eight.
    """

    code = "GA-TIME-007"
    severity = Severity.RULING
    authority = ("readme-r3", "cocohearts-1959")
    would_change = "Logs of the claimed runs on eight H100."
    legal: ClassVar[tuple[Example, ...]] = (
        Example("eight ranks", files=submission()),
        Example("eight H100", files=submission(SampleRun(settings="", before=_BOX.format(name="H100 80GB HBM3")))),
        Example(
            "an ablation on another machine, says the README",
            files=submission(readme="# R\n\nTrained on 8xH100 SXM.\nThe sweep ran on 1xA100.\n"),
        ),
        Example(
            "an ablation on one GPU beside the record",
            files=submission(files={"ablation/train_seed7.log": SampleRun(7, 1.2, world=1).log()}),
        ),
        Example(
            "a log that does not say",
            files={"train.log": "final_int8_zlib_roundtrip_exact val_loss:2.0000 val_bpb:1.1845\n"},
        ),
    )
    illegal: ClassVar[tuple[Example, ...]] = (
        Example("one GPU", files=submission(SampleRun(world=1)), says="1 rank"),
        Example(
            "four GPUs in every seed", files=submission(*(SampleRun(s, world=4) for s in (1, 2, 3))), says="4 ranks"
        ),
        Example(
            "another device", files=submission(SampleRun(before="fa:3 gpu:NVIDIA L20Z he:False")), says="NVIDIA L20Z,"
        ),
        Example(
            "eight A800, says the README",
            files=submission(SampleRun(train_ms=1_200_000), readme="# R\n\nTraining (8× A800-SXM4-80GB, 1200 s)\n"),
            says="8 x A800",
        ),
        Example("eight A100", files=submission(SampleRun(before=_BOX.format(name="A100-SXM4-80GB"))), says="A100"),
    )

    def check(self, case: "Case") -> Iterator[Finding | Unproven]:
        """Flag the claimed runs that say they ran elsewhere."""
        if not case.evidence.for_the_record:
            return
        runs = case.evidence.claimed_runs
        few = [(log, run) for log, run in runs if run.world_size not in {None, _RANKS}]
        others = [device for log, run in runs for device in other_devices(case.evidence, log, run)]
        if few:
            log, run = few[0]
            ranks = "1 rank" if run.world_size == 1 else f"{run.world_size} ranks"
            yield self.finding(
                f"{len(few)} of {len(runs)} claimed runs ran on {ranks} instead of {_RANKS}.",
                log.location(run.of(World)[0].line),
                *(Related(other.location(r.of(World)[0].line), f"{r.world_size} ranks") for other, r in few[1:]),
                confidence=Confidence.HIGH if len(few) == len(runs) else Confidence.MEDIUM,
            )
        elif others:
            name, place = others[0]
            yield self.finding(
                f"The claimed run's machine is given as {name}, not eight {CONTEST}.",
                place,
                confidence=Confidence.MEDIUM,
            )
