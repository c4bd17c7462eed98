# SPDX-License-Identifier: BSD-2-Clause
"""What the header of a segment says of the capture: which links, how they are captured, how it goes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from xtop._native import ffi, lib
from xtop.losses import lost_packets
from xtop.model import Link, SourceInfo

_KINDS = {lib.XTOP_SOURCE_INTERFACE: "interface", lib.XTOP_SOURCE_FILE: "file", lib.XTOP_SOURCE_DEMO: "demo"}
_SAMPLING_METHODS = {lib.XTOP_SAMPLING_SYSTEMATIC: "systematic", lib.XTOP_SAMPLING_RANDOM: "random"}
_LINKS = {
    lib.XTOP_LINK_NO_CARRIER: "{} has no carrier: nothing can arrive until the other end is there",
    lib.XTOP_LINK_DOWN: "{} is down: nothing arrives (ip link set {} up)",
}
_XDP_MODES = {lib.XTOP_XDP_GENERIC: "generic", lib.XTOP_XDP_NATIVE: "native"}


def source_info(header: Any, queues: Sequence[Any], byte_histogram: bool) -> SourceInfo:
    """Return what ``header`` (``struct xtop_header``) says; losses are in the counters of ``queues``."""
    native = header.link[0 : header.link_count]
    links = [_link(link, [queue for queue in queues if queue.link == at]) for at, link in enumerate(native)]
    return SourceInfo(
        kind=_KINDS.get(header.source_kind, "interface"),
        name=text_of(header.source_name),
        capture=_joined(link.capture for link in links) or "",
        xdp_mode=_joined(link.xdp_mode for link in links),
        zero_copy=all(link.zero_copy for link in links),
        queues=header.queue_count,
        sampling=header.sampling,
        sampling_method=_SAMPLING_METHODS.get(header.sampling_method),
        filter=text_of(header.filter) or None,
        driver=_joined(link.driver for link in links),
        ring_size=max(link.ring_size for link in links),
        ifindex=links[0].ifindex,
        reason=links[0].reason if len(links) == 1 else _sentences((link.name, link.reason) for link in links),
        byte_histogram=byte_histogram,
        notes=(*_troubles(links), *(note for link in native for note in _notes(header, link))),
        links=tuple(links) if header.source_kind == lib.XTOP_SOURCE_INTERFACE else (),
    )


def _troubles(links: Iterable[Link]) -> list[str]:
    return [link.trouble for link in links if link.trouble]


def _trouble(link: Any) -> str:
    """Return why nothing comes from ``link`` as it is now; empty: something may."""
    name = text_of(link.name)
    if link.state == lib.XTOP_LINK_OVER:
        return f"nothing comes from {name} any more: {text_of(link.failure)}"
    return _LINKS.get(link.state, "").replace("{}", name)


def _notes(header: Any, link: Any) -> list[str]:
    """Return what the capture noted of ``link`` when it began."""
    name = text_of(link.name)
    noted = [line for line in text_of(link.notes).split("\n") if line]
    several = header.link_count > 1
    return [f"{name}: {note}" if several and name not in note else note for note in noted]


def _link(link: Any, queues: list[Any]) -> Link:
    return Link(
        name=text_of(link.name),
        capture=text_of(link.capture),
        xdp_mode=_XDP_MODES.get(link.xdp_mode),
        zero_copy=bool(link.zero_copy),
        queues=link.queue_count,
        driver=text_of(link.driver) or None,
        ring_size=link.ring_size,
        ifindex=link.ifindex,
        reason=text_of(link.reason) or None,
        lost=lost_packets(queues, link.nic_dropped),
        trouble=_trouble(link),
    )


def _joined(words: Iterable[str | None]) -> str | None:
    """Return the words that there are, each once, with commas."""
    return ",".join(dict.fromkeys(word for word in words if word)) or None


def _sentences(about: Iterable[tuple[str, str | None]]) -> str | None:
    """Return what is said, each after whom it is about."""
    return "; ".join(f"{name}: {text}" for name, text in about if text) or None


def queue_link(header: Any, queue: Any) -> str | None:
    """Return the name of the link that ``queue`` (``struct xtop_queue``) belongs to, where there is one."""
    return text_of(header.link[queue.link % lib.XTOP_MAX_LINKS].name) or None


def text_of(field: Any) -> str:
    """Return what stands in a field of characters."""
    return str(ffi.string(field).decode("utf-8", "replace"))
