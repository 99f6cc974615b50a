"""Validation tokens are trained on before the headline score."""

from collections.abc import Iterator

from golf_audit.case import Case
from golf_audit.certainty import certainty, unseen
from golf_audit.example_script import script
from golf_audit.finding import Finding, Severity, Unproven
from golf_audit.order import Relation
from golf_audit.program.claimed import path_to, why_live
from golf_audit.rule import Example, Rule

_ADAPT = """
def adapt(model, tokens, epochs):
    optimizer = torch.optim.AdamW(model.parameters(), lr=5e-4)
    for epoch in range(epochs):
        for start in range(0, tokens.numel() - 1, SEQ):
            x, y = pairs(tokens, start)
            optimizer.zero_grad()
            model(x, y).backward()
            optimizer.step()
"""
_SCORE_FIRST = """
def score_first(model, tokens, luts, epochs=3):
    loss_sum, byte_count = 0.0, 0
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-3)
    for start in range(0, tokens.numel() - 1, SEQ):
        x, y = pairs(tokens, start)
        with torch.no_grad():
            loss_sum += model(x, y).item() * y.numel()
            byte_count += count_bytes(luts, x, y)
        for epoch in range(epochs):
            optimizer.zero_grad()
            model(x, y).backward()
            optimizer.step()
    return loss_sum / tokens.numel(), loss_sum / math.log(2.0) / byte_count
"""
_PHASED = """
def learn_from(model, tokens):
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-3)
    for start in range(0, tokens.numel() - 1, SEQ):
        x, y = pairs(tokens, start)
        optimizer.zero_grad()
        model(x, y).backward()
        optimizer.step()

def phased(model, tokens, luts, documents):
    loss_sum, byte_count, scored = 0.0, 0, []
    for number, (first, length) in enumerate(documents):
        x, y = pairs(tokens, first, length)
        with torch.no_grad():
            loss_sum += model(x, y).item() * y.numel()
            byte_count += count_bytes(luts, x, y)
        scored.append((first, length))
        if len(scored) == 100:
            learn_from(model, torch.cat([tokens[a : a + n] for a, n in scored]))
    return loss_sum / tokens.numel(), loss_sum / math.log(2.0) / byte_count
"""


class TrainThenScore(Rule):
    """
    A model that was trained on validation tokens must not then be scored on them.

    A token may be learned from only after it was scored (README, test-time training). Adapting on the validation
    split before the headline evaluation, for one epoch or many, before quantisation or after, is training on the
    test set, even where an earlier evaluation of the untouched model was printed first: that one is not the claim.

    What decides is the headline: the report that the claim was made from, the states that its losses were computed
    with, and the updates that those states had been through. Code that is there but not on that path is no foul.
    """

    code = "GA-C3-001"
    severity = Severity.DISQUALIFYING
    authority = ("readme-r7", "valerio-771", "cocohearts-1972", "guide-c3")
    would_change = (
        "Show that the claimed number comes from an evaluation that the update does not reach, or that the logged run "
        "had the update switched off."
    )
    legal = (
        Example("scores without adapting", script("report('final', evaluate(model, val_tokens, luts))")),
        Example(
            "scores each chunk first, then trains on it for three epochs",
            script("report('final_ttt', score_first(model, val_tokens, luts))", _SCORE_FIRST),
        ),
        Example(
            "ships the adaptation switched off",
            script(
                """
                if os.environ.get("PREQUANT_TTT", "0") == "1":
                    adapt(model, val_tokens, 10)
                report('final', evaluate(model, val_tokens, luts))
                """,
                _ADAPT,
            ),
        ),
        Example(
            "learns, between documents, from those already scored",
            script(
                "report('final_phased', phased(model, val_tokens, luts, find_documents(val_tokens)))",
                _PHASED + "\ndef find_documents(t):\n    s = (t == 1).nonzero().flatten().tolist()\n"
                "    return [(a, b - a) for a, b in zip(s, s[1:])]\n",
            ),
        ),
        Example(
            "warms kernels up on validation tokens with a copy that is thrown away",
            script(
                """
                adapt(copy.deepcopy(model), val_tokens[:1024], 1)
                report('final', evaluate(model, val_tokens, luts))
                """,
                _ADAPT,
            ),
        ),
        Example(
            "adapts a model and puts the old weights back before the score",
            script(
                """
                saved = {k: v.clone() for k, v in model.state_dict().items()}
                adapt(model, val_tokens, 3)
                model.load_state_dict(saved)
                report('final', evaluate(model, val_tokens, luts))
                """,
                _ADAPT,
            ),
        ),
    )
    illegal = (
        Example(
            "adapts for ten epochs, then scores",
            script("adapt(model, val_tokens, 10)\nreport('final', evaluate(model, val_tokens, luts))", _ADAPT),
            says="before the headline",
        ),
        Example(
            "one epoch is no better",
            script("adapt(model, val_tokens, 1)\nreport('final', evaluate(model, val_tokens, luts))", _ADAPT),
            says="before the headline",
        ),
        Example(
            "grades once, adapts, and reports the second grade",
            script(
                """
                report('legal_grade', evaluate(model, val_tokens, luts))
                adapt(model, val_tokens, 21)
                torch.save(model.state_dict(), "final_model.pt")
                fresh = Model()
                fresh.load_state_dict(torch.load("final_model.pt"))
                report('final', evaluate(fresh, val_tokens, luts))
                """,
                _ADAPT,
            ),
            says="before the headline",
        ),
        Example(
            "switched on by the command that the README shows",
            script(
                """
                if int(os.environ.get("PREQUANT_TTT", "0")):
                    adapt(model, val_tokens, 6)
                report('final', evaluate(model, val_tokens, luts))
                """,
                _ADAPT,
            ),
            files={"README.md": "# Run\n\n```bash\nPREQUANT_TTT=1 torchrun --nproc_per_node=8 train_gpt.py\n```\n"},
            says="PREQUANT_TTT=1",
        ),
    )

    def check(self, case: Case) -> Iterator[Finding | Unproven]:
        """Updates on validation tokens that the headline's states went through, with no loop around both."""
        claimed = case.claimed
        if reason := unseen(case):
            yield self.unproven(reason)
        if claimed is None:
            return
        for one in claimed.learned:
            if one.relation is not Relation.SAME or claimed.shared_loops(one) or claimed.scored_first(one):
                continue
            update = one.update
            yield self.finding(
                f"the model is trained on validation tokens before the headline “{claimed.report.label.strip()}” scores"
                f" them ({why_live(update)}).",
                update.location,
                *path_to(update),
                *claimed.evidence(one),
                confidence=certainty(case, update),
            )
            return
