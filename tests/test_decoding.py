"""Decoding: from a packed script to the text that runs, without executing anything."""

import base64
import lzma
import tracemalloc
import zlib
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from golf_audit.decoding import Limits, Source, Undecodable, UndecodableKind, decode
from golf_audit.decoding.limits import Budget, LimitReached
from golf_audit.decoding.source import NoteKind
from golf_audit.decoding.unpack import UnpackError, unpack_brotli, unpack_bz2, unpack_gzip, unpack_lzma, unpack_zlib
from golf_audit.submission import Folder
from tests.packing import ENTRY, PACKINGS, Files, raw_lzma, xz_b85, xz_in_base85

PROGRAM = '''"""A training script, as far as decoding cares."""

import os


class Hyperparameters:
    steps = int(os.environ.get("STEPS", "10"))
    lr = float(os.environ.get("LR", "0.1"))


def train(args, model, batches):
    total = 0.0
    for step, (x, y) in enumerate(batches):
        loss = model(x, y)
        loss.backward()
        total += loss.item()
        print(f"step:{step} loss:{total / (step + 1):.4f}")
    return total


def main():
    args = Hyperparameters()
    train(args, None, [])


if __name__ == "__main__":
    main()
'''


def decoded(files: Files | str, path: str = ENTRY, limits: Limits | None = None) -> Source | Undecodable:
    """What decoding makes of a script in a folder of these files."""
    return decode(Folder.from_files({ENTRY: files} if isinstance(files, str) else files), path, limits)


def source_of(files: Files | str, path: str = ENTRY) -> Source:
    """The source of a script that must be decodable."""
    found = decoded(files, path)
    assert isinstance(found, Source), found
    return found


def failure_of(files: Files | str, limits: Limits | None = None) -> Undecodable:
    """Why a script that must not be decodable is not."""
    found = decoded(files, limits=limits)
    assert isinstance(found, Undecodable), found.layer
    return found


def packed(expression: str, *before: str) -> str:
    """A wrapper that runs the value of `expression`."""
    return "\n".join(("import lzma, base64, zlib, os", *before, f"exec({expression})")) + "\n"


# What is found


@pytest.mark.parametrize("name", PACKINGS)
def test_every_packing(name: str) -> None:
    """Whatever a script is packed in, the text that runs is found to the last character."""
    source = source_of(PACKINGS[name](PROGRAM))
    assert source.text == PROGRAM
    assert source.packed
    assert [layer.index for layer in source.layers] == list(range(len(source.layers)))


@given(st.text(st.characters(codec="utf-8", exclude_characters="\r\ufeff"), max_size=300))
@settings(max_examples=40, deadline=None)
def test_any_text(text: str) -> None:
    """Any text inside a literal of the payload comes out as it went in."""
    program = f"value = {text!r}\n"
    assert source_of(xz_in_base85(program)).text == program


def test_layers_say_how_and_where() -> None:
    """Each layer tells how the one above held it, its size, its hash and what runs it."""
    source = source_of(PACKINGS["three wrappers deep"](PROGRAM))
    assert [layer.how for layer in source.layers] == ["as shipped", "base85, lzma raw", "base85, zlib", "hex, gzip"]
    assert source.layer.size == len(PROGRAM.encode())
    assert len(source.layer.sha256) == 64
    origin = source.layers[1].origin
    assert origin is not None
    assert (origin.file, origin.line, origin.layer) == (ENTRY, 2, 0)
    assert source.layer.location(7).text == 'steps = int(os.environ.get("STEPS", "10"))'
    assert source.layer.location(7).layer == 3


def test_an_ordinary_script_has_one_layer() -> None:
    """A script that unpacks nothing is its own only layer, and sets nothing outside itself."""
    source = source_of(PROGRAM)
    assert (len(source.layers), source.packed, dict(source.environment), dict(source.constants)) == (1, False, {}, {})


