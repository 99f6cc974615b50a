"""Which identifiers a script owns, and which of them may be renamed without changing what it does."""

import ast
import builtins
import re
from dataclasses import dataclass, field
from pathlib import Path

from tests.variants_syntax import Function, class_names, last_name, names_in, parameters_of, pattern_names

_TORCH = """
backward forward step zero_grad state_dict load_state_dict parameters named_parameters modules named_modules
children buffers train eval to cuda cpu half bfloat16 float long int double apply register_buffer extra_repr
reset_parameters weight bias param_groups state defaults training grad data shape dtype device ndim size numel T
mean sum std var min max sqrt exp log clone detach item tolist copy_ add_ mul_ zero_ fill_ view reshape transpose
permute flatten unsqueeze squeeze expand gather scatter_ narrow chunk split cat stack softmax log_softmax argmax
sort topk cumsum any all abs pow clamp masked_fill index_select numpy type contiguous requires_grad requires_grad_
is_leaf norm dot matmul mm bmm setup_context saved_tensors save_for_backward run start close wait stdout stderr
returncode args env name value device_mesh group rank process_group closure embedding_dim num_embeddings in_features
out_features eps momentum path stem suffix parent default_factory group_name
"""
LIBRARY = frozenset(_TORCH.split()) | frozenset(
    name for kind in (str, bytes, list, dict, set, tuple, int, float, range, Path) for name in dir(kind)
)
"""Attributes of objects that are not the script's own: never renamed, whoever defines them."""
_TAKES_FUNCTIONS = frozenset({"partial", "partialmethod", "checkpoint", "vmap", "Thread", "Process", "replace"})
_REFLECTION = frozenset({"vars", "dir", "asdict", "astuple", "fields", "getmembers", "__dict__", "__annotations__"})
_BY_TEXT = frozenset({"locals", "globals", "eval", "exec"})
_PLAIN_DECORATORS = frozenset({"no_grad", "inference_mode", "enable_grad", "cache", "lru_cache", "wraps", "dataclass"})
_WORD = re.compile(r"[A-Za-z_]\w*")


