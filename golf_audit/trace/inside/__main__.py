"""Run one submission under observation: `python -m golf_audit.trace.inside JOB`; see `Job` for what JOB holds."""

import json
import linecache
import os
import sys
import traceback
import types
from pathlib import Path
from typing import Any

from golf_audit.trace.inside.channel import Channel
from golf_audit.trace.inside.files import Files
from golf_audit.trace.inside.frames import Frames
from golf_audit.trace.inside.lines import install as listen_to_lines
from golf_audit.trace.inside.seal import Seal
from golf_audit.trace.inside.serving import Serving


def main(job_file: str) -> int:
    """Install everything, run the program, and report how it ended."""
    job = json.loads(Path(job_file).read_text(encoding="utf-8"))
    folder = os.getcwd()
    channel = Channel.inherited()
    frames = Frames(folder)
    seen: set[str] = set()

    def used(name: str) -> None:
        if name not in seen:
            seen.add(name)
            channel.emit("stand-in", name=name)

    serving = Serving(job["data"], used)
    serving.install()
    files = Files(channel, serving.serve, folder)
    files.install()
    channel.emit("start")
    watch, observers = _observe(job, channel, frames, used)
    files.listen_to_torch(sys.modules["torch"])
    listen_to_lines(channel, frames)
    program = _program(job, folder)
    sys.argv = [program["__file__"], *job["arguments"]]
    sys.path.insert(0, os.path.dirname(program["__file__"]))
    seal = Seal(channel, frames, (*observers, files))
    try:
        compiled = _compiled(job, program["__file__"])
        seal.close()
        with watch:
            exec(compiled, program)  # noqa: S102 -- this is what the sandbox is for
    except SystemExit as stop:
        code = stop.code if isinstance(stop.code, int) else int(stop.code is not None)
        end = {"code": code, "why": "" if not code else f"exit {stop.code}"}
    except BaseException as error:  # noqa: BLE001 -- whatever stops it is reported
        trace = traceback.format_exc()[-6000:]
        end = {"code": 1, "why": f"{type(error).__name__}: {error}"[:500], "at": _at(error, folder), "trace": trace}
    else:
        end = {"code": 0, "why": ""}
    seal.check()
    channel.emit("end", **end)
    sys.stdout.flush()
    return 0


def _observe(job: dict[str, Any], channel: Channel, frames: Frames, used: Any) -> Any:
    import numpy as np
    import torch

    from golf_audit.trace.inside import learning as learn
    from golf_audit.trace.inside import threads
    from golf_audit.trace.inside.amounts import Amounts
    from golf_audit.trace.inside.losses import Losses
    from golf_audit.trace.inside.opaque import Opaque
    from golf_audit.trace.inside.standins import (
        attention,
        compiling,
        device,
        factorising,
        operators,
        precision,
        processes,
        triton,
    )
    from golf_audit.trace.inside.watch import Watch
    from golf_audit.trace.positions import Recogniser

    torch.set_num_threads(job["threads"])
    for stand_in in (compiling, precision, device, attention, factorising, operators, triton, processes):
        stand_in.install(used)
    learning = learn.Learning(channel, frames)
    learn.install(learning)
    stream = np.load(job["stream"])
    amounts = Amounts(channel, frames)
    amounts.install()
    channel.before = amounts.flush
    recogniser = Recogniser(stream)
    losses = Losses(recogniser, channel, frames, learning)
    opaque = Opaque(losses, learning)
    opaque.install()
    triton.LISTENERS.append(opaque.launched)
    watch = Watch(losses, learning, amounts, opaque)
    threads.install(watch)
    return watch, (watch, losses, learning, amounts, opaque, recogniser)


def _program(job: dict[str, Any], folder: str) -> dict[str, Any]:
    module = types.ModuleType("__main__")
    module.__file__ = str(Path(folder) / job["entry"])
    module.__dict__.update(job["constants"])
    sys.modules["__main__"] = module
    return module.__dict__


def _compiled(job: dict[str, Any], name: str) -> types.CodeType:
    from golf_audit.parsing import ParseFailure, parse

    text = Path(job["source"]).read_text(encoding="utf-8")
    parsed = parse(text)
    if isinstance(parsed, ParseFailure):
        raise SyntaxError(parsed.reason)  # noqa: TRY004 -- it is what Python would raise
    linecache.cache[name] = (len(text), None, text.splitlines(keepends=True), name)
    return compile(parsed.tree, name, "exec", dont_inherit=True)


def _at(error: BaseException, folder: str) -> str:
    """The innermost place of the submission that an exception went through."""
    places = [f for f in traceback.extract_tb(error.__traceback__) if f.filename.startswith(folder)]
    return f"{os.path.relpath(places[-1].filename, folder)}:{places[-1].lineno}" if places else ""


if __name__ == "__main__":
    code = main(sys.argv[1])
    os._exit(code)
