# SPDX-License-Identifier: BSD-2-Clause
"""XDP modes, zero copy and frame size, as the driver declares them; nothing is attached to find out."""

from __future__ import annotations

from collections.abc import Iterator

from xtop.doctor.finding import Finding, Verdict, unseen
from xtop.link_state import LinkState

# capture/xsk_queue.h and capture/link_stats.h: a UMEM chunk of 2 or 4 KiB, less the kernel's headroom and the
# Ethernet header with one VLAN tag.
_FRAME_SIZES = (2048, 4096)
_HEADROOM = 256
_LINK_OVERHEAD = 18


def mode_findings(state: LinkState) -> Iterator[Finding]:
    """Yield the modes of XDP that are to be had, zero copy, and whether the link's frames fit."""
    modes = "native XDP runs in the driver, generic XDP after a copy into a socket buffer: several times slower"
    copies = "without zero copy each frame is copied once into xtop's memory"
    if state.xdp is None:
        reason = f"{state.unseen.get('xdp', 'the kernel does not tell')} (Linux 6.3 and later tell); -N tries it"
        yield unseen("XDP modes", reason, modes)
        yield unseen("zero copy", reason, copies)
    else:
        native = "native and generic" if state.xdp.native else "generic only: the driver has none of its own"
        lacking = "" if state.xdp.redirect or not state.xdp.native else ", but no redirect to sockets"
        good = state.xdp.native and state.xdp.redirect
        yield Finding("XDP modes", Verdict.OK if good else Verdict.BETTER, native + lacking, modes)
        zero = state.xdp.zero_copy
        found = (
            "the driver has it; binding a socket proves it" if zero else f"{state.driver.driver or state.name} has none"
        )
        yield Finding("zero copy", Verdict.OK if zero else Verdict.BETTER, found, copies)
    yield size_finding(state)


def size_finding(state: LinkState) -> Finding:
    """Say whether the largest frame fits one UMEM chunk, or how else it gets through."""
    why = "a larger frame is cut, or refused by native XDP, unless the driver can split it"
    needed = state.mtu + _LINK_OVERHEAD + _HEADROOM
    chunk = next((size for size in _FRAME_SIZES if needed <= size), None)
    most = _FRAME_SIZES[-1] - _HEADROOM - _LINK_OVERHEAD
    if chunk is not None:
        return Finding("MTU", Verdict.OK, f"{state.mtu}; a frame fits a chunk of {chunk} bytes", why)
    if state.xdp is not None and state.xdp.fragments:
        several = -(-needed // _FRAME_SIZES[-1])
        limited = state.xdp.zero_copy and state.xdp.zero_copy_buffers < several
        note = f"; with zero copy at most {state.xdp.zero_copy_buffers} buffers" if limited else ""
        found = f"{state.mtu}; a frame takes {several} chunks (multi-buffer){note}"
        return Finding("MTU", Verdict.BETTER if limited else Verdict.OK, found, why, "-c (copy)" if limited else "")
    if state.xdp is not None and not state.xdp.native:
        found = f"{state.mtu}; a chunk of AF_XDP holds {most}; ebpf and af_packet take frames of any size"
        return Finding("MTU", Verdict.BETTER, found, why)
    command = f"sudo ip link set {state.name} mtu {most}, or -S (generic XDP)"
    return Finding("MTU", Verdict.PROBLEM, f"{state.mtu}; one chunk holds {most}, and the driver has one", why, command)
