# SPDX-License-Identifier: BSD-2-Clause
"""Writes the manual page xtop(1) out of the tables that xtop runs on: commands, options, keys. See `make man`."""

from __future__ import annotations

import argparse
import sys

from xtop import __version__
from xtop.cli import COMMANDS, build_parser
from xtop.keymap import groups

EXIT_CODES = (
    ("0", "done"),
    ("1", "failed while running: a file is damaged, an interface is gone"),
    ("2", "usage, or a request that cannot be met"),
    ("3", "rights are missing; the message names them"),
    ("130", "interrupted, outside the screen"),
)


def manual() -> str:
    """Return the page as roff."""
    lines = [f'.TH XTOP 1 "" "xtop {__version__}"', ".SH NAME", "xtop \\- live flow monitor for the terminal"]
    lines.append(".SH SYNOPSIS")
    for command in COMMANDS.values():
        for usage in command.usage.splitlines():
            lines += [_text(usage.strip()), ".br"]
    lines += [".SH COMMANDS AND OPTIONS", *(line for name in COMMANDS for line in _command(name))]
    lines.append(".SH KEYS")
    for group, keys in groups().items():
        lines.append(f'.SS "{_text(group)}"')
        for key in keys:
            lines += [".TP", f".B {_text(key.shown)}", _text(key.help)]
    lines.append(".SH EXIT STATUS")
    for code, meaning in EXIT_CODES:
        lines += [".TP", f".B {code}", _text(meaning)]
    lines += [".SH SEE ALSO", "tcpdump(8), tshark(1), nfdump(1)"]
    return "\n".join(lines) + "\n"


def _command(name: str) -> list[str]:
    lines = [f'.SS "{_text(f"xtop {name}".strip())}"', _text(COMMANDS[name].summary)]
    if not COMMANDS[name].options:  # an executable of its own
        return [*lines, f"(see xtop {_text(name)} \\-\\-help)"]
    for action in build_parser(name)._actions:
        if action.help != argparse.SUPPRESS:
            written = ", ".join(action.option_strings) or str(action.metavar or action.dest)
            value = f" {action.metavar}" if action.metavar and action.option_strings else ""
            said = (action.help or "").replace("%%", "%")
            lines += [".TP", f".B {_text(written + value)}", _text(said) or "\\&"]
    return lines


def _text(words: str) -> str:
    """Return ``words`` as roff takes them: nothing in them is a command."""
    escaped = words.replace("\\", "\\e").replace("-", "\\-").replace('"', "\\(dq")
    return "\\&" + escaped if escaped[:1] in {".", "'"} else escaped


if __name__ == "__main__":
    sys.stdout.write(manual())
