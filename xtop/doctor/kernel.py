# SPDX-License-Identifier: BSD-2-Clause
"""The kernel, and the features of it that decide how xtop captures.

A feature is looked for in the kernel's own type information, since distributions bring features to older versions;
where there is none, the version decides.
"""

from __future__ import annotations

import mmap
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass

from xtop.doctor.finding import Finding, Verdict, unseen
from xtop.machine_files import MachineFiles

_BTF = "sys/kernel/btf/vmlinux"
_JIT = "proc/sys/net/core/bpf_jit_enable"
_OLDEST = (5, 15)  # Ubuntu 22.04, the oldest that xtop is made for
_MADV_COLLAPSE = 25
_PROBE_BYTES = 4 << 20  # holds a whole huge page of 2 MiB wherever it begins


@dataclass(frozen=True, slots=True)
class _Feature:
    name: str
    sign: bytes  # a name in the kernel's type information
    since: tuple[int, int]
    why: str


_FEATURES = (
    _Feature(
        "tcx",
        b"BPF_TCX_INGRESS",
        (6, 6),
        "the programs of ebpf go with their process; without tcx a second one, xtop-janitor, keeps CAP_NET_ADMIN to"
        " take them off",
    ),
    _Feature(
        "XDP multi-buffer", b"BPF_FUNC_xdp_get_buff_len", (5, 18), "native XDP on links with an MTU above a page's"
    ),
    _Feature("AF_XDP multi-buffer", b"NETDEV_A_DEV_XDP_ZC_MAX_SEGS", (6, 6), "jumbo frames reach AF_XDP whole"),
    _Feature(
        "batched map reads", b"BPF_MAP_LOOKUP_AND_DELETE_BATCH", (5, 6), "the flows of ebpf are fetched by the thousand"
    ),
)


def kernel_findings(files: MachineFiles, release: str) -> Iterator[Finding]:
    """Yield what there is to say of the running kernel, ``release`` as uname(2) gives it."""
    version = kernel_version(release)
    old = version < _OLDEST
    yield Finding(
        "kernel",
        Verdict.BETTER if old else Verdict.OK,
        f"Linux {release}",
        f"xtop is made for {_OLDEST[0]}.{_OLDEST[1]} and later",
        "install a newer kernel" if old else "",
    )
    btf = files.data(_BTF)
    for feature in _FEATURES:
        yield _feature_finding(feature, btf, version)
    yield _collapse_finding()
    yield Finding(
        "BTF",
        Verdict.OK if btf else Verdict.BETTER,
        "present" if btf else "absent",
        "tells features, and what a program is, beyond the version number; xtop's own programs load without it",
        "" if btf else "a kernel with CONFIG_DEBUG_INFO_BTF=y",
    )
    yield jit_finding(files)


def kernel_version(release: str) -> tuple[int, int]:
    """Return the first two numbers of ``release``; (0, 0) where it has none."""
    match = re.match(r"(\d+)\.(\d+)", release)
    return (int(match[1]), int(match[2])) if match else (0, 0)


def jit_finding(files: MachineFiles) -> Finding:
    """Say whether BPF programs are compiled."""
    why = "an interpreted program takes longer over every packet"
    value = files.number(_JIT)
    if value is None:
        return unseen("BPF JIT", f"/{_JIT} is not there (a network namespace, or a kernel without BPF)", why)
    words = {0: "off", 1: "on", 2: "on, with debug output"}.get(value, str(value))
    verdict = {0: Verdict.PROBLEM, 1: Verdict.OK}.get(value, Verdict.BETTER)
    return Finding("BPF JIT", verdict, words, why, "" if value == 1 else "sudo sysctl net.core.bpf_jit_enable=1")


def _feature_finding(feature: _Feature, btf: bytes, version: tuple[int, int]) -> Finding:
    there = feature.sign + b"\0" in btf if btf else version >= feature.since
    since = f"{feature.since[0]}.{feature.since[1]}"
    found = ("present" if there else f"absent; mainline has it since {since}") + ("" if btf else " (by the version)")
    verdict = Verdict.OK if there else Verdict.BETTER
    return Finding(feature.name, verdict, found, feature.why, "" if there else f"a kernel of {since} or later")


def _collapse_finding() -> Finding:
    """Try it, on memory of our own."""
    why = "the flow table becomes present on huge pages, ten times as fast as by page faults"
    with mmap.mmap(-1, _PROBE_BYTES, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS) as memory:
        memory.write(b"\1" * _PROBE_BYTES)
        try:
            memory.madvise(_MADV_COLLAPSE)
        except OSError as error:
            found = f"refused: {os.strerror(error.errno or 0)}"
            return Finding("MADV_COLLAPSE", Verdict.BETTER, found, why, "a kernel of 6.1 or later, with huge pages")
    return Finding("MADV_COLLAPSE", Verdict.OK, "works", why)
