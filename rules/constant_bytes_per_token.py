"""The score divides by a fixed number of bytes per token."""

import ast
from collections.abc import Iterator, Mapping

from golf_audit.case import Case
from golf_audit.certainty import certainty, headline_at
from golf_audit.events import Report
from golf_audit.example_script import script
from golf_audit.finding import Confidence, Finding, Severity, Unproven
from golf_audit.places import place
from golf_audit.program.walk import Walk
from golf_audit.rule import Example, Rule

_BITS = 2.0
_LEAST, _MOST = 1.2, 8.0
_LN2 = (0.69, 0.70)

_LOSS = """
def mean_loss(model, tokens):
    losses = []
    with torch.no_grad():
        for start in range(0, tokens.numel() - 1, SEQ):
            x, y = pairs(tokens, start)
            losses.append(model(x, y).item())
    return sum(losses) / len(losses)
"""


class ConstantBytesPerToken(Rule):
    """
    Bytes are counted token by token with the tokenizer.

    Dividing the loss per token by a fixed number of bytes per token makes the score depend on where that number came
    from: another split, another tokenizer, a rounding. Organisers do not take it for the validation score. An average
    that is printed for information is not meant, nor one that was measured on the same tokens.
    """

    code = "GA-BPB-007"
    severity = Severity.DISQUALIFYING
    authority = ("cocohearts-2009", "guide-v")
    would_change = "A score divided by the bytes of the scored tokens, counted with the tokenizer."
    legal = (
        Example("counted with the tokenizer", script("report('final', evaluate(model, val_tokens, luts))")),
        Example(
            "an average is printed, and the score counts",
            script(
                """
                report('final', evaluate(model, val_tokens, luts))
                print(f"roughly {mean_loss(model, train_tokens) / math.log(2.0) / 2.44:.3f} on training text")
                """,
                _LOSS,
            ),
        ),
        Example(
            "the average is measured on the tokens that are scored",
            script(
                """
                loss, _ = evaluate(model, val_tokens, luts)
                per_token = luts[0][val_tokens].float().mean().item()
                report('final', (loss, loss / math.log(2.0) / per_token))
                """
            ),
        ),
    )
    illegal = (
        Example(
            "a literal in the formula",
            script(
                """
                loss = mean_loss(model, val_tokens)
                report('final', (loss, loss / math.log(2.0) / 2.7523))
                """,
                _LOSS,
            ),
            says="2.7523",
        ),
        Example(
            "a named constant",
            script(
                """
                bytes_per_token = 2.44
                loss = mean_loss(model, val_tokens)
                report('final', (loss, loss / (math.log(2) * bytes_per_token)))
                """,
                _LOSS,
            ),
            says="2.44",
        ),
        Example(
            "in bits first, in a helper",
            script(
                """
                loss = mean_loss(model, val_tokens)
                report('final', (loss, to_bpb(loss)))
                """,
                _LOSS + "\nPER = 3.7266\n\ndef to_bpb(nats):\n    bits = nats / np.log(2.0)\n    return bits / PER\n",
            ),
            says="3.7266",
        ),
    )

    def check(self, case: Case) -> Iterator[Finding | Unproven]:
        """A headline that holds no counted bytes, in a program that divides bits by a constant."""
        claimed = case.claimed
        if claimed is None or case.walk is None or not claimed.atoms or claimed.flags & {"bytes", "piece"}:
            return
        for file, line, constant in _constants(case.walk.modules):
            yield self.finding(
                f"The headline “{claimed.report.label.strip()}” divides by a fixed {constant} bytes per token.",
                place(case, file, line),
                headline_at(claimed),
                confidence=Confidence.HIGH if _never_counts(case.walk) else certainty(case, claimed.report),
            )
            return


def _never_counts(walk: Walk) -> bool:
    """Whether no score that the program reports holds counted bytes: then it does not matter which is the headline."""
    scores = [report for report in walk.of(Report) if report.atoms]
    return not any(report.flags & {"bytes", "piece"} for report in scores)


def _constants(modules: Mapping[str, ast.Module]) -> Iterator[tuple[str, int, float]]:
    """Every place that divides bits by a constant that can be a number of bytes per token."""
    for file, tree in modules.items():
        named = _numbers(tree)
        bits = _bits(tree, named)
        for node in ast.walk(tree):
            if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div):
                constant = _divisor(node, named, bits)
                if constant is not None:
                    yield file, node.lineno, constant


def _numbers(tree: ast.Module) -> dict[str, float]:
    """Names that are assigned one number and nothing else."""
    values: dict[str, set[float | None]] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign):
            for target in node.targets:
                if isinstance(target, ast.Name):
                    values.setdefault(target.id, set()).add(_number(node.value))
    return {name: v for name, found in values.items() if len(found) == 1 and (v := next(iter(found))) is not None}


def _bits(tree: ast.Module, named: Mapping[str, float]) -> frozenset[str]:
    """Names that are assigned something divided by ln 2."""
    return frozenset(
        target.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.BinOp) and _by_ln2(node.value, named)
        for target in node.targets
        if isinstance(target, ast.Name)
    )


def _divisor(node: ast.BinOp, named: Mapping[str, float], bits: frozenset[str]) -> float | None:
    """The constant that an expression in bits is divided by."""
    if (isinstance(node.left, ast.BinOp) and _by_ln2(node.left, named)) or (
        isinstance(node.left, ast.Name) and node.left.id in bits
    ):
        return _per_token(node.right, named)
    if isinstance(node.right, ast.BinOp) and isinstance(node.right.op, ast.Mult):
        sides = (node.right.left, node.right.right)
        for ln2, other in (sides, sides[::-1]):
            if _is_ln2(ln2, named):
                return _per_token(other, named)
    return None


def _per_token(node: ast.expr, named: Mapping[str, float]) -> float | None:
    value = _value(node, named)
    return value if value is not None and value % 1 and _LEAST <= value <= _MOST else None


def _by_ln2(node: ast.BinOp, named: Mapping[str, float]) -> bool:
    return isinstance(node.op, ast.Div) and _is_ln2(node.right, named)


def _is_ln2(node: ast.expr, named: Mapping[str, float]) -> bool:
    if isinstance(node, ast.Call) and len(node.args) == 1:
        called = node.func
        name = called.attr if isinstance(called, ast.Attribute) else called.id if isinstance(called, ast.Name) else ""
        return name == "log" and _value(node.args[0], named) == _BITS
    value = _value(node, named)
    return value is not None and _LN2[0] < value < _LN2[1]


def _value(node: ast.expr, named: Mapping[str, float]) -> float | None:
    return named.get(node.id) if isinstance(node, ast.Name) else _number(node)


def _number(node: ast.expr) -> float | None:
    """A literal number, as a float."""
    if isinstance(node, ast.Constant) and isinstance(node.value, int | float) and not isinstance(node.value, bool):
        return float(node.value)
    return None
