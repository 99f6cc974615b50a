"""How sure a finding about the program may be: what is undecided, withdrawn, or beside the path is no certain foul."""

from golf_audit import examples
from golf_audit.engine import audit
from golf_audit.example_script import script
from golf_audit.finding import Confidence
from golf_audit.registry import all_rules
from golf_audit.rule import Example

ADAPT = """
def adapt(model, tokens):
    optimizer = torch.optim.AdamW(model.parameters(), lr=5e-4)
    for start in range(0, tokens.numel() - 1, SEQ):
        x, y = pairs(tokens, start)
        optimizer.zero_grad()
        model(x, y).backward()
        optimizer.step()
"""
SCORED = script("adapt(model, val_tokens)\nreport('final', evaluate(model, val_tokens, luts))", ADAPT)
README = "# R\n\nThe score of 1.1311 bpb is withdrawn.\n"


def confidence(code: str, example: Example) -> Confidence | None:
    """How sure the rule with a code is of its first finding about an example."""
    rules = [rule for rule in all_rules() if rule.code == code]
    findings = audit(examples.folder(example), rules=rules).findings
    return findings[0].confidence if findings else None


def test_a_withdrawn_score_is_no_certain_foul() -> None:
    """Where the metadata names the score and leaves it empty, and no log gives one, nothing is entered to be judged."""
    withdrawn = {"README.md": README, "submission.json": '{"author": "a", "val_bpb": null}'}
    entered = {"README.md": README, "submission.json": '{"author": "a", "val_bpb": 1.1311}'}
    assert confidence("GA-C3-001", Example("withdrawn", SCORED, withdrawn)) is Confidence.MEDIUM
    assert confidence("GA-C3-001", Example("entered", SCORED, entered)) is Confidence.HIGH


def test_an_empty_score_that_a_log_fills_is_a_claim() -> None:
    """A claim that the README makes and a log shows is judged, whatever the metadata left empty."""
    log = "step:1000/1000 train_loss:2.1 train_time:600000ms\nfinal val_loss:1.9000 val_bpb:1.1311\n"
    files = {
        "README.md": "# R\n\n**val_bpb: 1.1311**\n",
        "submission.json": '{"author": "a", "val_bpb": null}',
        "train.log": log,
    }
    assert confidence("GA-C3-001", Example("logged", SCORED, files)) is Confidence.HIGH


def test_calibration_on_an_undecided_side_branch_is_likely_at_most() -> None:
    """Validation tokens that only a branch on data reads are no certain calibration."""
    collect = (
        "def collect(model, tokens):\n    total = torch.zeros(32, 32)\n    with torch.no_grad():\n"
        "        for i in range(4):\n            h = model.table(pairs(tokens, i * SEQ)[0]).flatten(0, 1)\n"
        "            total += h.T @ h\n    return total\n"
    )
    body = """
        seen = collect(model, train_tokens)
        {branch}seen = seen + collect(model, val_tokens)
        scale = torch.diag(seen).mean()
        torch.save({{k: p / scale for k, p in model.state_dict().items()}}, "model.pt")
        fresh = Model()
        fresh.load_state_dict(torch.load("model.pt"))
        report("final", evaluate(fresh, val_tokens, luts))
    """
    certain = script(body.format(branch=""), collect)
    side = script(body.format(branch="if seen.sum() == 0: "), collect)
    assert confidence("GA-DATA-005", Example("always", certain)) is Confidence.HIGH
    assert confidence("GA-DATA-005", Example("side", side)) is Confidence.MEDIUM


def told(files: dict[str, str], code: str) -> list[str]:
    """What the audit of a script and its other files leaves open about the headline."""
    rules = [rule for rule in all_rules() if rule.code == "GA-C3-001"]
    return [one.reason for one in audit(examples.folder(Example("x", code, files)), rules=rules).unproven]


PLAIN = script("report('final', evaluate(model, val_tokens, luts))")
CLAIM = {"README.md": "# R\n\n**val_bpb: 1.1311**\n", "submission.json": '{"author": "a", "val_bpb": 1.1311}'}
STEPS = "step:1000/1000 train_loss:2.1 train_time:600000ms\n"


def test_a_claimed_line_that_the_script_cannot_have_printed_is_said() -> None:
    """Where words of the logs' claimed line stand nowhere in the script, what made the score was not seen."""
    other = {**CLAIM, "train.log": STEPS + "final_mixture_oracle val_loss:1.9000 val_bpb:1.1311\n"}
    (reason,) = told(other, PLAIN)
    assert "another one printed it" in reason
    assert not told({**CLAIM, "train.log": STEPS + "final val_loss:1.9000 val_bpb:1.1311\n"}, PLAIN)


def test_a_claimed_line_whose_losses_are_not_followed_is_said() -> None:
    """Where the program prints the claimed line from values that the walk lost, what made the score was not seen."""
    native = "import ctypes\nimport subprocess\n\ndef native(x):\n    out = subprocess.check_output(['./mix'])\n    return float(out)\n"
    main = "report('final', evaluate(model, val_tokens, luts))\nprint(f\"mixed val_loss:{native(0):.4f} val_bpb:{native(1):.8f}\")"
    files = {**CLAIM, "train.log": STEPS + "final val_loss:2.9 val_bpb:1.9\nmixed val_loss:1.9000 val_bpb:1.1311\n"}
    (reason,) = told(files, script(main, native))
    assert "could not be followed" in reason
