# SPDX-License-Identifier: BSD-2-Clause
"""Runs the checks that the kernel's command line names (xtop.checks=) and writes each result as a JSON line.

Each has its time: a check that waits for what never comes is interrupted and its line says where it waited.
"""

from __future__ import annotations

import json
import os
import re
import signal
import time
import traceback
from pathlib import Path
from types import FrameType

from .captures import Refused
from .checks import CHECKS
from .links import CAPTURED_MAC, SENDER_MAC, Fault, Nic, Sender, by_mac

DEADLINE_S = 90  # most checks take some five seconds
#: These load Textual, ask ethtool dozens of times, measure for two minutes.
DEADLINES_S = {"screen": 150, "tune": 240, "ratio": 420}
AGAIN_S = 20  # what the interrupted check does to clean up is interrupted, too


class Overdue(BaseException):
    """The check's time is over; nothing that handles errors in it may take this for one."""


def interrupt(_: int, where: FrameType | None) -> None:
    """Raise Overdue where the check is."""
    lines = traceback.format_stack(where, limit=6)
    raise Overdue(f"its time is over, it was at:\n{''.join(lines)}")


def say(**fields: object) -> None:
    """Write a line to the serial port."""
    print(json.dumps(fields), flush=True)


def run_check(name: str, captured: Nic, sender: Sender) -> None:
    """Run one check, and say what came of it: pass, refused (in whose words) or fault."""
    began = time.monotonic()
    deadline = DEADLINES_S.get(name, DEADLINE_S)
    say(check=name, outcome="begun", deadline=deadline)
    outcome, words = "pass", ""
    signal.setitimer(signal.ITIMER_REAL, deadline, AGAIN_S)
    try:
        words = CHECKS[name](captured, sender)
    except Refused as refusal:
        outcome, words = "refused", str(refusal)
    except (Fault, Overdue) as fault:
        outcome, words = "fault", str(fault)
    except Exception:
        outcome, words = "fault", traceback.format_exc()
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
    say(check=name, outcome=outcome, words=words, seconds=round(time.monotonic() - began, 1))


def run_all() -> None:
    """Run what was asked for."""
    signal.signal(signal.SIGALRM, interrupt)
    names = re.findall(r"xtop\.checks=(\S+)", Path("/proc/cmdline").read_text())[0].split(",")
    try:
        nic, captured = Nic(by_mac(SENDER_MAC)), Nic(by_mac(CAPTURED_MAC))
        nic.set_up()
        captured.set_up()
    except Fault as fault:
        for name in names:
            say(check=name, outcome="fault", words=str(fault), seconds=0)
    else:
        say(check="start", kernel=os.uname().release, driver=captured.driver(), uptime=Path("/proc/uptime").read_text())
        sender = Sender(nic, captured)
        for name in names:
            run_check(name, captured, sender)
    say(check="end")


run_all()
