# SPDX-License-Identifier: BSD-2-Clause
"""Linux capabilities: those of this process, and those that a file gives to who runs it (capabilities(7))."""

from __future__ import annotations

import os
import struct
from dataclasses import dataclass
from pathlib import Path

from xtop.machine_files import MachineFiles

CAP_NET_ADMIN = 12
CAP_NET_RAW = 13
CAP_IPC_LOCK = 14
CAP_PERFMON = 38
CAP_BPF = 39
NAMES = {
    CAP_NET_RAW: "cap_net_raw",
    CAP_NET_ADMIN: "cap_net_admin",
    CAP_BPF: "cap_bpf",
    CAP_PERFMON: "cap_perfmon",
    CAP_IPC_LOCK: "cap_ipc_lock",
}
# CAP_IPC_LOCK besides, where the memory limit is low. CAP_PERFMON: else the verifier forbids to reckon with pointers.
CAPTURE_NEEDS = (CAP_NET_RAW, CAP_NET_ADMIN, CAP_BPF, CAP_PERFMON)

_REVISIONS = {0x01000000: 1, 0x02000000: 2, 0x03000000: 2}  # of vfs_cap_data: how many words of 32 bits
_EFFECTIVE = 1


@dataclass(frozen=True, slots=True)
class FileCapabilities:
    """What a program file grants: ``permitted``, in force from the start only where ``effective``."""

    permitted: frozenset[int]
    effective: bool


def effective_capabilities(files: MachineFiles) -> frozenset[int]:
    """Return the capabilities in force in this process."""
    for line in (files.text("proc/self/status") or "").splitlines():
        name, _, value = line.partition(":")
        if name == "CapEff":
            return _members(int(value, 16))
    return frozenset()


def file_capabilities(path: Path) -> FileCapabilities:
    """Return what ``path`` grants; nothing where it has no capabilities or cannot be asked."""
    try:
        return decode_file_capabilities(os.getxattr(path, "security.capability"))
    except OSError:
        return FileCapabilities(frozenset(), False)


def decode_file_capabilities(data: bytes) -> FileCapabilities:
    """Return what struct vfs_cap_data (linux/capability.h) says; nothing where it is none."""
    if len(data) < 4:
        return FileCapabilities(frozenset(), False)
    (magic,) = struct.unpack_from("<I", data)
    words = _REVISIONS.get(magic & 0xFF000000, 0)
    if len(data) < 4 + 8 * words:
        return FileCapabilities(frozenset(), False)
    permitted = 0
    for word in range(words):
        permitted |= struct.unpack_from("<I", data, 4 + 8 * word)[0] << (32 * word)
    return FileCapabilities(_members(permitted), bool(magic & _EFFECTIVE))


def setcap_line(program: str) -> str:
    """Return the command that gives ``program`` what a capture needs."""
    names = ",".join(NAMES[number] for number in (*CAPTURE_NEEDS, CAP_IPC_LOCK))
    return f"sudo setcap {names}+ep {program}"


def _members(bits: int) -> frozenset[int]:
    return frozenset(number for number in range(64) if bits >> number & 1)
