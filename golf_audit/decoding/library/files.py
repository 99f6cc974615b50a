"""Files and paths: the folder's own are read, those that a wrapper writes are kept in memory, no other is touched."""

import io
import posixpath
from collections.abc import Callable
from pathlib import PurePosixPath

from golf_audit.decoding.library.registry import CONSTANTS, FUNCTIONS, Call, known
from golf_audit.decoding.operations import native
from golf_audit.decoding.values import Handle, Raised, Unknown
from golf_audit.decoding.world import TEMPORARY, contents
from golf_audit.text import decode_text

CONSTANTS.update({"os.sep": "/", "os.path.sep": "/", "os.linesep": "\n", "os.pathsep": ":", "os.curdir": "."})

_TEXTUAL: dict[str, Callable[..., object]] = {
    f"os.path.{name}": getattr(posixpath, name)
    for name in ("basename", "dirname", "join", "normpath", "split", "splitext", "isabs", "commonprefix")
}
_NOTHING = (
    *("os.makedirs", "os.mkdir", "os.remove", "os.unlink", "os.rmdir", "os.chmod", "os.chdir", "os.fsync", "os.utime"),
    *("shutil.rmtree", "atexit.register", "fcntl.flock", "fcntl.lockf", "signal.signal", "gc.collect", "gc.disable"),
    *("sys.setrecursionlimit", "warnings.filterwarnings", "warnings.simplefilter", "linecache.checkcache"),
    *("importlib.invalidate_caches", "linecache.updatecache", "linecache.getlines"),
)


def as_path(value: object) -> PurePosixPath:
    """A path given as a text or as a path; raises Raised where it is neither."""
    if isinstance(value, PurePosixPath):
        return value
    if isinstance(value, str):
        return PurePosixPath(value)
    if isinstance(value, Handle) and value.path is not None:
        return value.path
    raise Raised(f"a path that is a {type(value).__name__}")


def _text_of(value: object) -> object:
    return value.as_posix() if isinstance(value, PurePosixPath) else value


def _textual(call: Call) -> object:
    return native(_TEXTUAL[call.name], *map(_text_of, call.arguments))


FUNCTIONS.update(dict.fromkeys(_TEXTUAL, _textual))


@known(*_NOTHING, tolerant=True)
def _nothing(call: Call) -> object:
    return None


@known("os.fspath", "os.fsdecode", "os.path.expanduser", "os.path.expandvars")
def _same(call: Call) -> object:
    return _text_of(call.get(0))


@known("os.path.abspath", "os.path.realpath")
def _absolute(call: Call) -> object:
    return call.world.resolve(as_path(call.get(0))).as_posix()


@known("os.path.relpath")
def _relative(call: Call) -> object:
    start = call.world.resolve(as_path(call.get(1, "start", call.world.directory)))
    return posixpath.relpath(call.world.resolve(as_path(call.get(0))).as_posix(), start.as_posix())


@known("os.path.exists", "os.path.isfile", "os.path.isdir", "os.path.lexists")
def _exists(call: Call) -> object:
    return call.world.exists(as_path(call.get(0)))


@known("os.path.getsize")
def _size(call: Call) -> object:
    data = call.world.read(as_path(call.get(0)))
    return data if isinstance(data, Unknown) else len(data)


@known("os.getcwd", "pathlib.Path.cwd")
def _cwd(call: Call) -> object:
    directory = call.world.directory
    return directory if call.name.startswith("pathlib") else directory.as_posix()


@known("os.listdir")
def _listing(call: Call) -> object:
    return _children(call, as_path(call.get(0, default=call.world.directory)))


def _children(call: Call, path: PurePosixPath) -> object:
    place = call.world.resolve(path)
    if not place.is_relative_to(call.world.directory):
        return Unknown(f"what is in {call.world.show(place)}")
    names = {
        call.world.script(name).relative_to(place).parts[0]
        for name in call.world.folder.files
        if call.world.script(name).is_relative_to(place)
    }
    return sorted(names)


@known("os.rename", "os.replace", "shutil.copy", "shutil.copyfile", "shutil.copy2", "shutil.move")
def _copy(call: Call) -> object:
    data = call.world.read(as_path(call.get(0)))
    if isinstance(data, bytes):
        call.world.write(as_path(call.get(1)), data)
    return _text_of(call.get(1))


@known("pathlib.Path", "pathlib.PurePath", "pathlib.PosixPath", "pathlib.PurePosixPath")
def _path(call: Call) -> object:
    return native(PurePosixPath, *call.arguments)