@pytest.mark.parametrize(
    "addition",
    [
        f"TABLE = {base64.b85encode(bytes(range(256)) * 40)!r}\n",
        "def configure(text):\n    exec(text, globals())\n",
        "def load(path):\n    exec(open(path).read())\n\n\nclass A:\n    def run(self):\n        exec('x = 1')\n",
        "model = None\nif model is not None:\n    model.eval()\n",
    ],
)
def test_look_alikes_are_not_wrappers(addition: str) -> None:
    """Large constants, and exec inside functions that nothing calls, do not make a script a wrapper."""
    assert len(source_of(PROGRAM + addition).layers) == 1


def test_environment_set_outside_the_payload() -> None:
    """What a wrapper sets in the environment is kept, with its place and whether the caller can still change it."""
    source = source_of(PACKINGS["defaults set outside"](PROGRAM))
    assert {name: setting.value for name, setting in source.environment.items()} == {
        "TTT_ENABLED": "1",
        "TTT_LR": "0.005",
    }
    assert source.environment["TTT_LR"].location.line == 4
    assert not source.environment["TTT_LR"].overrides
    bundle = source_of(PACKINGS["bundle cut at a marker"](PROGRAM))
    assert bundle.environment["MUON_WD"].value == ".12"
    assert bundle.environment["MUON_WD"].overrides


@pytest.mark.parametrize(
    ("prologue", "overrides"),
    [
        ("os.environ['A'] = '1'", True),
        ("os.environ.update({'A': '1'})", True),
        ("os.environ.update(A='1')", True),
        ("os.environ |= {'A': '1'}", True),
        ("os.putenv('A', '1')", True),
        ("from os import environ as e\ne['A'] = '1'", True),
        ("os.environ.setdefault('A', '1')", False),
        ("s = os.environ.setdefault\ns('A', '1')", False),
        ("for k, v in {'A': '1'}.items():\n    os.environ.setdefault(k, v)", False),
        ("if 'A' not in os.environ:\n    os.environ['A'] = '1'", False),
        ("os.environ['A'] = os.environ.get('A', '1')", False),
        ("os.environ['A'] = os.getenv('A') or '1'\nos.environ.setdefault('A', '1')", False),
    ],
)
def test_every_way_to_set_the_environment(prologue: str, overrides: bool) -> None:
    """Whichever way a wrapper sets a variable, it is kept, and a default is told from an order."""
    source = source_of(packed(repr(PROGRAM), prologue))
    assert source.environment["A"].value == "1"
    assert source.environment["A"].overrides is overrides


def test_environment_set_after_the_payload_does_not_count() -> None:
    """A variable that is set only after the payload ran is not part of its environment."""
    text = str(xz_in_base85(PROGRAM)[ENTRY]) + "import os\nos.environ['LATE'] = '1'\n"
    assert dict(source_of(text).environment) == {}


def test_an_assigned_variable_is_read_back() -> None:
    """A wrapper that reads what it has set itself finds it."""
    text = packed("lzma.decompress(base64.b85decode(os.environ['P']))", f"os.environ['P'] = {xz_b85(PROGRAM)!r}")
    assert source_of(text).text == PROGRAM


def test_constants_left_for_the_payload() -> None:
    """A number that the wrapper leaves among the payload's names is kept."""
    source = source_of(PACKINGS["raw lzma with wrapper size"](PROGRAM))
    size = source.constants["__wrapper_size__"]
    assert isinstance(size, int)
    assert abs(size - source.layers[0].size) < 100


def test_bundled_files() -> None:
    """Files that a bundle writes are kept: modules by import name, all by path."""
    source = source_of(PACKINGS["bundle cut at a marker"](PROGRAM))
    assert source.modules["side"].text == "VALUE = 1\n"
    assert source.files["native/kernel.c"].text == "int main() { return 0; }\n"
    assert source.files["native/kernel.c"].path == "train_gpt.py!native/kernel.c"


