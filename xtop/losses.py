# SPDX-License-Identifier: BSD-2-Clause
"""What never reached xtop, out of the queues' counters."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from xtop.model import Lost


def lost_packets(queues: Sequence[Any], nic_dropped: int) -> Lost:
    """Return the losses of ``queues`` (``struct xtop_queue``) and of their devices."""
    return Lost(
        rx_dropped=sum(queue.rx_dropped for queue in queues),
        rx_ring_full=sum(queue.rx_ring_full for queue in queues),
        rx_fill_ring_empty=sum(queue.rx_fill_ring_empty for queue in queues),
        rx_invalid_descs=sum(queue.rx_invalid_descs for queue in queues),
        nic=nic_dropped,
        ring=sum(queue.ring_dropped for queue in queues),
    )


def nic_dropped(header: Any) -> int:
    """Return what the devices of all links of ``header`` (``struct xtop_header``) dropped."""
    return sum(link.nic_dropped for link in header.link[0 : header.link_count])
