"""The script looks whether it is being watched."""

import ast
import re
from collections.abc import Iterator

from golf_audit.case import Case
from golf_audit.example_script import script
from golf_audit.finding import Confidence, Finding, Severity, Unproven
from golf_audit.places import place
from golf_audit.rule import Example, Rule

_WATCHED = frozenset(("gettrace", "settrace", "getprofile", "setprofile", "addaudithook"))
_OWN = re.compile(r"golf[_-]?audit", re.IGNORECASE)
_HINT = re.compile(r"golf[_-]?audit|[gs]ettrace|[gs]etprofile|addaudithook", re.IGNORECASE)
_RUN = "report('final', evaluate(model, val_tokens, luts))"


class LooksForAnAuditor(Rule):
    """
    A submission must do the same whether or not somebody watches.

    Asking for trace or profile hooks, importing this auditor or reading its environment variables serves no training
    script; it lets a script behave under examination. A person has to look at what it is used for.
    """

    code = "GA-AUD-001"
    severity = Severity.DISQUALIFYING
    authority = ("readme-r13",)
    would_change = "Removing it, or showing that nothing depends on what it finds."
    legal = (
        Example("minds its own business", script(_RUN)),
        Example(
            "asks whether there is a GPU, and how many ranks",
            script(
                f"device = 'cuda' if torch.cuda.is_available() else 'cpu'\nprint(device, os.environ.get('WORLD_SIZE'))\n{_RUN}"
            ),
        ),
        Example(
            "profiles its own training",
            script(
                f"with torch.profiler.profile() as profile:\n    train(model, train_tokens, 3)\nprint(profile)\n{_RUN}"
            ),
        ),
        Example(
            "traces a model for export",
            script(f"traced = torch.jit.trace(model.hidden, torch.zeros(1, 8).long())\n{_RUN}"),
        ),
    )
    illegal = (
        Example(
            "skips its adaptation where a trace hook is set",
            script(f"import sys\nif sys.gettrace() is None:\n    train(model, val_tokens, 10)\n{_RUN}"),
            says="sys.gettrace",
        ),
        Example(
            "reads this auditor's environment",
            script(f"if os.environ.get('GOLF_AUDIT_TRACE'):\n    train(model, train_tokens, 10)\n{_RUN}"),
            says="GOLF_AUDIT_TRACE",
        ),
        Example(
            "looks whether it can be imported",
            script(
                f"import importlib.util\nwatched = importlib.util.find_spec('golf_audit') is not None\nprint(watched)\n{_RUN}"
            ),
            says="golf_audit",
        ),
    )

    def check(self, case: Case) -> Iterator[Finding | Unproven]:
        """Calls of trace and profile hooks, and mentions of this auditor, in the code that runs."""
        if case.walk is None or not any(_HINT.search(line) for text in case.walk.texts for line in text.lines):
            return
        for file, tree in case.walk.modules.items():
            for node in ast.walk(tree):
                what = _looks(node)
                if what:
                    yield self.finding(
                        f"The script asks for {what}: it can tell whether it is being watched.",
                        place(case, file, getattr(node, "lineno", 0)),
                        confidence=Confidence.MEDIUM,
                    )
                    return


def _looks(node: ast.AST) -> str:
    """What a node asks for, or nothing."""
    match node:
        case ast.Attribute(value=ast.Name(id="sys" | "threading" as module), attr=name) if name in _WATCHED:
            return f"{module}.{name}"
        case ast.Import(names=names):
            return next((name.name for name in names if _OWN.match(name.name)), "")
        case ast.ImportFrom(module=str() as module) if _OWN.match(module):
            return module
        case ast.Call(args=[ast.Constant(value=str() as text), *_]) if _OWN.match(text) and " " not in text:
            return text
        case ast.Subscript(slice=ast.Constant(value=str() as text)) if _OWN.match(text) and " " not in text:
            return text
    return ""