def test_modules_beside_the_script() -> None:
    """Modules that a script imports from its folder are found in turn, packed ones decoded."""
    helper = str(xz_in_base85("def helped():\n    return 1\n")[ENTRY])
    source = source_of(
        {
            ENTRY: "import helper, torch\nfrom tools import (\n    first,\n    second as two,\n)\nimport numpy as np\n"
            + PROGRAM,
            "helper.py": helper,
            "tools/__init__.py": "from . import third\n",
            "tools/first.py": "",
            "tools/second.py": "",
            "tools/third.py": "import deep.er\n",
            "deep/er.py": "",
            "unused.py": "",
        }
    )
    assert sorted(source.modules) == ["deep.er", "helper", "tools", "tools.first", "tools.second", "tools.third"]
    assert source.modules["helper"].text == "def helped():\n    return 1\n"
    assert source.modules["tools.third"].location(1).file == "tools/third.py"


def test_modules_in_a_directory_that_is_added_to_the_path() -> None:
    """Where a script adds to sys.path, the folder's other directories are looked through, too."""
    files = {
        ENTRY: "import sys\nsys.path.insert(0, 'vendor')\nfrom kit import x\n" + PROGRAM,
        "vendor/kit.py": "x = 1\n",
    }
    assert source_of(files).modules["kit"].file == "vendor/kit.py"
    assert "kit" not in source_of({**files, ENTRY: "from kit import x\n" + PROGRAM}).modules


def test_modules_made_from_plain_texts() -> None:
    """Modules that a script installs from texts of its own are modules, and the script stays the program."""
    text = (
        "import sys, types\n\n\ndef install(name, source):\n    module = types.ModuleType(name)\n"
        "    sys.modules[name] = module\n    exec(compile(source, name, 'exec'), module.__dict__)\n\n\n"
        "install('kit.first', 'ONE = 1\\n')\ninstall('kit.second', 'TWO = 2\\n')\nfrom kit.first import ONE\n"
    )
    source = source_of(text + PROGRAM)
    assert not source.packed
    assert {name: layer.text for name, layer in source.modules.items()} == {
        "kit.first": "ONE = 1\n",
        "kit.second": "TWO = 2\n",
    }


def test_a_sibling_payload_keeps_its_own_file() -> None:
    """A payload that lies readable beside the wrapper is located in its own file."""
    source = source_of(PACKINGS["sibling by replaced name"](PROGRAM))
    location = source.layer.location(6)
    assert (location.file, location.line, location.layer) == ("train_gpt_decode.py", 6, 0)


def test_two_texts_run_one_after_another() -> None:
    """Parts that are run one after another among the same names are one program."""
    first, second = PROGRAM.split("def main")
    text = packed(f"lzma.decompress(base64.b85decode({xz_b85(first)!r}))") + (
        f"exec(lzma.decompress(base64.b85decode({xz_b85('def main' + second)!r})))\n"
    )
    assert source_of(text).text == f"{first}\ndef main{second}"


def test_a_readable_file_beside_the_payload() -> None:
    """A readable file beside the payload is compared with it, and never audited in its place."""
    wrapper = xz_in_base85(PROGRAM)
    same = source_of(
        {**wrapper, "train_gpt_human.py": PROGRAM.replace("    total = 0.0\n", "    total = 0.0  # none yet\n")}
    )
    assert [note.kind for note in same.notes] == [NoteKind.TWIN]
    noted = PROGRAM.replace(
        "def train(args, model, batches):", 'def train(args: object, model, batches) -> float:\n    """Train."""'
    )
    assert [note.kind for note in source_of({**wrapper, "train_gpt_human.py": noted}).notes] == [NoteKind.TWIN]
    other = source_of({**wrapper, "train_gpt_human.py": PROGRAM.replace("loss.backward()", "pass")})
    assert [note.kind for note in other.notes] == [NoteKind.DIFFERS]
    assert "train" in other.notes[0].message
    assert other.notes[0].location.file == "train_gpt_human.py"
    assert other.text == PROGRAM
    assert source_of({**wrapper, "prepare_data.py": "import json\nprint(json.dumps({}))\n"}).notes == ()


