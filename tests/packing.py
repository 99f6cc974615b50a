"""
Every way known to wrap a training script in another, as functions from a text to the files of a folder.

`PACKINGS[name](text)` gives files by path, the wrapper as `train_gpt.py`; running that does what running `text` does.
Used to show that what is packed is found again, and that packing does not change what is said about a script.
"""

import base64
import bz2
import codecs
import gzip
import json
import lzma
import zlib
from collections.abc import Callable, Mapping

Files = Mapping[str, str | bytes]
Packing = Callable[[str], Files]
ENTRY = "train_gpt.py"
PACKINGS: dict[str, Packing] = {}
"""By name, in the order of this file."""
RAW = ({"id": lzma.FILTER_LZMA2},)
_LINE = 76


def packing(function: Packing) -> Packing:
    """Register a way of packing under its own name."""
    PACKINGS[function.__name__.replace("_", " ")] = function
    return function


def raw_lzma(text: str) -> bytes:
    """`text` as a raw LZMA2 stream."""
    return lzma.compress(text.encode(), format=lzma.FORMAT_RAW, filters=RAW)


def xz_b85(text: str) -> str:
    """`text` as an .xz stream in base85."""
    return base64.b85encode(lzma.compress(text.encode())).decode()


def cut(text: str, width: int = _LINE) -> list[str]:
    """`text` in pieces of one width."""
    return [text[start : start + width] for start in range(0, len(text), width)]


def wrapper(*lines: str) -> Files:
    """A folder of one script, of these lines."""
    return {ENTRY: "\n".join(lines) + "\n"}


@packing
def raw_lzma_in_base85(text: str) -> Files:
    """The usual one."""
    data = base64.b85encode(raw_lzma(text)).decode()
    call = 'format=L.FORMAT_RAW,filters=[{"id":L.FILTER_LZMA2}]'
    return wrapper("import lzma as L,base64 as B", f'exec(L.decompress(B.b85decode("{data}"),{call}))')


@packing
def raw_lzma_with_preset(text: str) -> Files:
    """The filter names its preset, too."""
    data = base64.b85encode(raw_lzma(text)).decode()
    filters = '[{"id":L.FILTER_LZMA2,"preset":9|L.PRESET_EXTREME}]'
    return wrapper(
        "import lzma as L,base64 as B",
        f'exec(L.decompress(B.b85decode("{data}"),format=L.FORMAT_RAW,filters={filters}))',
    )


@packing
def raw_lzma_with_wrapper_size(text: str) -> Files:
    """The wrapper states its own size for the payload to count."""
    data = base64.b85encode(raw_lzma(text)).decode()
    call = 'format=L.FORMAT_RAW,filters=[{"id":L.FILTER_LZMA2}]'
    return wrapper(
        "import lzma as L,base64 as B",
        f"__wrapper_size__={len(data) + 200}",
        f'exec(L.decompress(B.b85decode("{data}"),{call}).decode("utf-8"))',
    )


@packing
def xz_in_base85(text: str) -> Files:
    """The container is recognised by its first bytes."""
    return wrapper("import lzma as L,base64 as B", f'exec(L.decompress(B.b85decode("{xz_b85(text)}")))')


@packing
def xz_in_base85_bytes(text: str) -> Files:
    """A literal of bytes, and `compile` around the text."""
    return wrapper(
        "import lzma,base64,sys",
        f'exec(compile(lzma.decompress(base64.b85decode(b"{xz_b85(text)}")),__file__,"exec"))',
    )


@packing
def literal_over_many_lines(text: str) -> Files:
    """Adjacent literals in parentheses."""
    pieces = "\n".join(f"    {piece!r}" for piece in cut(xz_b85(text)))
    return wrapper(
        "import base64 as B, lzma as L", f"_DATA = (\n{pieces}\n)", "exec(L.decompress(B.b85decode(''.join(_DATA))))"
    )


@packing
def newlines_to_be_removed(text: str) -> Files:
    """A triple-quoted literal whose newlines are replaced away."""
    lines = "\n".join(cut(xz_b85(text)))
    return wrapper(
        "import lzma, base64",
        f'_b = b"""{lines}"""',
        'exec(lzma.decompress(base64.b85decode(_b.replace(b"\\n", b""))).decode("utf-8"))',
    )


@packing
def registered_with_linecache(text: str) -> Files:
    """Tracebacks and inspection find the text."""
    return wrapper(
        "import lzma as L,base64 as B,linecache as C",
        f'S=L.decompress(B.b85decode("{xz_b85(text)}"))',
        "S=S.decode()",
        'F=__file__+".__decompressed__.py"',
        "C.cache[F]=(len(S),None,S.splitlines(True),F)",
        'exec(compile(S,F,"exec"))',
    )


