"""
The modules as one script, and the script as a submission ships it.

The bundle is generated, never edited: the modules in order, without their imports of each other, and the settings as a
class of environment variables with the preset's values as defaults, which is how the contest's scripts are configured.
The shipped form is the bundle without comments, compressed by lzma into a script that unpacks itself. Both depend on
the modules and the preset alone: no seed, date, path or run order can change a byte.
"""

import ast
import base64
import io
import lzma
import tokenize
from dataclasses import fields
from pathlib import Path

from .config import DERIVED, Config

FOLDER = Path(__file__).resolve().parent
ORDER = (
    "team", "clock", "runlog", "data", "attention", "adapters", "simctg", "layers", "model", "optim", "quantize", "artifact",
    "evaluate", "adapt", "documents", "prequant", "ppm", "train",
)  # fmt: skip
"""The modules that a run needs, each after those it imports; `config` comes first in a form of its own."""

_HEAD = '''"""
Recipe {preset}: one script made from the modules of the reference model, in the order of their headings.

Every setting is an environment variable; PHASE is train, eval or both.
"""
'''
_TAIL = """
if __name__ == "__main__":
    main(Config(), Path(__file__).read_bytes())
"""


class BundleError(ValueError):
    """Modules that cannot be laid side by side, such as two that define one name."""


def bundle(config: Config) -> str:
    """The readable script that runs `config`."""
    imports: set[str] = set()
    names: dict[str, str] = {"Config": "config", "settings": "config"}
    parts = []
    for module in ORDER:
        text = (FOLDER / f"{module}.py").read_text(encoding="utf-8")
        body = _body(module, text, imports, names)
        parts.append(f"\n\n# {'-' * 20} {module} {'-' * 20}\n\n{body.strip()}\n")
    head = _HEAD.format(preset=config.preset) + "\n" + "\n".join(sorted(imports | {"import os"}))
    return f"{head}\n\n\n{configuration(config)}{''.join(parts)}\n{_TAIL}"


def _body(module: str, text: str, imports: set[str], names: dict[str, str]) -> str:
    # The module's own statements; what it imports from outside goes to `imports`, what it defines to `names`.
    lines = text.splitlines(keepends=True)
    for node in ast.parse(text).body:
        if isinstance(node, ast.ImportFrom) and node.level:
            _check_import(module, node, names)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            imports.update(_statements(node))
        elif not _is_left_out(node):
            _define(module, node, names)
            continue
        for number in range(node.lineno - 1, node.end_lineno or node.lineno):
            lines[number] = ""
    return "".join(lines)


def _is_left_out(node: ast.stmt) -> bool:
    # The module's docstring, and what it does when it is run itself.
    is_main = isinstance(node, ast.If) and "__name__" in ast.unparse(node.test)
    return is_main or (_is_docstring(node) and node.lineno == 1)


def _statements(node: ast.Import | ast.ImportFrom) -> set[str]:
    # One line per imported name, so that the modules' imports can be united.
    prefix = f"from {node.module} import " if isinstance(node, ast.ImportFrom) else "import "
    return {prefix + alias.name + (f" as {alias.asname}" if alias.asname else "") for alias in node.names}


def _check_import(module: str, node: ast.ImportFrom, names: dict[str, str]) -> None:
    for alias in node.names:
        if alias.asname or names.get(alias.name) != node.module:
            raise BundleError(f"{module} imports {alias.name} from {node.module}, which comes later or renames it")


def _define(module: str, node: ast.stmt, names: dict[str, str]) -> None:
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        defined = [node.name]
    elif isinstance(node, ast.Assign | ast.AnnAssign):
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        defined = [name.id for target in targets for name in ast.walk(target) if isinstance(name, ast.Name)]
    else:
        defined = []
    for name in defined:
        if names.setdefault(name, module) != module:
            raise BundleError(f"{name} is defined by {names[name]} and by {module}")


def configuration(config: Config) -> str:
    """The settings as the contest writes them: class attributes from environment variables with defaults."""
    rows = [f"    preset = {config.preset!r}"]
    names = [field.name for field in fields(config) if field.name != "preset"]
    rows += [f"    {name} = {_setting(name.upper(), getattr(config, name))}" for name in names]
    source = (FOLDER / "config.py").read_text(encoding="utf-8")
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef) and node.name in DERIVED and isinstance(node.body[-1], ast.Return):
            value = ast.get_source_segment(source, node.body[-1].value) if node.body[-1].value else ""
            rows.append(f"    {node.name} = {str(value).replace('self.', '')}")
    listing = "{name: value for name, value in vars(type(config)).items() if not name.startswith('_')}"
    return "class Config:\n" + "\n".join(rows) + f"\n\n\ndef settings(config):\n    return {listing}\n"


def _setting(name: str, value: object) -> str:
    if isinstance(value, bool):
        return f"bool(int(os.environ.get({name!r}, '{int(value)}')))"
    if isinstance(value, str):
        return f"os.environ.get({name!r}, {value!r})"
    return f"{type(value).__name__}(os.environ.get({name!r}, {value!r}))"


def _is_docstring(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


def stripped(source: str) -> str:
    """`source` without comments, docstrings and blank lines; every line that is left is as it was."""
    lines = source.splitlines()
    for node in ast.walk(ast.parse(source)):
        for statement in getattr(node, "body", []) if not isinstance(node, ast.Lambda | ast.IfExp) else []:
            if _is_docstring(statement):
                first, last = statement.lineno - 1, statement.end_lineno or statement.lineno
                indent = lines[first][: statement.col_offset]
                alone = len(node.body) == 1  # type: ignore[attr-defined]  # every node with a body of statements
                lines[first:last] = [f"{indent}pass" if alone else ""] + [""] * (last - first - 1)
    text = "\n".join(lines) + "\n"
    lines = text.splitlines()
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT:
            row, column = token.start
            lines[row - 1] = lines[row - 1][:column]
    return "\n".join(line.rstrip() for line in lines if line.strip()) + "\n"


def packed_script(config: Config) -> bytes:
    """The script as it is shipped: two lines that unpack and run the bundle."""
    data = stripped(bundle(config)).encode()
    filters = [{"id": lzma.FILTER_LZMA1, "preset": 9 | lzma.PRESET_EXTREME, "lc": 3, "lp": 0, "pb": 0}]
    payload = base64.b85encode(lzma.compress(data, format=lzma.FORMAT_ALONE, filters=filters)).decode()
    return f'import lzma as L,base64 as B\nexec(L.decompress(B.b85decode("{payload}")))\n'.encode()
