"""Parsing: the same tree for the same text, whichever Python runs the auditor."""

import ast
import time
import warnings

import libcst
import pytest

from golf_audit import lowering
from golf_audit.parsing import MAX_DEPTH, Parsed, ParseFailure, parse

NEWER = {
    "the same quotes inside": ('x = f"{d["a"]}"\n', "x = f\"{d['a']}\"\n"),
    "a conversion and a specifier": (
        'x = f"{d["a"]!r:>{w["b"]}} {y:.3f}"\n',
        "x = f\"{d['a']!r:>{w['b']}} {y:.3f}\"\n",
    ),
    "a text that shows itself": ('x = f"{d["a"] = }"\n', "x = f'{d[\"a\"] = }'\n"),
    "braces that are text": ('x = f"{{{d["a"]}}}"\n', "x = f\"{{{d['a']}}}\"\n"),
    "a brace inside an inner string": ('x = f"{d["}"]}"\n', "x = f\"{d['}']}\"\n"),
    "next to other literals": ('x = "a" f"{d["a"]}" "b"\n', 'x = "a" f"{d[\'a\']}" "b"\n'),
    "raw": ("x = rf'\\d{d['a']}'\n", "x = rf'\\d{d[\"a\"]}'\n"),
    "a comparison": ('x = f"{a != d["a"]}"\n', "x = f\"{a != d['a']}\"\n"),
    "a named character": ('x = f"\\N{EM DASH}{d["a"]}"\n', "x = f\"\\N{EM DASH}{d['a']}\"\n"),
}
"""f-strings that only Python 3.12 reads, with what they are in the older grammar."""


def tree_of(text: str) -> ast.Module:
    """The tree of a text that must be parsed."""
    parsed = parse(text)
    assert isinstance(parsed, Parsed), parsed
    return parsed.tree


@pytest.mark.parametrize("title", NEWER)
def test_newer_f_strings(title: str) -> None:
    """An f-string of the 3.12 grammar gives the tree that 3.12 would give."""
    newer, older = NEWER[title]
    expected = ast.dump(ast.parse(older))
    assert ast.dump(lowering.parse_lowered(newer)) == expected
    assert ast.dump(tree_of(newer)) == expected


def test_a_backslash_in_a_field() -> None:
    """An expression with a backslash, which the older grammar has no way to say, is parsed as it stands."""
    tree = lowering.parse_lowered("x = f\"{'\\n'.join(a)}\"\n")
    call = next(node for node in ast.walk(tree) if isinstance(node, ast.Call))
    assert ast.unparse(call) == "'\\n'.join(a)"


def test_nested_four_deep() -> None:
    """f-strings inside f-strings are all there."""
    tree = lowering.parse_lowered('x = f"{f"{f"{f"{1 + 1}"}"}"}"\n')
    assert sum(isinstance(node, ast.JoinedStr) for node in ast.walk(tree)) == 4
    assert any(isinstance(node, ast.BinOp) for node in ast.walk(tree))


def test_lines_are_those_of_the_text() -> None:
    """Whatever was rewritten, every node keeps its line, within the f-string and after it."""
    text = (
        'a = f"{\n    d["x"]\n}" + tail  # a comment\n'
        'b = (f"{d["y"]}",\n     second)\n'
        'c = f"""one\n{d["z"]}\ntwo"""\n'
        "def f(): return last\n"
    )
    lines = {node.id: node.lineno for node in ast.walk(lowering.parse_lowered(text)) if isinstance(node, ast.Name)} | {
        node.value: node.lineno for node in ast.walk(lowering.parse_lowered(text)) if isinstance(node, ast.Constant)
    }
    assert {name: lines[name] for name in ("a", "x", "tail", "b", "y", "second", "c", "z", "last")} == {
        "a": 1,
        "x": 2,
        "tail": 3,
        "b": 4,
        "y": 4,
        "second": 5,
        "c": 6,
        "z": 7,
        "last": 9,
    }


