# SPDX-License-Identifier: BSD-2-Clause
"""Runs the checks that the kernel's command line names (xtop.checks=) and writes each result as a JSON line."""

from __future__ import annotations

import json
import os
import re
import time
import traceback
from pathlib import Path

from .captures import Refused
from .checks import CHECKS
from .links import CAPTURED_MAC, SENDER_MAC, Fault, Nic, Sender, by_mac


def say(**fields: object) -> None:
    """Write a line to the serial port."""
    print(json.dumps(fields), flush=True)


def run_check(name: str, captured: Nic, sender: Sender) -> None:
    """Run one check, and say what came of it: pass, refused (in whose words) or fault."""
    began = time.monotonic()
    outcome, words = "pass", ""
    try:
        words = CHECKS[name](captured, sender)
    except Refused as refusal:
        outcome, words = "refused", str(refusal)
    except Fault as fault:
        outcome, words = "fault", str(fault)
    except Exception:
        outcome, words = "fault", traceback.format_exc()
    say(check=name, outcome=outcome, words=words, seconds=round(time.monotonic() - began, 1))


def run_all() -> None:
    """Run what was asked for."""
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
