"""Where a wrapper lets something run: `exec`, `runpy`, `importlib`, a process of its own."""

import posixpath
from pathlib import PurePosixPath

from golf_audit.decoding.library.files import as_path
from golf_audit.decoding.library.registry import CONSTANTS, Call, known
from golf_audit.decoding.source import Layer
from golf_audit.decoding.values import Bound, Code, Dotted, Frame, ModuleObject, Spec, Unknown
from golf_audit.decoding.world import Run, RunKind
from golf_audit.text import decode_text, normalise_newlines

CONSTANTS["sys.executable"] = "/usr/bin/python3"
_MADE = "<made>"
"""Marks the global names of a module that was made by hand."""
_INTERPRETERS = ("python", "torchrun", "accelerate", "deepspeed")


@known("builtins.compile", tolerant=True)
def _compile(call: Call) -> object:
    source, file = call.get(0, "source"), call.get(1, "filename", "")
    return source if isinstance(source, Code) else Code(source, file if isinstance(file, str) else "")


@known("ast.parse", tolerant=True)
def _parse(call: Call) -> object:
    return Code(call.get(0, "source"), "")


@known("builtins.exec", tolerant=True)
def _exec(call: Call) -> object:
    names = call.get(1, "globals")
    run_text(call, call.get(0), names if isinstance(names, dict) else None)
    return None


@known("builtins.eval", tolerant=True)
def _eval(call: Call) -> object:
    source = call.get(0)
    if isinstance(source, Code):
        return _exec(call)
    if isinstance(source, Unknown) or not isinstance(source, str | bytes):
        return source if isinstance(source, Unknown) else Unknown("what eval() gives")
    text = source if isinstance(source, str) else decode_text(source, python=True)
    return call.machine.evaluate_text(text, call.frame)


@known("types.FunctionType", tolerant=True)
def _function_type(call: Call) -> object:
    code = call.get(0)
    return Bound(code, "__call__") if isinstance(code, Code) else Unknown("a function made from code")


@known("marshal.loads", "marshal.load", "pickle.loads", "pickle.load", "dill.loads", tolerant=True)
def _marshal(call: Call) -> object:
    return Unknown(f"{call.name.partition('.')[0]} data, which is not text")


def run_text(
    call: Call, source: object, names: dict[object, object] | None, file: str = "", kind: RunKind = RunKind.TEXT
) -> None:
    """Note that `source` is run with the global `names` (None: those of the caller), and follow it."""
    if isinstance(source, Code):
        file = source.file
        source = source.text
    held = call.frame.module if names is None else names
    module = _module_of(call, held)
    if isinstance(source, Unknown) or not isinstance(source, str | bytes | bytearray):
        why = source.why if isinstance(source, Unknown) else "something that is no text"
        call.machine.start(Run(None, call.machine.here(), why, module, kind), call.frame)
        return
    data = source.encode("utf-8", "surrogatepass") if isinstance(source, str) else bytes(source)
    text = normalise_newlines(source) if isinstance(source, str) else decode_text(data, python=True)
    member = _verbatim(call, source, data)
    how = ", ".join(call.world.how(source)) or "a plain text"
    layer = Layer.of(
        data,
        text,
        index=call.machine.layer.index + 1,
        file=member or call.machine.layer.file,
        how=how,
        origin=call.machine.here(),
        name=file,
        verbatim=member is not None,
    )
    call.machine.start(Run(layer, call.machine.here(), module=module, kind=kind), Frame(held, held))


def _module_of(call: Call, names: dict[object, object]) -> str:
    """The name of the module that `names` belong to, where they are not the program's."""
    if names is call.frame.module:
        return ""
    name = names.get("__name__")
    return name if isinstance(name, str) and name != "__main__" and _MADE in names else ""


def _verbatim(call: Call, source: object, data: bytes) -> str | None:
    """The file of the folder that the text is, where it is one's whole text."""
    steps = call.world.how(source)
    member = steps[0].removeprefix("the file ") if len(steps) == 1 else ""
    file = call.world.folder.files.get(member)
    if file is None or (data != file.data and decode_text(data, python=True) != file.text):
        return None
    return member


@known("runpy.run_path")
def _run_path(call: Call) -> object:
    path = as_path(call.get(0, "path_name"))
    run_script(call, path)
    return Unknown("what the script leaves")


