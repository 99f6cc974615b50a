"""Which texts and functions are worth following: those from which something could be run."""

import ast
import re

from golf_audit.decoding.values import Function

_TELLING = re.compile(
    r"(?<!\w)(?:exec(?:_module|[lv]p?e?)?|runpy|__import__|import_module|importlib|builtins|__builtins__|FunctionType|marshal)\b"
    r"|(?<![.\w])eval\b"
)
_RUNNERS = frozenset(
    [
        "exec",
        "eval",
        "run_path",
        "run_module",
        "exec_module",
        "__import__",
        "import_module",
        "FunctionType",
        "__builtins__",
        "run",
        "call",
        "check_call",
        "check_output",
        "Popen",
        "system",
        "execv",
        "execvp",
        "execve",
    ]
)
SMALL_TEXT = 6_000
"""Characters up to which a script may be nothing but a launcher, and is followed in any case."""
SMALL = 1_500
"""Nodes of syntax up to which a script may be nothing but a wrapper."""
_SMALL_FUNCTION = 250


def may_run_another(text: str) -> bool:
    """Whether a script could let another text run; False for nearly every script that is not packed."""
    return len(text) <= SMALL_TEXT or tells_of_another(text)


def tells_of_another(text: str) -> bool:
    """Whether a script speaks of what could let another text run."""
    return _TELLING.search(text) is not None


class Entering:
    """Decides which of a script's own functions are followed when they are called."""

    def __init__(self, nodes: int) -> None:
        self._wrapper = nodes <= SMALL
        self._names: dict[int, frozenset[str]] = {}

    def worth(self, function: Function, module: dict[object, object]) -> bool:
        """Whether `function` is small or, in a script that is, lets something run, itself or by calling others."""
        if _at_most(function.node, _SMALL_FUNCTION):
            return True
        seen: set[int] = set()
        waiting: list[object] = [function] if self._wrapper else []
        while waiting:
            item = waiting.pop()
            if not isinstance(item, Function) or id(item.node) in seen:
                continue
            seen.add(id(item.node))
            names = self._mentioned(item.node)
            if names & _RUNNERS:
                return True
            waiting += [module[name] for name in names if name in module]
        return False

    def _mentioned(self, node: ast.AST) -> frozenset[str]:
        if (known := self._names.get(id(node))) is None:
            known = frozenset(
                part.id if isinstance(part, ast.Name) else part.attr
                for part in ast.walk(node)
                if isinstance(part, ast.Name) or (isinstance(part, ast.Attribute) and part.attr != "eval")
            )
            self._names[id(node)] = known
        return known


def _at_most(node: ast.AST, most: int) -> bool:
    """Whether `node` has no more than that many nodes."""
    return all(count < most for count, _ in enumerate(ast.walk(node)))
