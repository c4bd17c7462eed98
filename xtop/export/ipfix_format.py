# SPDX-License-Identifier: BSD-2-Clause
"""An IPFIX file (RFC 5655): messages one after the other, templates first, statistics last."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import BinaryIO

from xtop.export.row_chunks import Progress, unheard
from xtop.model import CaptureState, Snapshot, SourceInfo
from xtop.native_ipfix import (
    FORCED_END,
    STILL_ACTIVE,
    IpfixEncoder,
    Message,
    Statistics,
    StreamSettings,
    native_flows,
)

FILE_MESSAGE = 16384  # octets: a file knows no MTU


def stream_settings(source: SourceInfo, live_reason: int, uniflow: bool = False) -> StreamSettings:
    """Return what all messages about ``source`` have in common; ``live_reason`` ends flows that have not ended.

    The observation domain is the interface, the first of several: two xtop on one machine are two domains to a
    collector.
    """
    return StreamSettings(
        domain=source.ifindex or 1,
        interfaces=tuple((link.ifindex, link.name) for link in source.links),
        uniflow=uniflow,
        live_reason=live_reason,
        sampling=source.sampling,
        random=source.sampling_method == "random",
    )


def write_ipfix(snapshot: Snapshot, stream: BinaryIO, progress: Progress = unheard) -> None:
    """Write the flows as biflows; those that have not ended are cut here (active timeout), or with the capture."""
    reason = STILL_ACTIVE if snapshot.state is CaptureState.RUNNING else FORCED_END
    encoder = IpfixEncoder(stream_settings(snapshot.source, reason), FILE_MESSAGE)
    now = int(time.time())
    octets = messages = flows = 0

    def write(written: Iterable[Message]) -> None:
        nonlocal octets, messages, flows
        for message in written:
            stream.write(message.data)
            octets += len(message.data)
            messages += 1
            flows += message.flows
        progress(flows)

    write(encoder.templates(now))
    write(encoder.options(Statistics(packets_dropped=snapshot.lost.total), now))
    for batch in native_flows(snapshot.flows):
        for written in encoder.flows(batch, now):
            write(written)
    write(encoder.options(Statistics(octets, messages, flows, snapshot.lost.total), now))
