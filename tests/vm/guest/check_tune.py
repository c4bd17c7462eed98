# SPDX-License-Identifier: BSD-2-Clause
"""``xtop doctor`` and ``xtop tune`` on a NIC whose driver has settings to give: ethtool(8) is the witness."""

from __future__ import annotations

import contextlib
import io
import json
import re
import subprocess
from pathlib import Path
from typing import Any

from xtop.cli import main

from .links import Fault, Nic, Sender

WITNESSES = ("-l", "-g", "-c", "-k", "-x")


def _said(*words: str) -> dict[str, Any]:
    """What an xtop command says as JSON."""
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        status = main([*words, "--format", "json"])
    if status:
        raise Fault(f"xtop {' '.join(words)} ended with {status}")
    answer: dict[str, Any] = json.loads(out.getvalue())
    return answer


def _witness(nic: Nic) -> dict[str, str]:
    """All that ethtool tells of the NIC, where its interrupts go, and the machine's own setting."""
    nic.wait_for_carrier()
    told = {}
    for option in WITNESSES:
        done = subprocess.run(["ethtool", option, nic.name], capture_output=True, text=True)
        told[option] = done.stdout + done.stderr
    device = Path("/sys/class/net", nic.name, "device").resolve()
    for path in sorted([*device.glob("msi_irqs/*"), *device.parent.glob("msi_irqs/*")]):  # virtio's lie a level up
        with contextlib.suppress(OSError):
            told[f"irq {path.name}"] = Path("/proc/irq", path.name, "smp_affinity_list").read_text()
    told["jit"] = Path("/proc/sys/net/core/bpf_jit_enable").read_text()
    return told


def _differing(before: dict[str, str], now: dict[str, str]) -> list[str]:
    """Lines that differ, in full: what a person has to see where they must not."""
    words = []
    for name in before.keys() | now.keys():
        one, other = before.get(name, "").splitlines(), now.get(name, "").splitlines()
        words += [f"{name}: {line.strip()}" for line in set(one) ^ set(other)]
    return sorted(words)


def check_doctor(captured: Nic, sender: Sender) -> str:
    """Each finding has its line; those that ethtool can tell, too, are as it tells them."""
    captured.most_queues(4)
    findings = {one["name"]: one for one in _said("doctor", "-i", captured.name)["interfaces"][0]["findings"]}
    if captured.driver() not in findings["driver"]["found"]:
        raise Fault(f"the driver is {captured.driver()}, xtop doctor says {findings['driver']}")
    rings = subprocess.run(["ethtool", "-g", captured.name], capture_output=True, text=True).stdout
    now = re.findall(r"^RX:\s+(\d+)", rings, re.M)
    if now and not {str(int(number)) for number in now} & set(re.findall(r"\d+", findings["RX ring"]["found"])):
        raise Fault(f"ethtool says {now}, xtop doctor {findings['rings']}")
    return ", ".join(f"{name}: {one['verdict']}" for name, one in findings.items())


def check_tune(captured: Nic, sender: Sender) -> str:
    """The plan changes nothing, --apply does what the driver grants, --undo puts back exactly what was before."""
    captured.most_queues(2)
    before = _witness(captured)
    plan = _said("tune", "-i", captured.name)["changes"]
    if changed := _differing(before, _witness(captured)):
        raise Fault(f"the plan changed {changed}")
    if not plan:
        raise Fault("a NIC as it comes out of the box, and nothing to tune")
    outcomes = _said("tune", "-i", captured.name, "--apply")["outcomes"]
    tuned = _witness(captured)
    done = [one["key"] for one in outcomes if one["result"] == "changed"]
    if bool(done) != (tuned != before):
        raise Fault(f"xtop tune says {outcomes}, ethtool sees {_differing(before, tuned)}")
    again = _said("tune", "-i", captured.name, "--apply")["outcomes"]
    if any(one["result"] == "changed" for one in again):
        raise Fault(f"a second --apply changed {again}")
    undone = _said("tune", "-i", captured.name, "--undo")["outcomes"]
    if left := _differing(before, _witness(captured)):
        raise Fault(f"--undo left {left}, of {undone}")
    refused = sorted({f"{one['key']} ({one['words']})" for one in outcomes if one["result"] == "refused"})
    return f"{', '.join(done)}; refused: {', '.join(refused) or 'nothing'}; put back exactly"
