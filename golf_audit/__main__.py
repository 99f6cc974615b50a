"""The command line: the only place of the package that prints."""

from __future__ import annotations

import argparse
import contextlib
import importlib
import io
import os
import sys
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, NoReturn

from golf_audit import __version__
from golf_audit.exits import Exit

if TYPE_CHECKING:
    from golf_audit.engine import Report
    from golf_audit.folder import Folder
    from golf_audit.reports.interface import ReportFormat
    from golf_audit.submission import Submission
    from golf_audit.trace.witness import Options

EPILOG = """\
exit codes:
  0   legal: every rule was asked and nothing was found
  1   illegal: a rule is broken, and the evidence is shown
  2   needs-ruling or unproven: a human has to look
  3   the auditor failed, and no audit was performed
  64  the command was not understood, or a path is not what it should be
"""


class UsageError(Exception):
    """The user asked for something that cannot be done; the message says what to do instead."""


class _Parser(argparse.ArgumentParser):
    """A parser whose errors have the exit code of usage errors: argparse's own means *needs a ruling* here."""

    def error(self, message: str) -> NoReturn:
        self.print_usage(sys.stderr)
        self.exit(Exit.USAGE, f"golf-audit: {message}\n")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    options = _parser().parse_args(arguments)
    try:
        code: int = options.run(options)
        sys.stdout.flush()
    except UsageError as error:
        print(f"golf-audit: {error}", file=sys.stderr)
        return Exit.USAGE
    except BrokenPipeError:
        with contextlib.suppress(OSError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return Exit.PIPE
    except KeyboardInterrupt:
        print("golf-audit: interrupted; no audit was performed", file=sys.stderr)
        return Exit.INTERRUPTED
    except Exception as error:  # noqa: BLE001 -- a crash must not look like a verdict
        traceback.print_exc()
        print(f"golf-audit: fatal: no audit was performed: {error}", file=sys.stderr)
        return Exit.FAILED
    return code


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="golf-audit",
        description="Audit submissions to OpenAI's Parameter Golf challenge.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"golf-audit {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True, parser_class=_Parser)
    _add_static(commands.add_parser("static", help="does anything in a pull request's folder break a rule?"))
    _add_trace(commands.add_parser("trace", help="run a submission small, in a sandbox: what does it do to tokens?"))
    _add_check(commands.add_parser("check", help="static, then trace where that leaves it undecided"))
    _add_decode(commands.add_parser("decode", help="show the code that a wrapped script runs"))
    _add_rules(commands.add_parser("rules", help="list the rules"))
    _add_explain(commands.add_parser("explain", help="what a rule forbids, by whose word, with examples"))
    _add_reference(
        commands.add_parser("reference", help="the bundled reference model: describe, prepare, train, eval, pack")
    )
    return parser


def _add_static(parser: argparse.ArgumentParser) -> None:
    parser.description = "Judge folders without executing anything in them."
    _add_folders(parser)
    _add_outputs(parser)
    parser.add_argument("--events", action="store_true", help="show what the entry script does to tokens, in order")
    parser.add_argument("--pedantic", action="store_true", help="show hints, too")
    _add_detail(parser)
    parser.set_defaults(run=_static)


def _add_trace(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Run the submission's own code at toy scale in a sandbox, observe every score and every step, and compare runs"
        " that differ in nothing but the validation tokens. Needs the [trace] extra and bubblewrap; no GPU."
    )
    _add_folders(parser)
    _add_outputs(parser)
    parser.add_argument("--plan", action="store_true", help="show how it would be run small, and run nothing")
    parser.add_argument("--events", metavar="FILE", help="write every event of every run, one line of JSON each")
    _add_runs(parser)
    parser.add_argument("--pedantic", action="store_true", help="show hints, too")
    _add_detail(parser)
    parser.set_defaults(run=_trace)


def _add_check(parser: argparse.ArgumentParser) -> None:
    parser.description = "Judge folders by their code and words, and run those that this leaves undecided."
    _add_folders(parser)
    _add_outputs(parser)
    parser.add_argument("--trace", action="store_true", help="run them whatever the code says")
    _add_runs(parser)
    parser.add_argument("--pedantic", action="store_true", help="show hints, too")
    _add_detail(parser)
    parser.set_defaults(run=_check)


def _add_folders(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "folders",
        nargs="+",
        type=Path,
        metavar="PR_DIR",
        help="a folder of records/, or one that holds records/<track>/<folder>/",
    )
    parser.add_argument(
        "--base",
        type=Path,
        metavar="DIR",
        help="the repository before the pull request: folders that it has, too, are left out",
    )


def _add_outputs(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", metavar="FILE", help="write the report as JSON; - is stdout, with nothing else on it")
    parser.add_argument("--sarif", metavar="FILE", help="write the report as SARIF 2.1.0, for code-scanning pages")
    parser.add_argument("--markdown", metavar="FILE", help="write the report as a pull-request comment")


def _add_runs(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--time-limit", type=float, default=300.0, metavar="S", help="seconds for all runs of one folder (300)"
    )
    parser.add_argument("--memory", type=float, default=3.0, metavar="GB", help="memory of one run (3)")
    parser.add_argument("--keep", type=Path, metavar="DIR", help="leave the runs' folders in DIR")
    parser.add_argument(
        "--no-sandbox", action="store_true", help="run it on this machine as it is: only what you trust"
    )


def _add_reference(parser: argparse.ArgumentParser) -> None:
    importlib.import_module("golf_audit.reference_model.commands").add_commands(parser)


def _add_detail(parser: argparse.ArgumentParser) -> None:
    group = parser.add_mutually_exclusive_group()
    group.add_argument("--quiet", action="store_true", help="one line per folder")
    group.add_argument("--verbose", action="store_true", help="also the facts, every rule's outcome, layers and times")


def _add_decode(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Peel the layers of a self-extracting entry script by reading its constants; nothing is executed."
    )
    parser.add_argument("folder", type=Path, metavar="PR_DIR")
    parser.add_argument(
        "--output", type=Path, metavar="DIR", help="write every layer into DIR instead of printing the last"
    )
    parser.set_defaults(run=_decode)


def _add_rules(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--markdown", metavar="FILE", help="write the page of all rules; - is stdout")
    parser.set_defaults(run=_rules)


def _add_explain(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("rule", metavar="RULE", help="its name or code, as `golf-audit rules` lists them")
    parser.set_defaults(run=_explain)


def _static(options: argparse.Namespace) -> int:
    from golf_audit.engine import audit

    return _judge(options, audit)


def _trace(options: argparse.Namespace) -> int:
    if options.plan:
        return _plan(options)
    from golf_audit.trace.witness import witness

    with contextlib.ExitStack() as stack:
        runs = _runs(options, stack)
        return _judge(options, lambda folder: witness(folder, runs))


def _check(options: argparse.Namespace) -> int:
    from golf_audit.trace.check import check

    with contextlib.ExitStack() as stack:
        return _judge(options, lambda folder: check(folder, lambda: _runs(options, stack), always=options.trace))


def _plan(options: argparse.Namespace) -> int:
    from golf_audit.reports.plan import render_plan
    from golf_audit.trace.witness import planned

    for folder in _read(options.folders, options.base).folders:
        print(render_plan(*planned(folder)), end="")
    return Exit.LEGAL


def _runs(options: argparse.Namespace, stack: contextlib.ExitStack) -> Options:
    """How submissions are run; a sandbox is found, or the command ends here."""
    from importlib.util import find_spec

    from golf_audit.sandbox import SandboxUnavailableError, Unsandboxed, find_sandbox
    from golf_audit.trace.witness import Options

    if find_spec("torch") is None:
        raise UsageError("running a submission needs torch: pip install 'golf-audit[trace]'")
    try:
        sandbox = Unsandboxed() if options.no_sandbox else find_sandbox()
    except SandboxUnavailableError as error:
        raise UsageError(str(error)) from error
    if options.keep is not None:
        options.keep.mkdir(parents=True, exist_ok=True)
    target = getattr(options, "events", None)
    if target:
        file = stack.enter_context(_to_write(target))

        def write(run: str, line: bytes) -> None:
            if line.startswith(b"{"):
                file.write(b'{"run": "%s", %s\n' % (run.encode(), line[1:]))

    return Options(sandbox, options.time_limit, int(options.memory * 2**30), options.keep, write if target else None)


def _to_write(target: str) -> BinaryIO:
    """A file to add to as things happen; what cannot be opened is the user's error."""
    try:
        return Path(target).open("wb")
    except OSError as error:
        raise UsageError(f"cannot write {target}: {error.strerror or error}") from error


def _judge(options: argparse.Namespace, audit: Callable[[Folder], Report]) -> int:
    """Audit every folder that is asked for, and write what is asked for."""
    from golf_audit.registry import all_rules

    outputs = {name: target for name in ("json", "sarif", "markdown") if (target := getattr(options, name))}
    if list(outputs.values()).count("-") > 1:
        raise UsageError("only one of --json, --sarif and --markdown can go to stdout")
    all_rules()
    found = _read(options.folders, options.base)
    reports = []
    for number, folder in enumerate(found.folders):
        reports.append(audit(folder))
        if "-" not in outputs.values():
            _show(reports[-1], options, first=number == 0)
    if not options.quiet:
        _remark(found)
    for name, target in outputs.items():
        _write(target, _format(name, found).render(reports))
    _complain(reports)
    return Exit.of(report.verdict for report in reports)


def _read(paths: Sequence[Path], base: Path | None = None) -> Submission:
    """What all paths hold together, in order; nothing is audited where one of them is wrong."""
    from golf_audit.submission import Submission, SubmissionError, read_submission

    try:
        parts = [read_submission(path, base) for path in paths]
    except SubmissionError as error:
        raise UsageError(str(error)) from error
    found = Submission(
        tuple(folder for part in parts for folder in part.folders),
        tuple(other for part in parts for other in part.attributed),
        tuple(note for part in parts for note in part.notes),
    )
    if not found.folders:
        raise UsageError(
            f"{', '.join(map(str, paths))}: nothing to judge, for {base} holds every submission there already"
        )
    return found


def _remark(found: Submission) -> None:
    """Say on stderr what was left out on the way to the submissions."""
    from golf_audit.reports import inert

    for other in found.attributed:
        print(f"golf-audit: left out: {inert.line(other.path)}: {inert.line(other.reason)}", file=sys.stderr)
    for note in found.notes:
        print(f"golf-audit: {inert.line(note)}", file=sys.stderr)


def _show(report: Report, options: argparse.Namespace, *, first: bool) -> None:
    """Print one report for people as soon as it is there."""
    from golf_audit.reports.terminal import Detail, TerminalFormat

    detail = Detail.QUIET if options.quiet else Detail.VERBOSE if options.verbose else Detail.NORMAL
    text = TerminalFormat(_width(), _color(), detail, options.pedantic).render([report])
    print(text if first or options.quiet else f"\n{text}", end="", flush=True)
    if options.run is _static and options.events and report.case and report.case.walk:
        from golf_audit.reports.events import render_events

        print("\n" + render_events(report.case.walk, report.case.claimed), end="")


def _complain(reports: Sequence[Report]) -> None:
    """Say on stderr what failed, wherever the reports went."""
    from golf_audit.reports import inert

    for report in reports:
        for error in report.errors:
            where = inert.line(report.folder)
            print(f"golf-audit: {where}: error in {error.part}: {inert.line(error.message)}", file=sys.stderr)
        if report.errors:
            print(f"golf-audit: fatal: no audit was performed of {inert.line(report.folder)}", file=sys.stderr)


def _format(name: str, found: Submission) -> ReportFormat:
    """The format that an option asks for."""
    if name == "json":
        from golf_audit.reports.json import JsonFormat

        return JsonFormat(found.attributed)
    if name == "sarif":
        from golf_audit.reports.sarif import SarifFormat

        return SarifFormat()
    from golf_audit.reports.markdown import MarkdownFormat

    return MarkdownFormat()


def _decode(options: argparse.Namespace) -> int:
    from golf_audit.decoding import decode
    from golf_audit.decoding.source import Undecodable
    from golf_audit.files import safe_name
    from golf_audit.reports import inert

    code = Exit.LEGAL
    for folder in _read([options.folder]).folders:
        source = decode(folder, folder.entry.path) if folder.entry else None
        if source is None or isinstance(source, Undecodable):
            reason = source.reason if source else "it holds no script that could be the entry"
            print(f"golf-audit: {inert.line(folder.name)}: {inert.line(reason)}", file=sys.stderr)
            code = Exit.UNDECIDED
            continue
        for layer in source.layers:
            print(
                f"# layer {layer.index}: {inert.line(layer.file)}, {layer.size:,} bytes, sha256 {layer.sha256}, {layer.how}"
            )
            if options.output:
                options.output.mkdir(parents=True, exist_ok=True)
                name = f"{safe_name(folder.name)}.layer{layer.index}.py"
                _write(str(options.output / name), layer.text)
        if not options.output:
            print(inert.block(source.text))
    return code


def _rules(options: argparse.Namespace) -> int:
    from golf_audit.pages import rules_page, summary
    from golf_audit.registry import known_rules

    if options.markdown:
        _write(options.markdown, rules_page(known_rules()))
        return Exit.LEGAL
    width = max((len(rule.id) for rule in known_rules()), default=0)
    for rule in known_rules():
        print(f"{rule.code:<12} {rule.id:<{width}}  {rule.severity:<13} {summary(rule)}")
    return Exit.LEGAL


def _explain(options: argparse.Namespace) -> int:
    from golf_audit.pages import rule_text
    from golf_audit.registry import UnknownRuleError, find_rules

    try:
        print("\n".join(map(rule_text, find_rules(options.rule))), end="")
    except UnknownRuleError as error:
        raise UsageError(str(error)) from error
    return Exit.LEGAL


def _write(target: str, text: str) -> None:
    """Write a whole file, or stdout where the target is a dash."""
    from golf_audit.files import write_atomically

    if target == "-":
        print(text, end="")
        return
    try:
        write_atomically(Path(target), text)
    except OSError as error:
        raise UsageError(f"cannot write {target}: {error.strerror or error}") from error


def _width() -> int:
    """Columns of the terminal; 120 where there is none."""
    return max(60, os.get_terminal_size().columns) if sys.stdout.isatty() else 120


def _color() -> bool:
    """Whether to colour: only on a terminal, and never against NO_COLOR."""
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


if __name__ == "__main__":
    sys.exit(main())
