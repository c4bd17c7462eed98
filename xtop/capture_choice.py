# SPDX-License-Identifier: BSD-2-Clause
"""How a link is captured when nobody says how: by what the interface is, and never so that its host is cut off.

Pure: what the interface is, :mod:`xtop.interfaces` asks the kernel; whether the kernel grants what is chosen here,
only trying shows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from xtop.source import SourceError


@dataclass(frozen=True, slots=True)
class LinkFacts:
    """What the choice depends on."""

    interface: str
    in_use: str | None = None  # a clause: what the host uses it for; None = nothing
    ethernet: bool = True  # its frames begin with an Ethernet header
    loopback: bool = False


@dataclass(frozen=True, slots=True)
class CaptureChoice:
    """``captures`` is what to try, best first (the next where the kernel refuses one); ``reason`` is a clause."""

    captures: tuple[str, ...]
    reason: str


def choose_capture(
    facts: LinkFacts,
    asked: str = "auto",
    *,
    xdp_options: Sequence[str] = (),
    filtered: bool = False,
    byte_histogram: bool = False,
    dedup: bool = False,
    force: bool = False,
) -> CaptureChoice:
    """Return how to capture the link of ``facts``.

    ``asked`` is the value of ``--capture``; ``xdp_options`` are options given that only AF_XDP has, which then is
    asked for; ``filtered`` says that there is a capture filter, ``byte_histogram`` that payload bytes are to be
    counted, ``dedup`` that frames are to be compared, none of which eBPF counting can do. Raise SourceError where
    AF_XDP would take packets that the host needs and ``force`` does not allow it.
    """
    if asked == "ebpf" and filtered:
        raise SourceError("--filter is not for --capture ebpf, which counts all (use --capture af_packet)", 2)
    if asked == "ebpf" and byte_histogram:
        raise SourceError("--byte-histogram is not for --capture ebpf, which sees no payload (use af_packet)", 2)
    if asked == "ebpf" and dedup:
        raise SourceError("--dedup is not for --capture ebpf, which compares no frames (use --capture af_packet)", 2)
    if asked in {"ebpf", "af_packet"}:
        if xdp_options:
            raise SourceError(f"{xdp_options[0]} is for AF_XDP (--capture {asked} has no such thing; leave one out)", 2)
        return CaptureChoice((asked,), "--capture asks for it")
    if asked == "af_xdp" or xdp_options or force:
        word = "--capture af_xdp" if asked == "af_xdp" else xdp_options[0] if xdp_options else "--force"
        return _redirect(facts, word, force)
    counting = ("af_packet",) if filtered or byte_histogram or dedup else ("ebpf", "af_packet")
    if facts.loopback:
        return CaptureChoice(("af_packet",), f"{facts.interface} is the host's loopback")
    if facts.in_use is not None:
        return CaptureChoice(counting, facts.in_use)
    if not facts.ethernet:
        return CaptureChoice(counting, f"{facts.interface} carries no Ethernet frames, which AF_XDP needs")
    return CaptureChoice(("af_xdp", *counting), f"nothing of this host uses {facts.interface}")


def _redirect(facts: LinkFacts, word: str, force: bool) -> CaptureChoice:
    if not facts.ethernet:
        raise SourceError(
            f"cannot redirect {facts.interface} (it carries no Ethernet frames; use --capture ebpf or af_packet)", 2
        )
    if facts.in_use is not None and not force:
        raise SourceError(
            f"refusing to redirect {facts.interface} ({facts.in_use}, and AF_XDP takes packets from the host; use"
            " --capture ebpf, which takes none, or --force)",
            2,
        )
    use = f", although {facts.in_use}" if facts.in_use is not None else ""
    return CaptureChoice(("af_xdp",), f"{word} asks for it{use}")
