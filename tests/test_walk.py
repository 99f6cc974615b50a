"""The walk: what happens to tokens, in program order, under the run's configuration."""

import pytest

from golf_audit.events import Fetch, Load, Read, Report, Save, Score, Update
from golf_audit.program.walk import Walk
from tests.walking import framed, walked

STEP = """
def adapt(model, tokens):
    optimizer = torch.optim.AdamW(model.parameters(), lr=5e-4)
    for start in range(0, tokens.numel() - 1, SEQ):
        x, y = pairs(tokens, start)
        optimizer.zero_grad()
        model(x, y).backward()
        optimizer.step()
"""


def learned(walk: Walk, split: str = "val") -> list[Update]:
    """The updates on a split."""
    return [u for u in walk.updates.values() if any(r.split == split for r in u.refs)]


def test_reads_are_told_apart_by_the_shards_names() -> None:
    """A path that globs to the contest's training or validation shards gives tokens of that split."""
    splits = [e.split for e in framed("report('final', evaluate(model, val_tokens, luts))").of(Read)]
    assert splits == ["train", "val"]


def test_training_is_an_update_on_train_tokens_only() -> None:
    """A training loop learns train tokens, and evaluation without gradients learns nothing."""
    walk = framed("report('final', evaluate(model, val_tokens, luts))")
    assert learned(walk, "train")
    assert not learned(walk)
    assert all(not e.atom.grad for e in walk.of(Score))


def test_a_backward_pass_on_validation_is_seen_through_calls() -> None:
    """A loss on validation tokens that a function of a function steps on is an update on them."""
    walk = framed("run = lambda f, *a: f(*a)\nrun(adapt, model, val_tokens)", STEP)
    assert {u.kind for u in learned(walk)} == {"step"}
    assert [c.function for c in learned(walk)[0].path][-1] == "adapt"


@pytest.mark.parametrize(
    "write",
    [
        "p.data.sub_(0.1 * g)",
        "p.data = p.data - 0.1 * g",
        "p -= 0.1 * g",
        "p.copy_(p - 0.1 * g)",
        "p.data.add_(g, alpha=-0.1)",
    ],
)
def test_parameters_written_by_hand_are_updates(write: str) -> None:
    """Learning without an optimizer is learning."""
    walk = framed(
        f"""
        x, y = pairs(val_tokens, 0)
        grads = torch.autograd.grad(model(x, y), list(model.parameters()))
        with torch.no_grad():
            for p, g in zip(model.parameters(), grads):
                {write}
        """
    )
    assert {u.kind for u in learned(walk)} == {"write"}


def test_a_plain_class_with_a_step_is_walked_into() -> None:
    """An optimizer that is no subclass of torch's is followed to what it writes."""
    walk = framed(
        "x, y = pairs(val_tokens, 0)\nopt = Sgd(model)\nmodel(x, y).backward()\nopt.step()",
        """
        class Sgd:
            def __init__(self, model):
                self.model = model

            def step(self):
                for p in self.model.parameters():
                    p.data.add_(p.grad, alpha=-0.1)
        """,
    )
    assert {u.kind for u in learned(walk)} == {"write"}


def test_a_dead_branch_is_not_walked() -> None:
    """What a default switches off does not happen."""
    code = "if bool(int(os.environ.get('TTT', '0'))):\n    adapt(model, val_tokens)"
    assert not learned(framed(code, STEP))
    live = learned(framed(code, STEP, env={"TTT": "1"}))
    assert live[0].because[0].values == ("TTT=1 (README command)",)


def test_the_log_wins_over_command_and_default() -> None:
    """What the log echoes is what ran."""
    functions = STEP + "\nclass H:\n    ttt_enabled = bool(int(os.environ.get('TTT_ENABLED', '0')))\n"
    main = "h = H()\nif h.ttt_enabled:\n    adapt(model, val_tokens)"
    assert learned(framed(main, functions, echo={"ttt_enabled": "True"}))
    assert not learned(framed(main, functions, env={"TTT_ENABLED": "1"}, echo={"ttt_enabled": "False"}))


def test_hoisted_constants_and_helper_readers_stay_settings() -> None:
    """A default hidden in a name, behind a helper function, is still the setting that the log echoes."""
    functions = STEP + (
        "\n_K = False\ndef flag(name, default):\n    raw = os.environ.get(name)\n"
        "    if raw is None:\n        return default\n    return raw == '1'\nclass H:\n    ttt = flag('TTT', _K)\n"
    )
    main = "if H.ttt:\n    adapt(model, val_tokens)"
    assert not learned(framed(main, functions))
    assert learned(framed(main, functions, echo={"ttt": "True"}))


def test_a_setting_that_cannot_be_known_is_a_doubt() -> None:
    """A branch on a setting without a value is walked, and said to be open."""
    walk = framed("if os.environ['MODE'] == 'ttt':\n    adapt(model, val_tokens)", STEP)
    assert learned(walk)[0].doubtful


def test_sibling_modules_are_walked() -> None:
    """Code in another file of the folder counts as the submission's own."""
    code = (
        "import glob, numpy as np, torch\nimport helper\n"
        "tokens = torch.from_numpy(np.fromfile('fineweb_val_000000.bin', dtype='<u2'))\n"
        "m = torch.nn.Linear(4, 4)\nhelper.adapt(m, tokens)\n"
    )
    helper = (
        "import torch\nimport torch.nn.functional as F\n"
        "def adapt(m, t):\n    o = torch.optim.SGD(m.parameters(), lr=1)\n"
        "    F.cross_entropy(m(t[:-1]), t[1:]).backward()\n    o.step()\n"
    )
    (update,) = learned(walked(code, helper=helper))
    assert update.location.file == "helper.py"