# What is not


def test_an_empty_script() -> None:
    """A script without code is empty, not broken."""
    for text in ("", "\n\n", "# nothing\n", '"""Nothing."""\n'):
        assert failure_of(text).kind is UndecodableKind.EMPTY


def test_a_broken_script() -> None:
    """A script that no Python parses is broken, and its line is named; so is a broken payload."""
    failure = failure_of("x = 1\ny = = 2\n")
    assert (failure.kind, failure.location.line) == (UndecodableKind.BROKEN, 2)
    inner = failure_of(xz_in_base85("x = 1\ny = = 2\n"))
    assert (inner.kind, inner.location.line, inner.location.layer) == (UndecodableKind.BROKEN, 2, 1)


def test_a_missing_script() -> None:
    """A script that is not there is undecodable, not an error."""
    found = decoded({"other.py": "x = 1\n"})
    assert isinstance(found, Undecodable)
    assert "not in the folder" in found.reason


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (packed("lzma.decompress(base64.b85decode(os.environ['KEY']))"), "the environment variable KEY"),
        (packed("lzma.decompress(base64.b85decode(input()))"), "what input() gives"),
        (packed("open('missing.py').read()"), "missing.py, which is not in the folder"),
        (packed("open('../other/train_gpt.py').read()"), "outside the folder"),
        (packed("open('/etc/passwd').read()"), "/etc/passwd, which lies outside the folder"),
        (
            packed("urlopen('https://example.org/x').read()", "from urllib.request import urlopen"),
            "urllib.request.urlopen()",
        ),
        (packed("marshal.loads(base64.b64decode('AAAA'))", "import marshal"), "marshal data, which is not text"),
        (
            packed("bytes(b ^ k for b in base64.b64decode('AAAA'))", "import time", "k = int(time.time())"),
            "time.time()",
        ),
        (packed("base64.b85decode('~~~~~')"), "base85 text that is broken"),
        (packed("zlib.decompress(b'nothing')"), "zlib data that is broken"),
        (
            packed(f"lzma.decompress(base64.b85decode({xz_b85(PROGRAM)[:-40]!r}))"),
            "broken (compressed data ends too early)",
        ),
        (packed("nobody"), "the name nobody, which is not defined"),
    ],
)
def test_undecodable(text: str, says: str) -> None:
    """A payload that depends on what is not in the submission is undecodable, and the reason is named."""
    failure = failure_of(text)
    assert failure.kind is UndecodableKind.UNDECODABLE
    assert says in failure.reason
    assert failure.location.line == len(text.splitlines())
    assert [layer.index for layer in failure.layers] == [0]


def test_a_choice_that_is_not_known() -> None:
    """A payload that depends on a condition nobody knows is not guessed."""
    text = packed(
        "lzma.decompress(base64.b85decode(data))",
        "if os.environ['WHICH'] == 'a':",
        f"    data = {xz_b85(PROGRAM)!r}",
        "else:",
        f"    data = {xz_b85(PROGRAM + 'x = 1')!r}",
    )
    assert "WHICH" in failure_of(text).reason


def test_a_function_that_may_return_early() -> None:
    """What a function returns on one of two unknown ways is not guessed either."""
    text = packed(
        "unpack()",
        "def unpack():",
        "    if os.environ['WHICH']:",
        f"        return {PROGRAM!r}",
        "    return 'x = 1'",
    )
    assert "WHICH" in failure_of(text).reason


def test_a_list_changed_on_an_unknown_way() -> None:
    """A list that is appended to on an unknown condition is not taken to be known."""
    text = packed("''.join(pieces)", "pieces = ['x = 1']", "if os.environ['MORE']:", "    pieces.append('y = 2')")
    assert isinstance(decoded(text), Undecodable)