@packing
def file_name_set_through_globals(text: str) -> Files:
    """The payload is told another `__file__`."""
    return wrapper(
        "import base64,lzma,linecache",
        "globals()['__file__']='train_gpt.py'",
        f"_src=lzma.decompress(base64.b85decode(b'{xz_b85(text)}')).decode()",
        "linecache.cache['train_gpt.py']=(len(_src),None,_src.splitlines(True),'train_gpt.py')",
        "exec(compile(_src,'train_gpt.py','exec'))",
    )


@packing
def xz_in_base64(text: str) -> Files:
    """Base64 of bytes."""
    data = base64.b64encode(lzma.compress(text.encode())).decode()
    return wrapper("import base64, lzma", f'exec(lzma.decompress(base64.b64decode(b"{data}")))')


@packing
def lzma_alone_in_urlsafe_base64(text: str) -> Files:
    """The older container."""
    data = base64.urlsafe_b64encode(lzma.compress(text.encode(), format=lzma.FORMAT_ALONE)).decode()
    return wrapper(
        "import base64, lzma", f'exec(lzma.decompress(base64.urlsafe_b64decode("{data}"), lzma.FORMAT_AUTO))'
    )


@packing
def zlib_by_imported_names(text: str) -> Files:
    """The functions are imported by name."""
    data = base64.b85encode(zlib.compress(text.encode(), 9)).decode()
    return wrapper(
        "from base64 import b85decode", "from zlib import decompress as d", f"exec(d(b85decode({data!r})).decode())"
    )


