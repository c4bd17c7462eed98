# SPDX-License-Identifier: BSD-2-Clause
"""xtop's command line: picks the command, runs it, and turns every failure into one line and an exit code."""

from __future__ import annotations

import argparse
import contextlib
import errno
import importlib
import os
import signal
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple, NoReturn

from xtop import __version__
from xtop.export.errors import ExportError
from xtop.options import (
    ANONYMIZE,
    ATTACHED,
    DEMO,
    EVERY,
    FILE,
    FLOW_FILTER,
    FLOWS,
    IN_PROCESS,
    INTERFACE,
    INTERVAL,
    IPFIX,
    IPFIX_FILE,
    LINK,
    METRICS,
    OUTPUT,
    OVERWRITE,
    PROFILE,
    RATES_OVER,
    REALTIME,
    RECORD_INTERVAL,
    REPORT_FORMAT,
    SEED,
    SERIES,
    STORE,
    STORED,
    TUNE,
    TUNED,
    UNIFLOW,
    UNIFLOW_RECORDS,
    UNIFLOW_ROWS,
    VIEW,
    Option,
    add_options,
)
from xtop.source import SourceError
from xtop.standard_streams import stand_in_for_closed

if TYPE_CHECKING:
    from _typeshed import SupportsWrite

EXIT_FAILED = 1
EXIT_USAGE = 2
EXIT_INTERRUPTED = 130


class Command(NamedTuple):
    """One command: its module under xtop.commands, and the rows of its options by the title they stand under."""

    module: str
    summary: str
    usage: str
    options: tuple[tuple[str, tuple[Option, ...]], ...]


COMMANDS = {
    "": Command(
        "watch",
        "live screen on an interface, or over a capture file",
        "xtop -i IF [options]\n       xtop -r FILE [options]",
        (
            ("what to watch", (INTERFACE, FILE, REALTIME)),
            ("capture", LINK),
            ("flows", FLOWS),
            ("screen", (INTERVAL, PROFILE, UNIFLOW)),
            ("export", IPFIX),
            ("the last snapshot, when the screen is left", OUTPUT),
            ("whatever is written", ANONYMIZE),
        ),
    ),
    "demo": Command(
        "demo",
        "the screen over built-in traffic",
        "xtop demo [options]",
        (
            ("traffic", (SEED, IN_PROCESS)),
            ("capture", LINK),
            ("flows", FLOWS),
            ("screen", (INTERVAL, PROFILE, UNIFLOW_ROWS)),
            ("the last snapshot, when the screen is left", OUTPUT),
            ("whatever is written", ANONYMIZE),
        ),
    ),
    "snapshot": Command(
        "snapshot",
        "one snapshot or a series, no screen",
        "xtop snapshot (-i IF | -r FILE | --demo) [options]",
        (
            ("what to watch", (INTERFACE, FILE, DEMO, REALTIME, SEED)),
            ("when", (*SERIES, RATES_OVER)),
            ("which flows", VIEW),
            ("output", (*OUTPUT, *ANONYMIZE)),
            ("capture", LINK),
            ("flows", FLOWS),
        ),
    ),
    "attach": Command(
        "attach",
        "the screen over a capture that is already running; it goes on when the screen is left",
        "xtop attach [NAME] [options]",
        (("what to watch", (ATTACHED,)), ("screen", (INTERVAL, PROFILE, UNIFLOW_ROWS))),
    ),
    "record": Command(
        "record",
        "exports flows as they end, or keeps moments to be replayed; no screen",
        "xtop record (-i IF | -r FILE) [-o PATH] [--ipfix URL] [--metrics ADDR:PORT] [--store DIR] [options]",
        (
            ("what to record", (INTERFACE, FILE, REALTIME)),
            ("moments", (*STORE, RECORD_INTERVAL)),
            ("export", (IPFIX_FILE, *IPFIX, UNIFLOW_RECORDS, FLOW_FILTER, *ANONYMIZE, OVERWRITE, METRICS, EVERY)),
            ("capture", LINK),
            ("flows", FLOWS),
        ),
    ),
    "replay": Command(
        "replay",
        "the screen over moments that `xtop record --store` kept; its keys go through them",
        "xtop replay PATH [--at TIME] [--profile NAME]",
        (("what to show", STORED), ("screen", (PROFILE,))),
    ),
    "doctor": Command(
        "doctor",
        "what this kernel, driver and interface can do, and what to change",
        "xtop doctor [-i IF] [--format F]",
        (("what to look at", (TUNED,)), ("output", (REPORT_FORMAT,))),
    ),
    "tune": Command(
        "tune",
        "sets a link up for capture; alone it only says what it would change",
        "xtop tune -i IF [--apply | --undo] [--format F]",
        (("what to tune", (TUNED,)), ("what to do", TUNE), ("output", (REPORT_FORMAT,))),
    ),
    "bench": Command("bench", "packets per second that this machine's flow path sustains", "xtop bench [options]", ()),
}


