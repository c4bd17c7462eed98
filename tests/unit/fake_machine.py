# SPDX-License-Identifier: BSD-2-Clause
"""A machine of files: /proc and /sys of the hardware that the test machine is not."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from xtop.machine_files import MachineFiles


def machine(root: Path, files: Mapping[str, str]) -> MachineFiles:
    """Lay out ``files`` (paths from the root, their text) under ``root``."""
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return MachineFiles(root)


def two_sockets() -> dict[str, str]:
    """Two nodes of four cores with two threads each: CPUs 0-3 and 8-11 on node 0, 4-7 and 12-15 on node 1."""
    files = {
        "sys/devices/system/cpu/online": "0-15\n",
        "sys/devices/system/node/node0/cpulist": "0-3,8-11\n",
        "sys/devices/system/node/node1/cpulist": "4-7,12-15\n",
        "sys/bus/pci/devices/0000:81:00.0/numa_node": "1\n",
        "sys/bus/pci/devices/0000:01:00.0/numa_node": "-1\n",
    }
    for cpu in range(16):
        files[f"sys/devices/system/cpu/cpu{cpu}/topology/thread_siblings_list"] = f"{cpu % 8},{cpu % 8 + 8}\n"
    return files
