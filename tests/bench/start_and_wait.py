# SPDX-License-Identifier: BSD-2-Clause
"""Starts a program, waits, prints what it cost: python -I -S start_and_wait.py OUTPUT INPUT COMMAND...

A process has the memory of the one that started it in its account, too: so this one is small, and imports little.
"""

from __future__ import annotations

import os
import signal
import sys
import time

PATIENCE_S = 300


def start_and_wait(output: str, stdin: str, command: list[str]) -> None:
    """Run ``command`` to its end and print what it cost: CPU seconds, KiB, seconds, exit code."""
    pid = os.fork()
    if pid == 0:
        signal.alarm(PATIENCE_S)  # stays in force over exec, and ends who takes longer
        os.dup2(os.open(stdin, os.O_RDONLY), 0)
        os.dup2(os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), 1)
        os.dup2(1, 2)
        os.execvp(command[0], command)
    begun = time.monotonic()
    _, status, usage = os.wait4(pid, 0)
    print(usage.ru_utime + usage.ru_stime, usage.ru_maxrss, time.monotonic() - begun, os.waitstatus_to_exitcode(status))


if __name__ == "__main__":
    start_and_wait(sys.argv[1], sys.argv[2], sys.argv[3:])