class UsageError(Exception):
    """The command line asks for something that there is not."""


def _unsized(prog: str) -> argparse.HelpFormatter:
    """For what argparse checks each option with: to know the terminal's width it would import what unpacks archives."""
    return argparse.HelpFormatter(prog, width=80)


class _Parser(argparse.ArgumentParser):
    def format_help(self) -> str:
        self.formatter_class = argparse.RawDescriptionHelpFormatter
        return super().format_help()

    def _print_message(self, message: str, file: SupportsWrite[str] | None = None) -> None:
        """Write an answer; argparse would keep to itself that it could not."""
        (file or sys.stdout).write(message)

    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{message} (see {self.prog} --help)")


def build_parser(name: str) -> argparse.ArgumentParser:
    """Return the parser of the command ``name``; the empty name is the screen's."""
    command = COMMANDS[name]
    parser = _Parser(
        prog=f"xtop {name}".strip(),
        usage=command.usage,
        description=f"xtop: {command.summary}.",
        epilog=None if name else _overview(),
        formatter_class=_unsized,
        allow_abbrev=False,
    )
    for title, options in command.options:
        add_options(parser, title, options)
    if not name:
        parser.add_argument("--version", action="version", version=f"xtop {__version__}")
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run xtop and return its exit code."""
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    try:
        code = _run(arguments)
        sys.stdout.flush()
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    except BrokenPipeError:
        # Who read our output has seen enough. Python would flush once more at exit and complain: give it nowhere to.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return 0
    except UsageError as error:
        return _fail(str(error), EXIT_USAGE)
    except (SourceError, ExportError) as error:
        return _fail(str(error), error.exit_code)
    except OSError as error:
        return _fail(_went_wrong(error), EXIT_FAILED)
    except Exception as error:
        if os.environ.get("XTOP_TRACEBACK"):
            raise
        return _fail(f"{type(error).__name__}: {error} (a fault of xtop; XTOP_TRACEBACK=1 shows where)", EXIT_FAILED)
    return code


def console() -> NoReturn:
    """Run xtop as a program, and end the process.

    The kernel takes away what a process had, all at once; Python would first take it apart, object by object.
    """
    stand_in_for_closed()
    try:
        code = main()
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else EXIT_FAILED
    with contextlib.suppress(OSError):  # what came before a failure, whose line is written
        sys.stdout.flush()
    os._exit(code)


def _run(arguments: list[str]) -> int:
    name = arguments[0] if arguments and arguments[0] in COMMANDS and arguments[0] else ""
    rest = arguments[1:] if name else arguments
    command = importlib.import_module(f"xtop.commands.{COMMANDS[name].module}")
    if not COMMANDS[name].options:  # an executable of its own, with options of its own
        return int(command.run(rest))
    if rest and not rest[0].startswith("-") and not name:
        raise UsageError(f"no command '{rest[0]}' (there are {', '.join(filter(None, COMMANDS))}; see xtop --help)")
    try:
        options = build_parser(name).parse_args(rest)
    except SystemExit as answered:  # --help, --version
        return int(answered.code or 0)
    # A command that is asked to go must leave no half-written file, so it unwinds as from any other end.
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) != signal.SIG_IGN:  # nohup
            signal.signal(number, _terminate)
    return int(command.run(options))


def _terminate(number: int, frame: object) -> NoReturn:
    raise SystemExit(128 + number)


def _overview() -> str:
    lines = [f"  xtop {name:<10} {command.summary}" for name, command in COMMANDS.items() if name]
    return "other commands (xtop COMMAND --help):\n" + "\n".join(lines)


def _went_wrong(error: OSError) -> str:
    """Return what nobody expected of the system, in the form of every failure."""
    where = "" if error.filename is None else f"{error.filename}: "
    remedy = "free some space" if error.errno in {errno.ENOSPC, errno.EDQUOT} else "mend that, and try again"
    return f"cannot go on ({where}{error.strerror or error}; {remedy})"


def _fail(text: str, code: int) -> int:
    with contextlib.suppress(OSError):  # where it cannot be said, the code says it
        sys.stderr.write("xtop: error: " + " ".join(text.split()) + "\n")
    return code
