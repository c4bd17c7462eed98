# SPDX-License-Identifier: BSD-2-Clause
"""``xtop doctor``: what this machine and its links can do for a capture, and what to change. It changes nothing."""

from __future__ import annotations

import argparse
import sys

from rich.console import Console

from xtop.doctor.examination import examine
from xtop.doctor.report import examination_json, examination_lines
from xtop.machine_files import MachineFiles
from xtop.plain_output import encodes, write_text


def run(options: argparse.Namespace) -> int:
    """Look, and say what was found."""
    names = list(dict.fromkeys(options.interface or ()))
    examination = examine(names, MachineFiles())
    if options.format == "json":
        sys.stdout.write(examination_json(examination))
        return 0
    terminal = Console(highlight=False)  # leaves colour out for NO_COLOR, a pipe, a dumb terminal
    width = terminal.width if terminal.is_terminal else None
    lines = examination_lines(examination, width, encodes(sys.stdout, "✓→"))
    # Rich makes of a closed pipe an end with code 1; so it draws here, and xtop writes.
    with terminal.capture() as drawn:
        for line in lines:
            terminal.print(line, soft_wrap=True)
    write_text(sys.stdout, drawn.get())
    return 0