@known("builtins.open", "io.open", "codecs.open", "os.fdopen")
def _open(call: Call) -> object:
    source, mode = call.get(0, "file"), call.get(1, "mode", "r")
    if isinstance(source, Handle):
        return source
    return call.world.open(as_path(source), str(mode))


@known("io.BytesIO", "io.StringIO")
def _memory(call: Call) -> object:
    data = call.get(0, "initial_bytes", b"" if call.name == "io.BytesIO" else "")
    if isinstance(data, bytes | bytearray):
        return Handle(None, io.BytesIO(bytes(data)))
    return Handle(None, io.StringIO(str(data)))


@known("tempfile.gettempdir")
def _temporary_root(call: Call) -> object:
    return TEMPORARY.as_posix()


@known("tempfile.mkdtemp", "tempfile.TemporaryDirectory")
def _temporary_directory(call: Call) -> object:
    return _temporary_name(call, "prefix", 1).as_posix()


@known("tempfile.mkstemp")
def _temporary_descriptor(call: Call) -> object:
    handle = call.world.open(_temporary_name(call, "prefix", 1), "wb")
    return handle, handle.path.as_posix() if isinstance(handle, Handle) and handle.path is not None else ""


@known("tempfile.NamedTemporaryFile", "tempfile.TemporaryFile")
def _temporary_file(call: Call) -> object:
    mode = str(call.get(0, "mode", "w+b"))
    return call.world.open(_temporary_name(call, "prefix", 6), mode)


def _temporary_name(call: Call, name: str, position: int) -> PurePosixPath:
    directory = call.keywords.get("dir")
    made = call.world.make_temporary(str(call.get(position, name, "tmp") or ""), str(call.keywords.get("suffix") or ""))
    return as_path(directory) / made.name if isinstance(directory, str | PurePosixPath) else made


@known("os.write")
def _os_write(call: Call) -> object:
    return call_method(call.get(0), Call(call.machine, "write", call.arguments[1:], {}, call.frame))


@known("os.close")
def _os_close(call: Call) -> object:
    return None


def call_method(owner: object, call: Call) -> object:
    """Methods of open files, and those of paths that touch the disk."""
    if isinstance(owner, Handle):
        return _call_handle(owner, call)
    if isinstance(owner, PurePosixPath):
        return _call_path(owner, call)
    return NotImplemented


def _call_handle(handle: Handle, call: Call) -> object:
    if call.name in {"close", "flush", "__exit__", "fileno", "truncate"}:
        return None
    if call.name == "__enter__":
        return handle
    if call.name == "getvalue":
        return handle.stream.getvalue()
    if call.name not in {"read", "readline", "readlines", "write", "writelines", "seek", "tell"}:
        return Unknown(f"the method {call.name} of a file")
    if any(isinstance(value, Unknown) for value in call.arguments):
        _forget(handle, call)
        return Unknown("a write to a file")
    source = call.get(0) if call.name.startswith("write") else contents(handle)
    if isinstance(source, str | bytes):
        call.budget.check_size(len(contents(handle)) + len(source))
    result = native(getattr(handle.stream, call.name), *call.arguments)
    if call.name.startswith("write"):
        call.world.adopt(handle, source)
    return call.world.trace(result, "", handle)


def _forget(handle: Handle, call: Call) -> None:
    """What is unknown was written: the file's contents are unknown from here on."""
    if handle.path is not None:
        call.world.written.pop(call.world.resolve(handle.path), None)


def _call_path(path: PurePosixPath, call: Call) -> object:
    world, name = call.world, call.name
    if name in {"read_bytes", "read_text"}:
        data = world.read(path)
        return data if isinstance(data, Unknown) or name == "read_bytes" else world.trace(decode_text(data), "", data)
    if name in {"write_bytes", "write_text"}:
        return _write(path, call)
    if name in {"exists", "is_file", "is_dir"}:
        return world.exists(path)
    if name in {"resolve", "absolute", "expanduser"}:
        return world.resolve(path)
    if name == "open":
        return world.open(path, str(call.get(0, "mode", "r")))
    if name in {"mkdir", "unlink", "touch", "chmod"}:
        return None
    if name == "iterdir":
        children = _children(call, path)
        return [path / str(child) for child in children] if isinstance(children, list) else children
    return NotImplemented


def _write(path: PurePosixPath, call: Call) -> object:
    data = call.get(0, "data")
    if isinstance(data, Unknown):
        call.world.written.pop(call.world.resolve(path), None)
        return data
    if not isinstance(data, str | bytes | bytearray):
        raise Raised("writing something that is neither text nor bytes")
    held = data.encode("utf-8", "surrogatepass") if isinstance(data, str) else bytes(data)
    call.world.write(path, call.world.trace(held, "", data))
    return len(data)