def test_artifacts_carry_what_their_states_had_learned() -> None:
    """Saving and loading through a file does not wash a state clean."""
    walk = framed(
        """
        adapt(model, val_tokens)
        torch.save(model.state_dict(), "model.pt")
        fresh = Model()
        fresh.load_state_dict(torch.load("model.pt"))
        report("final", evaluate(fresh, val_tokens, luts))
        """,
        STEP,
    )
    assert list(walk.of(Save))
    assert list(walk.of(Load))
    (headline,) = {e.label: e for e in walk.of(Report)}.values()
    assert any(set(a.priors) & {u.id for u in learned(walk)} for a in headline.atoms)


def test_a_fresh_model_has_learned_nothing() -> None:
    """A state of its own is not touched by another's training."""
    walk = framed("adapt(model, val_tokens)\nreport('final', evaluate(Model(), val_tokens, luts))", STEP)
    headline = next(iter(walk.of(Report)))
    assert all(not a.priors for a in headline.atoms)


def test_downloads_and_installs_are_seen() -> None:
    """A package installed or a file fetched at run time is an event with its command."""
    walk = walked("import subprocess, sys\nsubprocess.check_call([sys.executable, '-m', 'pip', 'install', 'brotli'])\n")
    assert "pip install brotli" in next(iter(walk.of(Fetch))).what


def test_a_loop_without_end_is_walked_in_bounded_time() -> None:
    """Recursion and endless loops stop at a bound."""
    walk = walked("def f(n):\n    return f(n + 1)\nf(0)\nwhile True:\n    f(1)\n")
    assert walk.steps < 10_000


def test_a_program_that_does_not_parse_is_unproven() -> None:
    """A sibling that cannot be parsed is said to be unseen, by name."""
    walk = walked("import helper\n", helper="def broken(:\n")
    assert any("helper.py" in u.reason for u in walk.unproven)


def test_events_form_a_tree_of_calls_and_loops() -> None:
    """A reviewer can follow the tree: calls, loops and events, nothing that holds no event."""
    walk = framed("adapt(model, val_tokens)", STEP)
    titles: list[str] = []
    stack = [walk.tree]
    while stack:
        node = stack.pop()
        titles.append(node.title)
        assert node.event is not None or node.children or node is walk.tree
        stack += node.children
    assert any(t.startswith("adapt()") for t in titles)
    assert any(t.startswith("for start in range(") for t in titles)


def test_weights_of_a_subclassed_layer_are_parameters() -> None:
    """A weight taken from the submission's own subclass of a library's layer, written by hand, is a state that learns."""
    walk = framed(
        """
        layer = Casted(32, 32)
        for start in range(0, val_tokens.numel() - 1, SEQ):
            x, y = pairs(val_tokens, start)
            F.cross_entropy(model.head(layer(model.table(x))).flatten(0, 1), y.flatten()).backward()
            for w in [layer.weight]:
                w.data -= 0.1 * w.grad
        """,
        "class Casted(nn.Linear):\n    def forward(self, x):\n        return F.linear(x, self.weight)\n",
    )
    assert {u.kind for u in learned(walk)} == {"write"}


def test_a_state_changed_by_activations_alone_is_calibrated() -> None:
    """Scales from activations that are written into weights by hand are told apart from learning."""
    walk = framed("model.body.weight.data = model.body.weight.data * model.table(val_tokens[:64]).abs().mean(0)")
    assert {u.kind for u in learned(walk)} == {"statistics"}


SWITCH = "if int(os.environ.get('TTT', '0')):\n    print(f'ttt:start lr={1e-3}')\n    adapt(model, val_tokens)"


def test_a_line_that_only_one_branch_prints_shows_that_it_was_taken() -> None:
    """What the logs printed outweighs a setting that nobody states."""
    log = ["step:1/10 train_loss:3.0", "ttt:start lr=0.001"]
    (update, *_) = learned(framed(SWITCH, STEP, printed=[log]))
    assert update.because[0].values == ("the log prints “ttt:start lr=”",)
    assert not learned(framed(SWITCH, STEP, printed=[log[:1]]))
    assert not learned(framed(SWITCH, STEP, printed=[log, log[:1]])), "every log must show it"


def test_a_line_that_is_printed_elsewhere_too_shows_nothing() -> None:
    """A line proves a branch only where nothing else could have printed it, and an echoed setting is no guess."""
    log = [["ttt:start lr=0.001"]]
    assert not learned(framed(SWITCH + "\nprint('ttt:start lr=0')", STEP, printed=log))
    settings = "class H:\n    ttt = int(os.environ.get('TTT', '0'))\n"
    off = SWITCH.replace("int(os.environ.get('TTT', '0'))", "H.ttt")
    assert learned(framed(off, settings + STEP, printed=log))
    assert not learned(framed(off, settings + STEP, printed=log, echo={"ttt": "0"}))


def test_a_function_that_only_one_branch_calls_speaks_for_it() -> None:
    """The line may be printed by a function, if only the branch calls it."""
    main = "if int(os.environ.get('TTT', '0')):\n    adapt(model, val_tokens)"
    loud = STEP.replace("    optimizer = ", "    print(f'adapting on {tokens.numel()}')\n    optimizer = ", 1)
    log = [["adapting on 62021846"]]
    assert learned(framed(main, loud, printed=log))
    assert not learned(framed(main + "\nadapt(model, train_tokens)", loud, printed=log))
