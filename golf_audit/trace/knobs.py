"""What a script lets its environment set: every variable that it reads, with the default that the code gives."""

import ast
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from golf_audit.decoding.source import Source
from golf_audit.evidence.configuration import Configuration
from golf_audit.parsing import Parsed, parse

_NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?", re.IGNORECASE)
_READS = ("environ.get", "getenv")
_NAME = re.compile(r"[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)*$")


@dataclass(frozen=True, slots=True)
class Knob:
    """One environment variable."""

    name: str
    value: str
    """What the claimed run had, as text; empty where nothing says."""
    source: str
    """Who says so: `code`, `wrapper`, `README command`, `run script` or `log`."""
    required: bool = False
    """Whether the script reads it without a default."""

    @property
    def number(self) -> float | None:
        """The value as a number, where it is one."""
        try:
            return float(self.value)
        except ValueError:
            return None


def read_knobs(source: Source, configuration: Configuration) -> Mapping[str, Knob]:
    """Every variable by name: the code's default, then the wrapper's, the run's own command and its log."""
    found: dict[str, Knob] = {}
    for text in (source.text, *(layer.text for layer in source.modules.values())):
        parsed = parse(text)
        if isinstance(parsed, Parsed):
            for knob in _read(parsed.tree):
                known = found.get(knob.name)
                if known is None or (not known.value and knob.value):
                    found[knob.name] = knob
    for name, setting in source.environment.items():
        found[name] = Knob(name, setting.value, "wrapper")
    for name, said in configuration.env.items():
        if name in found:
            found[name] = Knob(name, said.value, said.source, found[name].required)
    for name, knob in list(found.items()):
        echo = configuration.echo.get(name.lower())
        if echo is not None and (value := _as_environment(echo.value, knob.value)) is not None:
            found[name] = Knob(name, value, "log", knob.required)
    return found


def _as_environment(said: str, default: str) -> str | None:
    """A printed value as the environment would give it; None where it is a path or nothing."""
    word = said.strip()
    if word in {"True", "False"}:
        return str(int(word == "True")) if default in {"", "0", "1"} else word.lower() if default.islower() else word
    if not word or word == "None" or "/" in word or "," in word:
        return None
    if _NUMBER.fullmatch(default) and not _NUMBER.fullmatch(word):
        return None
    if default.lstrip("-").isdigit() and re.fullmatch(r"-?\d+\.0", word):
        return word[:-2]
    return word


def _read(tree: ast.AST) -> Iterator[Knob]:
    """Reads of variables: a call whose first argument is a variable's name, or a subscript of the environment."""
    constants = _constants(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and node.args and (name := _asked(node, constants)) is not None:
            if _about_environment(node.func):
                default = (
                    node.args[1]
                    if len(node.args) > 1
                    else next((k.value for k in node.keywords if k.arg == "default"), None)
                )
                yield Knob(name, _text(default, constants), "code")
        elif (
            isinstance(node, ast.Subscript)
            and (name := _name(node.slice)) is not None
            and isinstance(node.ctx, ast.Load)
            and ast.unparse(node.value).endswith("environ")
        ):
            yield Knob(name, "", "code", required=True)


def _asked(call: ast.Call, constants: Mapping[str, str]) -> str | None:
    """The variable that a call asks for; its name may be behind one that a minifier made."""
    first = call.args[0]
    if isinstance(first, ast.Name) and ast.unparse(call.func).endswith(_READS):
        return name if _NAME.match(name := constants.get(first.id, "")) else None
    return _name(first)


def _name(node: ast.expr) -> str | None:
    if isinstance(node, ast.Constant) and isinstance(node.value, str) and _NAME.match(node.value):
        return node.value
    return None


def _about_environment(function: ast.expr) -> bool:
    """Whether a function reads the environment: by its own name, or as a helper that takes a variable's name."""
    text = ast.unparse(function)
    return not text.endswith((".replace", ".split", ".startswith", ".endswith", ".append", ".add", ".index", ".find"))


def _constants(tree: ast.AST) -> Mapping[str, str]:
    """Names that are bound to one literal: minifiers hoist them."""
    found: dict[str, str] = {}
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Assign)
            and len(node.targets) == 1
            and isinstance(node.targets[0], ast.Name)
            and isinstance(node.value, ast.Constant)
        ):
            found[node.targets[0].id] = _plain(node.value.value)
    return found


def _text(node: ast.expr | None, constants: Mapping[str, str]) -> str:
    if isinstance(node, ast.Name):
        return constants.get(node.id, "")
    if isinstance(node, ast.Call) and len(node.args) == 1:
        return _text(node.args[0], constants)
    try:
        value = ast.literal_eval(node) if node is not None else ""
    except (ValueError, TypeError, SyntaxError):
        return _arithmetic(node)
    return _plain(value)


def _plain(value: object) -> str:
    if isinstance(value, bool):
        return str(int(value))
    return str(value) if isinstance(value, str | int | float) else ""


def _arithmetic(node: ast.expr | None) -> str:
    """A product, sum, power or shift of literal numbers."""
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        inner = _arithmetic(node.operand)
        return f"-{inner}" if inner else ""
    if isinstance(node, ast.Constant) and isinstance(node.value, int | float):
        return str(node.value)
    if isinstance(node, ast.BinOp):
        left, right = _arithmetic(node.left), _arithmetic(node.right)
        try:
            a, b = float(left), float(right)
        except ValueError:
            return ""
        sums = {ast.Add: a + b, ast.Sub: a - b, ast.Mult: a * b}
        if isinstance(node.op, ast.LShift) and b < 64:  # noqa: PLR2004 -- no size is larger
            return str(int(a) << int(b))
        if isinstance(node.op, ast.Pow) and abs(b) < 64:  # noqa: PLR2004 -- as above
            return str(int(a) ** int(b))
        value = sums.get(type(node.op))
        return "" if value is None else str(int(value) if value == int(value) else value)
    return ""


def names(knobs: Iterable[str], *parts: str) -> list[str]:
    """The variables whose name holds all the parts."""
    return [name for name in knobs if all(part in name for part in parts)]