@packing
def raw_deflate_by_object(text: str) -> Files:
    """A decompressor object without header."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    data = base64.b64encode(packer.compress(text.encode()) + packer.flush()).decode()
    return wrapper(
        "import zlib, base64",
        "d = zlib.decompressobj(-15)",
        f"exec(d.decompress(base64.b64decode({data!r})) + d.flush())",
    )


@packing
def bzip2_in_ascii85(text: str) -> Files:
    """Ascii85 with a tuple of literals."""
    data = base64.a85encode(bz2.compress(text.encode())).decode()
    return wrapper("import bz2, base64", f"P = {data!r}", "exec(bz2.decompress(base64.a85decode(P)))")


@packing
def gzip_in_hexadecimal(text: str) -> Files:
    """Hexadecimal digits."""
    return wrapper("import gzip", f'exec(gzip.decompress(bytes.fromhex("{gzip.compress(text.encode()).hex()}")))')


@packing
def gzip_through_a_stream(text: str) -> Files:
    """A packed file that lies in memory."""
    data = base64.b64encode(gzip.compress(text.encode())).decode()
    return wrapper(
        "import gzip, io, base64",
        f"with gzip.GzipFile(fileobj=io.BytesIO(base64.b64decode({data!r}))) as f:",
        "    source = f.read()",
        "exec(source)",
    )


@packing
def brotli_in_base85(text: str) -> Files:
    """Needs the brotli package."""
    import brotli

    data = base64.b85encode(brotli.compress(text.encode())).decode()
    return wrapper("import brotli as B,base64 as b", f'exec(B.decompress(b.b85decode("{data}")))')


@packing
def not_packed_but_quoted(text: str) -> Files:
    """A plain literal."""
    return wrapper(f"exec({text!r})")


@packing
def sibling_by_replaced_name(text: str) -> Files:
    """The text lies beside the wrapper."""
    return {
        ENTRY: 'exec(open(__file__.replace("train_gpt.py","train_gpt_decode.py")).read())\n',
        "train_gpt_decode.py": text,
    }


@packing
def packed_sibling_by_suffix(text: str) -> Files:
    """A packed file beside the wrapper."""
    return {
        ENTRY: "import lzma, pathlib\n"
        "_src = lzma.decompress(pathlib.Path(__file__).with_suffix('.py.lzma').read_bytes())\n"
        "exec(compile(_src, __file__, 'exec'))\n",
        "train_gpt.py.lzma": lzma.compress(text.encode()),
    }


@packing
def packed_json_bundle(text: str) -> Files:
    """Several files in one packed JSON text beside the wrapper, written out before one is run."""
    bundle = json.dumps({"side.py": "VALUE = 1\n", "train_gpt_real.py": text})
    lines = (
        "import lzma, json, os",
        "with open(os.path.join(os.path.dirname(__file__), 'code.lzma'), 'rb') as f:",
        "    bundle = json.loads(lzma.decompress(f.read()))",
        "for name, code in bundle.items():",
        "    with open(os.path.join(os.path.dirname(__file__), name), 'w') as f:",
        "        f.write(code)",
        "exec(compile(bundle['train_gpt_real.py'], 'train_gpt_real.py', 'exec'))",
    )
    return {**wrapper(*lines), "code.lzma": lzma.compress(bundle.encode())}


@packing
def written_beside_and_run(text: str) -> Files:
    """Written to a file beside the wrapper, then run as a script."""
    data = base64.b85encode(raw_lzma(text)).decode()
    return wrapper(
        "import lzma as L,base64 as B,os,sys,runpy",
        f'_c=L.decompress(B.b85decode("{data}"),format=L.FORMAT_RAW,filters=[{{"id":L.FILTER_LZMA2}}])',
        '_d=os.path.join(os.path.dirname(os.path.abspath(__file__)),"_train.py")',
        "with open(_d,'wb') as _f:_f.write(_c)",
        "os.environ['_ORIG_SCRIPT']=os.path.abspath(__file__)",
        "sys.argv[0]=_d",
        "runpy.run_path(_d,run_name='__main__')",
    )


@packing
def written_to_a_temporary_directory(text: str) -> Files:
    """Written where no one looks, then run as a script."""
    return wrapper(
        "import lzma as L,base64 as B,tempfile,os,runpy",
        f'_c=L.decompress(B.b85decode("{xz_b85(text)}"))',
        "_f=os.path.join(tempfile.mkdtemp(),'train_gpt.py')",
        "open(_f,'wb').write(_c)",
        "runpy.run_path(_f,run_name='__main__')",
    )


@packing
def loaded_as_main_module(text: str) -> Files:
    """Written once under a lock, then loaded in place of the main module."""
    return wrapper(
        "import lzma as L,base64 as B,importlib.util as IU,os,sys,fcntl,tempfile",
        f'_c=L.decompress(B.b85decode("{xz_b85(text)}"))',
        "_p=os.path.join(tempfile.gettempdir(),'_inner_%d.py'%len(_c))",
        "with open(_p+'.lock','w') as _fl:",
        "    fcntl.flock(_fl,fcntl.LOCK_EX)",
        "    if not os.path.exists(_p) or os.path.getsize(_p)!=len(_c):",
        "        with open(_p,'wb') as _f:_f.write(_c)",
        "    fcntl.flock(_fl,fcntl.LOCK_UN)",
        "_s=IU.spec_from_file_location('__main__',_p)",
        "_m=IU.module_from_spec(_s)",
        "_m.__name__='__main__'",
        "sys.modules['__main__']=_m",
        "_s.loader.exec_module(_m)",
    )


@packing
def bundle_cut_at_a_marker(text: str) -> Files:
    """Several files in one text, the environment set, the first file run."""
    marker = "\n# === cut here ===\n"
    data = base64.b85encode(raw_lzma(marker.join((text, "VALUE = 1\n", "int main() { return 0; }\n")))).decode()
    return wrapper(
        "import lzma,base64,tempfile,os,sys",
        f'_b=lzma.decompress(base64.b85decode("{data}"),format=lzma.FORMAT_RAW,filters=[{{"id":lzma.FILTER_LZMA2}}])',
        f"_p=_b.decode().split({marker!r})",
        "_d=tempfile.mkdtemp(prefix='bundle_')",
        "for _n,_c in zip(['_runner.py','side.py','native/kernel.c'],_p):",
        "    _f=os.path.join(_d,_n);os.makedirs(os.path.dirname(_f),exist_ok=True);open(_f,'w').write(_c)",
        "sys.path.insert(0,_d)",
        "os.environ.update(LOOP_START='3',MUON_WD='.12')",
        "exec(open(os.path.join(_d,'_runner.py')).read())",
    )


@packing
def files_inside_a_packed_script(text: str) -> Files:
    """A packed script that itself writes a dictionary of files and runs one: two layers."""
    files = {"_main.py": text, "tools/__init__.py": '"""Tools."""\n', "plan.json": "{}\n"}
    inner = (
        "import runpy, sys, tempfile\nfrom pathlib import Path\n"
        f"ROOT = Path(tempfile.mkdtemp())\nFILES = {files!r}\n"
        "for relative, content in FILES.items():\n"
        "    path = ROOT / relative\n"
        "    path.parent.mkdir(parents=True, exist_ok=True)\n"
        "    if not path.exists() or path.read_text(encoding='utf-8') != content:\n"
        "        path.write_text(content, encoding='utf-8')\n"
        "sys.path.insert(0, str(ROOT))\n"
        "runpy.run_path(str(ROOT / '_main.py'), run_name='__main__')\n"
    )
    return xz_in_base85(inner)


@packing
def three_wrappers_deep(text: str) -> Files:
    """A wrapper in a wrapper in a wrapper."""
    for form in (gzip_in_hexadecimal, zlib_by_imported_names, raw_lzma_in_base85):
        text = str(form(text)[ENTRY])
    return {ENTRY: text}


@packing
def defaults_set_outside(text: str) -> Files:
    """The wrapper changes the payload's defaults through the environment."""
    return wrapper(
        "import os",
        "TTT_ENABLED = True",
        "os.environ.setdefault('TTT_ENABLED', '1' if TTT_ENABLED else '0')",
        "os.environ.setdefault('TTT_LR', str(5e-3))",
        *str(xz_in_base85(text)[ENTRY]).splitlines(),
    )