def test_columns_inside_a_rewritten_field() -> None:
    """A name inside a rewritten field keeps its column, counted in bytes as Python counts it."""
    tree = lowering.parse_lowered('é = f"{d["a"] + other}" + after\n')
    columns = {node.id: node.col_offset for node in ast.walk(tree) if isinstance(node, ast.Name)}
    assert (columns["d"], columns["other"], columns["after"]) == (8, 17, 27)


def test_type_parameters() -> None:
    """Type parameters and type aliases of 3.12 are parsed, and lines after them keep their numbers."""
    text = "def first[T: (int,\n  str)](x: T) -> T: return x\nclass Box[T](Base): pass\ntype Pair[T] = tuple[T, T]\nlast = 1\n"
    tree = lowering.parse_lowered(text)
    assert [(type(node).__name__, node.lineno) for node in tree.body] == [
        ("FunctionDef", 1),
        ("ClassDef", 3),
        ("Assign", 4),
        ("Assign", 5),
    ]
    assert isinstance(parse(text), Parsed)


@pytest.mark.parametrize(
    "text",
    [
        "def f(:\n",
        "x = 'unterminated\n",
        "  indented = 1\n",
        "x = 1490abc\n",
        'print(f"{x["a"]")\n',
        "x = \x00\n",
        "This is prose — it isn't Python.\n",
        "\ud800 = 1\n",
    ],
)
def test_broken_everywhere(text: str) -> None:
    """A text that no Python parses is said to be broken."""
    parsed = parse(text)
    assert isinstance(parsed, ParseFailure)
    assert parsed.broken


def test_the_line_of_a_syntax_error() -> None:
    """A failure names the line where Python found the fault, also below f-strings of the newer grammar."""
    parsed = parse('x = f"{d["a"]}"\ny = 2\nz = )\n')
    assert isinstance(parsed, ParseFailure)
    assert (parsed.line, parsed.broken) == (3, True)


@pytest.mark.parametrize(
    "text", ["x = " + "(" * 5000 + ")" * 5000, "x = " + "-" * 50_000 + "1", "x = " + "f(" * 150 + ")" * 150]
)
def test_deep_nesting_is_not_called_broken(text: str) -> None:
    """A text that is nested absurdly deep fails without a crash and is not called broken."""
    parsed = parse(text)
    assert isinstance(parsed, Parsed) or not parsed.broken


def test_depth_is_bounded() -> None:
    """A tree too deep to be walked recursively is refused."""
    parsed = parse("x = a" + " + a" * (2 * MAX_DEPTH))
    assert isinstance(parsed, ParseFailure)
    assert not parsed.broken


def test_a_long_sum_of_literals_is_one_literal() -> None:
    """A payload written as a sum of a thousand literals is as good as one literal."""
    tree = tree_of("x = " + " + ".join(f"'{number:03d}'" for number in range(1000)) + "\ny = [b'a' + b'b']\n")
    statement = tree.body[0]
    assert isinstance(statement, ast.Assign)
    assert isinstance(statement.value, ast.Constant)
    assert statement.value.value == "".join(f"{number:03d}" for number in range(1000))


def test_no_warnings() -> None:
    """Invalid escapes in a submission make no noise."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert isinstance(parse("x = '\\d'\nassert (1, 'always true')\nif x is 1: pass\n"), Parsed)


def test_the_same_text_gives_the_same_tree() -> None:
    """Asking twice parses once."""
    text = "value = 12345\n"
    assert tree_of(text) is tree_of(text)


def test_nodes_are_counted() -> None:
    """The number of nodes is that of a walk, a literal counting one."""
    parsed = parse("x = f(1, 'a' , [y])\nclass C:\n    def m(self): return 1\n")
    assert isinstance(parsed, Parsed)
    assert parsed.nodes == sum(1 for _ in ast.walk(parsed.tree))


def test_costs_little_beside_libcst() -> None:
    """Parsing newer grammar takes at most one and a half times what libcst takes for the same text."""
    text = "".join(f'def f{i}(d, x):\n    y = f"{{d["a"]}} {{x:.3f}}"\n    return y + d[{i}]\n' for i in range(400))
    start = time.process_time()
    assert isinstance(parse(text), Parsed)
    middle = time.process_time()
    libcst.parse_module(text)
    assert middle - start <= 1.5 * (time.process_time() - middle)
