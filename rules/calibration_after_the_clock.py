"""The artifact is calibrated on training tokens after the training time was spent."""

from collections.abc import Iterator

from golf_audit.case import Case
from golf_audit.certainty import certainty, headline_at
from golf_audit.evidence.budget import calibration, training_time
from golf_audit.evidence.runlog import Run, RunLog
from golf_audit.evidence.samples import SampleRun, submission
from golf_audit.example_parts import CALIBRATED
from golf_audit.example_script import script
from golf_audit.finding import Confidence, Finding, Related, Severity, Unproven
from golf_audit.program.calibration import calibrated
from golf_audit.program.claimed import path_to
from golf_audit.rule import Example, Rule

_CALIBRATES = script(
    """
    torch.save(quantise(model, calibrate(model, train_tokens)), "model.int8.ptz")
    report('final', evaluate(reload("model.int8.ptz"), val_tokens, luts))
    """,
    CALIBRATED,
)
_GENERATES = script(
    """
    torch.save(quantise(model, calibrate(model, generate(model))), "model.int8.ptz")
    report('final', evaluate(reload("model.int8.ptz"), val_tokens, luts))
    """,
    CALIBRATED,
)
_PLAIN = script(
    """
    torch.save(model.state_dict(), "model.ptz")
    report('final', evaluate(model, val_tokens, luts))
    """
)
_LATE = "gptq:calibrated 68 layers in 3.6s"


def _ran(code: str, milliseconds: int, before: str = _LATE) -> dict[str, str]:
    """A submission whose one run trained for so long and then calibrated."""
    return dict(submission(SampleRun(train_ms=milliseconds, before=before, label="final"), code=code))


class CalibrationAfterTheClock(Rule):
    """
    Calibration on training tokens must end inside the 600 seconds of training.

    A run that trains for the whole budget and then reads training batches for its Hessians uses training data after
    training. Organisers closed ten pull requests for it, the shortest of which calibrated for 3.1 s: making the
    artifact is no third budget. A run that keeps a reserve, or calibrates on text of its own, is fine.

    Two witnesses are needed: the code, in which activations of training tokens reach the saved model, and the log, in
    which the training clock reached the cap and no reserve was kept.
    """

    code = "GA-TIME-002"
    severity = Severity.DISQUALIFYING
    authority = ("valerio-593", "valerio-609", "readme-r3", "readme-r5")
    would_change = "A log in which training stops early enough for the calibration to end inside the cap, or a calibration without training tokens."
    legal = (
        Example(
            "a reserve of twelve seconds",
            files=_ran(_CALIBRATES, 588_041, "gptq:reserving 12s, effective=588000ms\n" + _LATE),
        ),
        Example("text that the model generates itself", files=_ran(_GENERATES, 600_071)),
        Example("no calibration, the whole budget", files=_ran(_PLAIN, 600_071, "")),
        Example(
            "a cap of 560 seconds", files=_ran(_CALIBRATES, 560_049, "gptq:hessians collected layers=68 time:38.8s")
        ),
    )
    illegal = (
        Example("the full ten minutes, then 3.6 s", files=_ran(_CALIBRATES, 600_042), says="600.0 s"),
        Example(
            "again, with a longer collection",
            files=_ran(_CALIBRATES, 600_098, "gptq:calibrated 41 layers in 11.3s"),
            says="600.1 s",
        ),
        Example("a clock of 600.3 s", files=_ran(_CALIBRATES, 600_302), says="600.3 s"),
    )

    def check(self, case: Case) -> Iterator[Finding | Unproven]:
        """Activations of training tokens in the saved model, and a log whose training clock reached the cap."""
        claimed = case.claimed
        if claimed is None or case.walk is None:
            return
        save = next((found for found, _ in calibrated(case.walk, claimed.report, "train")), None)
        if save is None:
            return
        for log, run in case.evidence.claimed_runs:
            seconds = _spent(case, run)
            if seconds is None:
                continue
            timed = calibration(run)
            yield self.finding(
                f"The saved model depends on activations of training tokens, and training alone took {seconds:.1f} s of the"
                f" {case.rulebook.limit('train_seconds'):.0f} s: the calibration came after.",
                save.location,
                *path_to(save),
                *_clock(log, run),
                headline_at(claimed),
                confidence=certainty(case, save) if timed and case.evidence.for_the_record else Confidence.MEDIUM,
            )
            return


def _spent(case: Case, run: Run) -> float | None:
    """The training clock at the stop, where it used up the cap (and not much more: an unlimited run) and kept no reserve."""
    took, cap = training_time(run), case.rulebook.limit("train_seconds")
    if took is None or took.coarse or run.reserve is not None:
        return None
    return took.seconds if cap <= took.seconds <= 1.02 * cap else None


def _clock(log: RunLog, run: Run) -> Iterator[Related]:
    """The log's lines: where training stopped, and where it calibrates."""
    took = training_time(run)
    if took:
        yield Related(log.location(took.line), "where training stopped")
    for phase in calibration(run)[:1]:
        yield Related(log.location(phase.line), "calibrates after that")