def test_a_program_that_also_runs_something_unreadable() -> None:
    """A program stays a program when it also runs what cannot be read, but that is noted."""
    body = "".join(f"def f{i}(a, b):\n    return [a + {i}, b * {i}, a(b), b[a], (a, b, a, b)]\n\n\n" for i in range(80))
    source = source_of(body + "exec(open('/etc/extra.py').read())\n")
    assert [note.kind for note in source.notes] == [NoteKind.OPAQUE]
    assert not source.packed


def test_nothing_is_executed(tmp_path: Path) -> None:
    """Neither wrapper nor payload leaves a trace on the disk."""
    mark = tmp_path / "mark"
    text = packed(
        repr(f"open({str(mark)!r}, 'w').write('x')"), f"open({str(mark)!r}, 'w').write('x')", f"os.mkdir({str(mark)!r})"
    )
    decoded(text)
    assert not mark.exists()


def test_files_outside_the_folder_are_not_read(tmp_path: Path) -> None:
    """No path, however it is written, reads a real file that is not the submission's."""
    secret = tmp_path / "secret.py"
    secret.write_text(PROGRAM)
    for path in (str(secret), f"../../../../../../../..{secret}", f"x/../..{secret}"):
        assert isinstance(decoded(packed(f"open({path!r}).read()")), Undecodable)


# Limits


def bomb(size: int) -> bytes:
    """A few kilobytes that unpack to `size` blanks."""
    return zlib.compress(b" " * size, 9)


@pytest.mark.parametrize(
    ("unpacker", "data"),
    [
        (unpack_zlib, bomb(200_000_000)),
        (unpack_gzip, zlib.compress(b" " * 200_000_000, 9, 31)),
        (unpack_lzma, lzma.compress(b" " * 200_000_000, preset=1)),
    ],
)
def test_bombs_cost_no_memory(unpacker: object, data: bytes) -> None:
    """A few bytes that unpack to hundreds of megabytes are stopped while they unpack."""
    assert callable(unpacker)
    tracemalloc.start()
    with pytest.raises(LimitReached):
        unpacker(data, Budget(Limits()))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 150 * 2**20


def test_brotli_and_bzip2_bombs() -> None:
    """The other two compressions are stopped, too."""
    import brotli

    small = replace(Limits(), bytes=2**20)
    with pytest.raises(LimitReached):
        unpack_brotli(brotli.compress(b" " * 40_000_000, quality=1), Budget(small))
    import bz2

    with pytest.raises(LimitReached):
        unpack_bz2(bz2.compress(b" " * 40_000_000), Budget(small))


@pytest.mark.parametrize("unpacker", [unpack_zlib, unpack_gzip, unpack_bz2, unpack_lzma, unpack_brotli])
def test_truncated_data(unpacker: object) -> None:
    """Data cut short are an error with a reason, never a part of a text."""
    import bz2
    import gzip

    import brotli

    packers = {
        unpack_zlib: zlib.compress,
        unpack_gzip: gzip.compress,
        unpack_bz2: bz2.compress,
        unpack_lzma: lzma.compress,
        unpack_brotli: brotli.compress,
    }
    assert callable(unpacker)
    data = packers[unpacker](PROGRAM.encode())
    assert unpacker(data, Budget(Limits())) == PROGRAM.encode()
    for wrong in (data[:-20], b"", b"nonsense"):
        with pytest.raises(UnpackError):
            unpacker(wrong, Budget(Limits()))


def test_a_bomb_in_a_wrapper() -> None:
    """A wrapper around a bomb is undecodable because of a limit, and says which."""
    data = base64.b85encode(bomb(200_000_000)).decode()
    failure = failure_of(packed(f"zlib.decompress(base64.b85decode({data!r}))"))
    assert failure.kind is UndecodableKind.LIMIT
    assert "64 MB" in failure.reason