@known("runpy.run_module")
def _run_module(call: Call) -> object:
    name = str(call.get(0, "mod_name")).replace(".", "/")
    run_script(call, call.world.directory / f"{name}.py")
    return Unknown("what the module leaves")


def run_script(call: Call, path: PurePosixPath, kind: RunKind = RunKind.TEXT) -> None:
    """Note that the script at `path` is run as the program, in this process or one of its own."""
    data = call.world.read(path)
    place = call.world.resolve(path).as_posix()
    names: dict[object, object] = {"__name__": "__main__", "__file__": place}
    run_text(call, data, names, place, kind)


@known("importlib.util.spec_from_file_location", "importlib.machinery.SourceFileLoader")
def _spec(call: Call) -> object:
    return Spec(str(call.get(0, "name")), as_path(call.get(1, "location", call.get(1, "path"))))


@known("importlib.util.module_from_spec", "types.ModuleType", "imp.new_module")
def _module(call: Call) -> object:
    source = call.get(0, "name", call.keywords.get("spec"))
    return made_module(source.name, source.path) if isinstance(source, Spec) else made_module(str(source))


def made_module(name: str, path: PurePosixPath | None = None) -> ModuleObject:
    """An empty module."""
    return ModuleObject({"__name__": name, "__file__": "" if path is None else path.as_posix(), _MADE: True})


@known("builtins.__import__", "importlib.import_module")
def _import(call: Call) -> object:
    name = str(call.get(0, "name"))
    whole = call.name.endswith("import_module") or bool(call.get(3, "fromlist"))
    return Dotted(name if whole else name.partition(".")[0])


@known("sys.exit", "builtins.exit", "builtins.quit", "os._exit", tolerant=True)
def _exit(call: Call) -> object:
    call.machine.leave()
    return None


_PROCESSES = (
    *("subprocess.run", "subprocess.call", "subprocess.check_call", "subprocess.check_output", "subprocess.Popen"),
    *("os.system", "os.execv", "os.execvp", "os.execve", "os.execvpe", "os.execl", "os.execlp", "os.spawnv"),
)


@known(*_PROCESSES, tolerant=True)
def _process(call: Call) -> object:
    """A process: followed where it runs a Python script, noted where it runs something else of the submission."""
    words = _words(call)
    if isinstance(words, Unknown):
        return words
    scripts = [word for word in words[1:] if word.endswith(".py")]
    if scripts and posixpath.basename(words[0]).startswith(_INTERPRETERS):
        run_script(call, PurePosixPath(scripts[0]), RunKind.PROCESS)
    elif words and call.world.resolve(PurePosixPath(words[0])).is_relative_to(call.world.directory) and "/" in words[0]:
        why = f"{call.world.show(call.world.resolve(PurePosixPath(words[0])))}, a program that is not Python"
        call.machine.start(Run(None, call.machine.here(), why, kind=RunKind.PROCESS), call.frame)
    return Unknown("what a process gives")


def _words(call: Call) -> "list[str] | Unknown":
    source = call.get(0, "args")
    if call.name.startswith("os.exec") or call.name == "os.spawnv":
        rest = call.get(2 if call.name == "os.spawnv" else 1)
        source = rest if isinstance(rest, list | tuple) else call.arguments
    if isinstance(source, str):
        return source.split()
    if isinstance(source, list | tuple):
        words = [word.as_posix() if isinstance(word, PurePosixPath) else word for word in source]
        if words and all(isinstance(word, str | Unknown) for word in words) and isinstance(words[0], str):
            return [word if isinstance(word, str) else "?" for word in words]
    return Unknown("a command line")


def call_method(owner: object, call: Call) -> object:
    """Methods of import machinery, and calls of code objects."""
    if isinstance(owner, Code):
        run_text(call, owner, None)
        return None
    if isinstance(owner, Spec):
        return _call_loader(owner, call)
    return NotImplemented


def _call_loader(spec: Spec, call: Call) -> object:
    if call.name in {"exec_module", "load_module"}:
        module = call.get(0)
        if not isinstance(module, ModuleObject):
            module = made_module(spec.name, spec.path)
        run_text(call, call.world.read(spec.path), module.names, spec.path.as_posix(), RunKind.MODULE)
        return module
    if call.name == "get_code":
        return Code(call.world.read(spec.path), spec.path.as_posix())
    return Unknown(f"the method {call.name} of a loader")
