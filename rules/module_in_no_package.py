"""The script imports a module that is neither in the folder nor in any package that it names."""

import ast
import re
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, ClassVar

from golf_audit.decoding.source import Source
from golf_audit.finding import Finding, Severity, Unproven
from golf_audit.parsing import ParseFailure, parse
from golf_audit.rule import Example, Rule
from golf_audit.submission import Folder

if TYPE_CHECKING:
    from golf_audit.case import Case


class ModuleInNoPackage(Rule):
    """
    A script must run from its folder: what it imports is there, or in a package that the submission names.

    A helper that was left out makes the script fail at its first lines. A package beyond the usual ones belongs into
    `requirements.txt` or the README. Imports that the script itself can do without, inside a function or a `try`, are not
    asked about.
    """

    code = "GA-CODE-002"
    severity = Severity.METADATA
    authority = ("readme-r11", "readme-r14")
    would_change = "The missing file, or the package in `requirements.txt`."
    legal: ClassVar[tuple[Example, ...]] = (
        Example("the usual packages", code="import os\nimport torch\nimport numpy as np\n"),
        Example("a helper in the folder", code="from helper import f\n", files={"helper.py": "def f(): ...\n"}),
        Example("a folder of helpers", code="import tools.prepare\n", files={"tools/prepare.py": "x = 1\n"}),
        Example("a package that is named", code="import mamba_ssm\n", files={"requirements.txt": "mamba-ssm>=2.0\n"}),
        Example(
            "a package that the README installs",
            code="import kernels\n",
            files={"README.md": "```bash\npip install -U kernels\n```\n"},
        ),
        Example(
            "one it can do without", code="try:\n    import fast_path\nexcept ImportError:\n    fast_path = None\n"
        ),
    )
    illegal: ClassVar[tuple[Example, ...]] = (
        Example("a helper left out", code="import torch\nfrom prepare_data import load\n", says="prepare_data"),
        Example("two of them", code="import env_utils\nimport my_model\n", says="env_utils, my_model"),
        Example(
            "a package nobody named",
            code="import kernels\n",
            files={"README.md": "# R\n\nFused kernels.\n", "requirements.txt": "torch\n"},
            says="kernels",
        ),
    )

    def check(self, case: "Case") -> Iterator[Finding | Unproven]:
        """Look every module that is imported at the top of the script up."""
        source = case.source
        if not isinstance(source, Source):
            return
        known = {*sys.stdlib_module_names, *source.modules, *case.rulebook.table("packages")["usual"]}
        if _glimpsed(source.text) <= known or isinstance(parsed := parse(source.text), ParseFailure):
            return
        missing: dict[str, int] = {}
        for name, line in _imports(parsed.tree):
            if name not in known and not _in_folder(name, case.folder) and not _named(name, case.folder):
                missing.setdefault(name, line)
        if missing:
            yield self.finding(
                f"The script imports {', '.join(missing)}, which the folder does not hold and no requirement names.",
                source.layer.location(next(iter(missing.values()))),
            )


_IMPORT = re.compile(r"^(?:import ([\w., ]+)|from (\w+))", re.M)


def _glimpsed(text: str) -> set[str]:
    """The top packages of everything that looks like an import at the left margin: what decides whether to parse."""
    lists = (several or one for several, one in _IMPORT.findall(text))
    return {part.split()[0].partition(".")[0] for names in lists for part in names.split(",") if part.strip()}


def _imports(tree: ast.Module) -> Iterator[tuple[str, int]]:
    """The top packages of the imports that always run, with their lines."""
    for statement in tree.body:
        if isinstance(statement, ast.Import):
            yield from ((alias.name.partition(".")[0], statement.lineno) for alias in statement.names)
        elif isinstance(statement, ast.ImportFrom) and statement.module and not statement.level:
            yield statement.module.partition(".")[0], statement.lineno


def _in_folder(name: str, folder: Folder) -> bool:
    return any(name in path.replace(".", "/").split("/") for path in folder.files)


def _named(name: str, folder: Folder) -> bool:
    """Whether a list of requirements holds the package, or a line of the README or of a script installs it."""
    word = re.compile(rf"(?i)(?<![\w-]){re.escape(name).replace('_', '[-_.]')}(?![\w-])")
    for path, file in folder.files.items():
        low = path.lower()
        if re.search(r"require|pyproject|environment|dockerfile", low):
            if word.search(file.text):
                return True
        elif low.endswith((".md", ".sh", ".bash")) and any(
            word.search(line) for line in file.lines if re.search(r"(?i)\b(?:pip|uv|conda)\b|install", line)
        ):
            return True
    return False