@pytest.mark.parametrize(
    "expression",
    [
        "'x' * 10**10",
        "[0] * 10**9",
        "9**9**9",
        "1 << 10**9",
        "'%99999999d' % 1",
        "f'{1:99999999}'",
        "'{:>99999999}'.format(1)",
        "'a'.ljust(10**10)",
        "'a'.replace('', 'b' * 10**7) and ('a' * 10**7).replace('a', 'b' * 10**3)",
        "('x' * 10**6).join(['a'] * 10**6)",
        "bytes(10**10)",
        "list(range(10**10))",
        "('a' * 10**6).translate({97: 'b' * 10**4})",
        "[a for a in range(10**7)]",
    ],
)
def test_no_expression_takes_much(expression: str) -> None:
    """No single expression makes a huge value."""
    failure = failure_of(packed(expression))
    assert failure.kind is UndecodableKind.LIMIT


@pytest.mark.parametrize(
    "lines",
    [
        ("x = [0]", "for _ in range(40): x = [x] * 100", "text = str(x)"),
        ("x = (0,)", "for _ in range(60): x = (x, x)", "text = f'{x}'"),
        ("x = (0,)", "for _ in range(60): x = (x, x)", "text = {x: 1}"),
        ("x = [0]", "for _ in range(60): x = [x, x]", "y = [x, x]", "text = x == y"),
        ("x = int.from_bytes(b'7' * 10**6, 'big')", "y = int.from_bytes(b'3' * 500_000, 'big')", "text = x % y"),
        ("x = 3**100_000", "text = pow(x, x, x)"),
        ("x = 'a' * 10**7", "text = x.rfind('b' + 'a' * 10**6)"),
        ("x = ' a' * 10**7", "text = x.split()"),
    ],
)
def test_no_statement_takes_long(lines: tuple[str, ...]) -> None:
    """Values that are small but take forever to look through, and slow arithmetic, are given up at once."""
    failure = failure_of(packed("text", *lines))
    assert failure.kind is UndecodableKind.LIMIT


def test_endless_loops_end() -> None:
    """A wrapper that never ends is given up."""
    limits = replace(Limits(), steps=20_000)
    for text in (packed("x", "x = 0", "while True:", "    x += 1"), packed("f(1)", "def f(n):", "    return f(n + 1)")):
        assert failure_of(text, limits).kind is UndecodableKind.LIMIT


def test_a_script_that_runs_itself() -> None:
    """A script that runs its own file again and again is stopped at the limit on layers."""
    failure = failure_of("exec(open(__file__).read())\n")
    assert failure.kind is UndecodableKind.LIMIT
    assert "8 wrappers" in failure.reason


def test_wrappers_without_end() -> None:
    """More wrappers inside one another than allowed are a limit, as many as allowed are not."""
    text = PROGRAM
    for _ in range(8):
        text = str(xz_in_base85(text)[ENTRY])
    assert len(source_of(text).layers) == 9
    assert failure_of(str(xz_in_base85(text)[ENTRY])).kind is UndecodableKind.LIMIT


def test_time_is_bounded() -> None:
    """Decoding stops when its time is up."""
    limits = replace(Limits(), seconds=0.05, steps=10**9)
    assert failure_of(packed("x", "x = 0", "while x < 10**8:", "    x += 1"), limits).kind is UndecodableKind.LIMIT


def test_raw_filters_are_those_of_the_wrapper() -> None:
    """A raw stream is unpacked with the filters that the wrapper names, and not with others."""
    filters = [{"id": lzma.FILTER_DELTA, "dist": 4}, {"id": lzma.FILTER_LZMA2}]
    data = base64.b85encode(lzma.compress(PROGRAM.encode(), format=lzma.FORMAT_RAW, filters=filters)).decode()
    call = "format=lzma.FORMAT_RAW, filters=[{'id': lzma.FILTER_DELTA, 'dist': 4}, {'id': lzma.FILTER_LZMA2}]"
    assert source_of(packed(f"lzma.decompress(base64.b85decode({data!r}), {call})")).text == PROGRAM
    assert raw_lzma(PROGRAM) != base64.b85decode(data)
