"""The README states a hyper-parameter that the log does not."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, ClassVar

from golf_audit.evidence.samples import SampleRun, submission
from golf_audit.evidence.stated import disagreements
from golf_audit.finding import Finding, Related, Severity, Unproven
from golf_audit.rule import Example, Rule

if TYPE_CHECKING:
    from golf_audit.case import Case

_RUN = SampleRun(settings="ttt_enabled: True\nttt_epochs: 2\nmin_lr: 0.1")
_TABLE = "# R\n\n## Hyperparameters\n\n| Parameter | Value |\n|---|---|\n| `{name}` | {value} |\n"
_COMMAND = "# R\n\n## Reproduction\n\n```bash\n{env} torchrun --nproc_per_node=8 train_gpt.py\n```\n"


class StatedSettingDiffers(Rule):
    """
    The settings that a README gives must be those that ran.

    Whoever reproduces a result copies the table or the command. A setting that the log echoes with another value makes that
    another run. Only numbers and switches are compared, under the very name that the log prints; settings that the seeds
    themselves disagree on are another rule's matter.
    """

    code = "GA-META-007"
    severity = Severity.METADATA
    authority = ("readme-r10",)
    would_change = "A README with the logged value, or the log of a run with the stated one."
    legal: ClassVar[tuple[Example, ...]] = (
        Example("the table of the run", files=submission(_RUN, readme=_TABLE.format(name="min_lr", value="0.10"))),
        Example(
            "a switch in other words", files=submission(_RUN, readme=_COMMAND.format(env="TTT_ENABLED=1 MIN_LR=1e-1"))
        ),
        Example("epochs as logged", files=submission(_RUN, readme="# R\n\nScore-first TTT, 2 epochs per chunk.\n")),
        Example(
            "an ablation's setting",
            files=submission(
                _RUN, readme=_TABLE.format(name="min_lr", value="0.0").replace("Hyperparameters", "Ablation")
            ),
        ),
        Example(
            "a default that the log does not print", files=submission(_RUN, readme=_COMMAND.format(env="EMA_DECAY=0.9"))
        ),
        Example(
            "epochs of a predecessor", files=submission(_RUN, readme="# R\n\nTTT with 2 epochs instead of 3 epochs.\n")
        ),
    )
    illegal: ClassVar[tuple[Example, ...]] = (
        Example(
            "in the table", files=submission(_RUN, readme=_TABLE.format(name="min_lr", value="0.0")), says="min_lr 0.0"
        ),
        Example(
            "in the command", files=submission(_RUN, readme=_COMMAND.format(env="TTT_ENABLED=0")), says="ttt_enabled 0"
        ),
        Example(
            "epochs in prose",
            files=submission(_RUN, readme="# R\n\n- **3-epoch** score-first TTT\n"),
            says="ttt_epochs 3",
        ),
        Example(
            "two at once",
            files=submission(_RUN, readme=_COMMAND.format(env="MIN_LR=0 TTT_EPOCHS=3")),
            says="2 settings",
        ),
    )

    def check(self, case: "Case") -> Iterator[Finding | Unproven]:
        """Name every stated setting that the claimed runs echo otherwise."""
        found = list({one.name: one for one in disagreements(case.evidence)}.values())
        if not found:
            return
        told = ", ".join(f"{one.name} {one.stated.value} (logged {one.logged.value})" for one in found[:_SHOWN])
        what = "1 setting" if len(found) == 1 else f"{len(found)} settings"
        yield self.finding(
            f"The README gives {what} otherwise than the log: {told}{' and more' if len(found) > _SHOWN else ''}.",
            found[0].stated.location,
            *(Related(one.logged.location, f"{one.name} is {one.logged.value}") for one in found[:_SHOWN]),
        )


_SHOWN = 6
