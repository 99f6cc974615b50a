"""The artifact is calibrated on validation tokens that are not scored yet."""

from collections.abc import Iterator

from golf_audit.case import Case
from golf_audit.certainty import certainty, headline_at
from golf_audit.events import Event
from golf_audit.example_parts import CALIBRATED
from golf_audit.example_script import script
from golf_audit.finding import Confidence, Finding, Severity, Unproven
from golf_audit.program.calibration import calibrated, certainly
from golf_audit.program.claimed import Claimed, path_to
from golf_audit.rule import Example, Rule


class CalibrationOnValidation(Rule):
    """
    Activations of validation tokens must not shape the artifact that then scores them.

    Hessians, scales or ranges collected while the model reads validation tokens carry those tokens into the quantised
    weights before any of them is scored. Calibrating on training tokens inside the budget, or on text that the model
    wrote itself, is allowed; what a folder or a variable is called is no evidence either way.

    What counts is a saved model state that depends on validation tokens other than through learning, written before
    the headline. Metrics that are saved beside the weights are not meant.
    """

    code = "GA-DATA-005"
    severity = Severity.DISQUALIFYING
    authority = ("valerio-728", "readme-r6", "guide-c1")
    would_change = (
        "Calibration on training tokens inside the training budget, or on text that the model generates itself."
    )
    legal = (
        Example(
            "on training tokens",
            script(
                """
                torch.save(quantise(model, calibrate(model, train_tokens)), "model.int8.ptz")
                report('final', evaluate(reload("model.int8.ptz"), val_tokens, luts))
                """,
                CALIBRATED,
            ),
        ),
        Example(
            "on text of its own, in a file called ValCalib",
            script(
                """
                val_calib_tokens = generate(model)
                torch.save(quantise(model, calibrate(model, val_calib_tokens)), "ValCalib_GPTQ.ptz")
                report('final', evaluate(reload("ValCalib_GPTQ.ptz"), val_tokens, luts))
                """,
                CALIBRATED,
            ),
        ),
        Example(
            "a checkpoint that keeps its validation score",
            script(
                """
                result = evaluate(model, val_tokens, luts)
                report('before quantisation', result)
                torch.save({"model": model.state_dict(), "val_bpb": result[1]}, "checkpoint.pt")
                report('final', evaluate(model, val_tokens, luts))
                """
            ),
        ),
        Example(
            "activations of validation tokens, kept after everything was scored",
            script(
                """
                report('final', evaluate(model, val_tokens, luts))
                torch.save(quantise(model, calibrate(model, val_tokens)), "analysis.pt")
                """,
                CALIBRATED,
            ),
        ),
    )
    illegal = (
        Example(
            "the first validation windows",
            script(
                """
                torch.save(quantise(model, calibrate(model, val_tokens)), "model.int8.ptz")
                report('final', evaluate(reload("model.int8.ptz"), val_tokens, luts))
                """,
                CALIBRATED,
            ),
            says="validation tokens",
        ),
        Example(
            "a few tokens of it, under an innocent name",
            script(
                """
                calib_tokens = val_tokens[: 4 * SEQ + 1]
                torch.save(quantise(model, calibrate(model, calib_tokens, batches=4)), "model.int8.ptz")
                report('final', evaluate(reload("model.int8.ptz"), val_tokens, luts))
                """,
                CALIBRATED,
            ),
            says="validation tokens",
        ),
        Example(
            "scales written into the weights by hand",
            script(
                """
                with torch.no_grad():
                    scale = torch.zeros(32)
                    for i in range(4):
                        x, y = pairs(val_tokens, i * SEQ)
                        scale += model.table(x).abs().mean((0, 1))
                    model.body.weight.data = model.body.weight.data * scale.clamp_min(1e-6).sqrt()
                report('final', evaluate(model, val_tokens, luts))
                """
            ),
            says="is changed here",
        ),
        Example(
            "by a forward hook",
            script(
                """
                ranges = {}
                def keep(module, inputs, output):
                    ranges["body"] = torch.maximum(ranges.get("body", torch.zeros(())), output.abs().max())
                hook = model.body.register_forward_hook(keep)
                for i in range(8):
                    x, y = pairs(val_tokens, i * SEQ)
                    with torch.no_grad():
                        model(x, y)
                hook.remove()
                state = {k: torch.clamp(v, -ranges["body"], ranges["body"]) for k, v in model.state_dict().items()}
                torch.save(state, "model.pt")
                fresh = Model()
                fresh.load_state_dict(torch.load("model.pt"))
                report('final', evaluate(fresh, val_tokens, luts))
                """
            ),
            says="validation tokens",
        ),
    )

    def check(self, case: Case) -> Iterator[Finding | Unproven]:
        """A model state, written before the headline, that holds activations of validation tokens."""
        claimed = case.claimed
        if claimed is None or case.walk is None:
            return
        for save, refs in calibrated(case.walk, claimed.report, "val"):
            where = "in one pass" if any(r.loops for r in refs) else "as a whole or by random draw"
            how = f"is written or loaded here depends on activations of validation tokens, read {where}"
            yield self._shaped(case, claimed, save, how, sure=certainly(case.walk, save, refs))
            return
        for one in claimed.fitted:
            if not claimed.shared_loops(one):
                how = "is changed here depends on activations of validation tokens"
                yield self._shaped(case, claimed, one.update, how)
                return

    def _shaped(self, case: Case, claimed: Claimed, event: Event, how: str, *, sure: bool = True) -> Finding:
        return self.finding(
            f"The model state that {how} before the headline “{claimed.report.label.strip()}” scores them.",
            event.location,
            *path_to(event),
            headline_at(claimed),
            confidence=certainty(case, event, claimed.report) if sure else Confidence.MEDIUM,
        )