@dataclass
class Names(ast.NodeVisitor):
    """What the script binds, and what speaks against renaming it."""

    bound: set[str] = field(default_factory=set)
    """Variables, parameters, functions and classes, by their spelling, wherever they are."""
    attributes: set[str] = field(default_factory=set)
    """Methods, class variables, and what is assigned on `self`."""
    imported: set[str] = field(default_factory=set)
    spelled: set[str] = field(default_factory=set)
    parameters: dict[str, set[str]] = field(default_factory=dict)
    """Parameters of each function, method or class of this spelling."""
    stored: set[str] = field(default_factory=set)
    """Attributes assigned on `self`: what they hold may be a function."""
    words: set[str] = field(default_factory=set)
    """Words inside string constants."""
    foreign: set[str] = field(default_factory=set)
    """Names inside functions that a decorator may compile by name."""
    fields: set[str] = field(default_factory=set)
    """Annotated class variables, which may be a constructor's keywords."""
    calls: list[ast.Call] = field(default_factory=list)
    of_modules: set[str] = field(default_factory=set)
    _class: ast.ClassDef | None = None
    _self: str = ""

    def kept_names(self) -> set[str]:
        """Spellings of variables that must stay."""
        kept = set(dir(builtins)) | self.foreign | {name for name in self.bound if name.startswith("__")}
        if self.spelled & _BY_TEXT:
            kept |= self.words
        every = {name for parameters in self.parameters.values() for name in parameters}
        for call in self.calls:
            given = {keyword.arg for keyword in call.keywords if keyword.arg}
            takes = self.callee(call.func)
            if takes is None or (takes and len(given) < len(call.keywords)):
                kept |= every & (given if len(given) == len(call.keywords) else given | self.words)
            elif takes:
                kept |= every & (given - takes)
            elif "kwargs" in given:
                kept |= self.words
        return kept

    def kept_attributes(self) -> set[str]:
        """Spellings of attributes that must stay."""
        if self.spelled & _REFLECTION:
            return self.attributes
        keywords = {k.arg for call in self.calls for k in call.keywords if k.arg}
        private = {name for name in self.attributes if name.startswith("__")}
        return set(LIBRARY) | self.words | self.of_modules | self.fields | self.foreign | keywords | private

    def callee(self, function: ast.expr) -> set[str] | None:
        """The parameters that a call's keywords may name: empty for a library's function, None where it is not known."""
        match function:
            case ast.Name(id=name) if self._of_a_library(name):
                return None if name in _TAKES_FUNCTIONS else set()
            case ast.Name(id=name):
                return self.parameters.get(name)
            case ast.Attribute(attr=name) if self.of_module(function):
                return None if name in _TAKES_FUNCTIONS else set()
            case ast.Attribute(attr=name) if name in self.parameters:
                return None if name in LIBRARY else self.parameters[name]
            case ast.Attribute(attr=name):
                return None if name in self.stored else set()
        return None

    def _of_a_library(self, name: str) -> bool:
        given = name in self.imported or (name in dir(builtins) and name not in self.bound)
        return given and name not in self.parameters

    def of_module(self, node: ast.expr) -> bool:
        """Whether an attribute is looked up in an imported module, however deep."""
        while isinstance(node, ast.Attribute):
            node = node.value
        return isinstance(node, ast.Name) and node.id in self.imported

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        """A class, its variables and what its constructor takes."""
        self._bind(node.name)
        init = next((one for one in node.body if isinstance(one, Function) and one.name == "__init__"), None)
        if init is not None:
            self.parameters.setdefault(node.name, set()).update(parameters_of(init))
        self.fields |= {
            one.target.id for one in node.body if isinstance(one, ast.AnnAssign) and isinstance(one.target, ast.Name)
        }
        outer, self._class = self._class, node
        self.attributes |= class_names(node)
        self.generic_visit(node)
        self._class = outer
        for name in class_names(node):
            if any(
                name in names_in(inner) for inner in ast.walk(node) if isinstance(inner, ast.comprehension | ast.Lambda)
            ):
                self.fields.add(name)
                self.foreign.add(name)

    def _function(self, node: Function) -> None:
        method = self._class is not None and node in self._class.body
        self.spelled.add(node.name)
        if not method:
            self._bind(node.name)
        self.parameters.setdefault(node.name, set()).update(parameters_of(node))
        if any(last_name(one) not in _PLAIN_DECORATORS for one in node.decorator_list):
            self.foreign |= names_in(node) | parameters_of(node)
        outer = self._class, self._self
        first = next(iter(node.args.posonlyargs + node.args.args), None)
        if method:
            self._self = first.arg if first else ""
        self._class = None
        self.generic_visit(node)
        self._class, self._self = outer

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        """A function or method."""
        self._function(node)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> None:
        """The same."""
        self._function(node)

    def visit_Lambda(self, node: ast.Lambda) -> None:
        """A function without a name."""
        self.parameters.setdefault("", set()).update(one.arg for one in ast.walk(node.args) if isinstance(one, ast.arg))
        self.generic_visit(node)

    def visit_arg(self, node: ast.arg) -> None:
        """A parameter."""
        self._bind(node.arg)
        self.generic_visit(node)

    def visit_Name(self, node: ast.Name) -> None:
        """A variable."""
        self.spelled.add(node.id)
        if not isinstance(node.ctx, ast.Load) and not (self._class and node.id in class_names(self._class)):
            self.bound.add(node.id)

    def visit_Attribute(self, node: ast.Attribute) -> None:
        """An attribute; one assigned on `self` is the script's own."""
        self.spelled.add(node.attr)
        if self.of_module(node):
            self.of_modules.add(node.attr)
        if isinstance(node.ctx, ast.Store) and isinstance(node.value, ast.Name) and node.value.id == self._self:
            self.attributes.add(node.attr)
            self.stored.add(node.attr)
        self.generic_visit(node)

    def visit_ExceptHandler(self, node: ast.ExceptHandler) -> None:
        """The name of a caught exception."""
        if node.name:
            self._bind(node.name)
        self.generic_visit(node)

    def visit_Import(self, node: ast.Import) -> None:
        """Modules."""
        for alias in node.names:
            name = alias.asname or alias.name.split(".", maxsplit=1)[0]
            self.imported.add(name)
            self.spelled.add(name)
            if alias.asname:
                self.bound.add(name)
            else:
                self.foreign.add(name)

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        """Names of modules."""
        for alias in node.names:
            name = alias.asname or alias.name
            self.imported.add(name)
            if node.module != "__future__":
                self._bind(name)

    def visit_Constant(self, node: ast.Constant) -> None:
        """A string may name things."""
        if isinstance(node.value, str):
            self.words.update(_WORD.findall(node.value.replace("-", "_")))

    def visit_Expr(self, node: ast.Expr) -> None:
        """A string that stands alone is a comment."""
        if not isinstance(node.value, ast.Constant):
            self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> None:
        """Kept for its keywords."""
        self.calls.append(node)
        self.generic_visit(node)

    def visit_Match(self, node: ast.Match) -> None:
        """Names inside patterns stay."""
        self.foreign |= {name for one in ast.walk(node) for name in pattern_names(one)}
        self.generic_visit(node)

    def _bind(self, name: str) -> None:
        self.bound.add(name)
        self.spelled.add(name)