@packing
def alphabet_of_its_own(text: str) -> Files:
    """Base64 over a shuffled alphabet, put right by `str.translate`."""
    usual = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    shuffled = usual[::-1]
    data = base64.b64encode(zlib.compress(text.encode())).decode().translate(str.maketrans(usual, shuffled))
    return wrapper(
        "import base64, zlib, string",
        "usual = string.ascii_uppercase + string.ascii_lowercase + string.digits + '+/'",
        f"exec(zlib.decompress(base64.b64decode({data!r}.translate(str.maketrans(usual[::-1], usual)))))",
    )


@packing
def characters_by_arithmetic(text: str) -> Files:
    """Every character's number, each combined with a key."""
    numbers = [byte ^ 42 for byte in zlib.compress(text.encode())]
    return wrapper("import zlib", f"exec(zlib.decompress(bytes([n ^ 42 for n in {numbers}])))")


@packing
def characters_through_chr_and_map(text: str) -> Files:
    """A text put together from `chr`."""
    numbers = [ord(character) + 7 for character in xz_b85(text)]
    return wrapper(
        "import lzma, base64",
        f"s = ''.join(map(lambda n: chr(n - 7), {numbers}))",
        "exec(lzma.decompress(base64.b85decode(s)))",
    )


@packing
def backwards(text: str) -> Files:
    """The payload is written backwards."""
    return wrapper("import lzma, base64", f"exec(lzma.decompress(base64.b85decode({xz_b85(text)[::-1]!r}[::-1])))")


@packing
def rotated_letters(text: str) -> Files:
    """ROT13 around base64."""
    data = codecs.encode(base64.b64encode(zlib.compress(text.encode())).decode(), "rot13")
    return wrapper(
        "import codecs, zlib, base64", f"exec(zlib.decompress(base64.b64decode(codecs.decode({data!r}, 'rot13'))))"
    )


@packing
def pieces_gathered_in_a_loop(text: str) -> Files:
    """A list of pieces, gathered one by one."""
    return wrapper(
        "import lzma, base64",
        f"pieces = {cut(xz_b85(text))!r}",
        "whole = ''",
        "i = 0",
        "while i < len(pieces):",
        "    whole += pieces[i]",
        "    i += 1",
        "exec(lzma.decompress(base64.b85decode(whole)))",
    )


@packing
def function_of_its_own(text: str) -> Files:
    """A function unpacks, another runs."""
    return wrapper(
        "import lzma, base64",
        "def unpack(data, *, decode=base64.b85decode):",
        "    return lzma.decompress(decode(data)).decode()",
        "def main():",
        f"    exec(unpack({xz_b85(text)!r}), globals())",
        "if __name__ == '__main__':",
        "    main()",
    )


@packing
def nothing_but_expressions(text: str) -> Files:
    """No statement but one, no name of a module in sight."""
    parts = "('lz' + 'ma'), __import__('base64')"
    return wrapper(
        f"(lambda z, b, run: run(z.decompress(b.b85decode({xz_b85(text)!r})), globals()))"
        f"(*[__import__(x) if isinstance(x, str) else x for x in [{parts}]], getattr(__builtins__, 'ex' + 'ec'))"
    )


@packing
def one_of_two_packers(text: str) -> Files:
    """The packing is chosen by what is there."""
    return wrapper(
        "import base64",
        "try:",
        "    from lzma import decompress as unpack",
        f"    data = {xz_b85(text)!r}",
        "except ImportError:",
        "    from zlib import decompress as unpack",
        "    data = ''",
        "exec(unpack(base64.b85decode(data)))",
    )


@packing
def checked_by_its_hash(text: str) -> Files:
    """The wrapper makes sure of the payload before it runs it."""
    import hashlib

    digest = hashlib.sha256(text.encode()).hexdigest()
    return wrapper(
        "import lzma, base64, hashlib, sys",
        f"source = lzma.decompress(base64.b85decode({xz_b85(text)!r}))",
        f"if hashlib.sha256(source).hexdigest() != {digest!r}:",
        "    sys.exit('the payload is damaged')",
        "exec(source, {'__name__': '__main__', '__file__': __file__})",
    )


@packing
def code_object_made_into_a_function(text: str) -> Files:
    """Neither exec nor eval."""
    return wrapper(
        "import lzma, base64, types",
        f"source = lzma.decompress(base64.b85decode({xz_b85(text)!r}))",
        "types.FunctionType(compile(source, __file__, 'exec'), globals())()",
    )
