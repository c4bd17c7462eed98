# SPDX-License-Identifier: BSD-2-Clause
"""``xtop doctor``: what this machine and its links can do for a capture, and what to change. It changes nothing."""

from __future__ import annotations

import argparse
import sys

from rich.console import Console

from xtop.doctor.examination import examine
from xtop.doctor.report import examination_json, examination_lines
from xtop.machine_files import MachineFiles


def run(options: argparse.Namespace) -> int:
    """Look, and say what was found."""
    names = list(dict.fromkeys(options.interface or ()))
    examination = examine(names, MachineFiles())
    if options.format == "json":
        sys.stdout.write(examination_json(examination))
        return 0
    console = Console(file=sys.stdout, highlight=False)  # leaves colour out for NO_COLOR, a pipe, a dumb terminal
    width = console.width if console.is_terminal else None
    unicode = (sys.stdout.encoding or "").lower().replace("-", "") == "utf8"
    for line in examination_lines(examination, width, unicode):
        console.print(line, soft_wrap=True)
    return 0
