# SPDX-License-Identifier: BSD-2-Clause
"""netdev-genl (Linux 6.3; queues and interrupts 6.8): what XDP may do on a device, and which interrupt serves a queue.

Asking disturbs nothing: it is the driver's own declaration, not a trial.
"""

from __future__ import annotations

from dataclasses import dataclass

from xtop.ethtool.conversation import Conversation
from xtop.ethtool.messages import (
    NETDEV_DEV_GET,
    NETDEV_FAMILY,
    NETDEV_NAPI_GET,
    NETDEV_QUEUE_GET,
    NETDEV_VERSION,
    QUEUE_TYPE_RX,
    DeviceMessage,
    NapiMessage,
    QueueMessage,
)

# enum netdev_xdp_act, linux/netdev.h
_BASIC, _REDIRECT, _ZERO_COPY, _RX_FRAGMENTS = 1, 2, 8, 32


@dataclass(frozen=True, slots=True)
class XdpFeatures:
    """What a driver declares; all False where it has no XDP of its own and the generic one has to do."""

    native: bool
    redirect: bool
    zero_copy: bool
    fragments: bool  # a packet in several buffers (multi-buffer)
    zero_copy_buffers: int  # at most so many to a packet with zero copy


def decode_xdp_features(bits: int, zero_copy_buffers: int | None) -> XdpFeatures:
    """Return what the bits of enum netdev_xdp_act say."""
    return XdpFeatures(
        native=bool(bits & _BASIC),
        redirect=bool(bits & _REDIRECT),
        zero_copy=bool(bits & _ZERO_COPY),
        fragments=bool(bits & _RX_FRAGMENTS),
        zero_copy_buffers=zero_copy_buffers or 1,
    )


def read_xdp_features(index: int) -> XdpFeatures:
    """Return what the driver of interface number ``index`` declares; raise Refusal."""
    with Conversation(NETDEV_FAMILY, NETDEV_VERSION, DeviceMessage) as kernel:
        answer = kernel.ask(NETDEV_DEV_GET, [("IFINDEX", index)])
    return decode_xdp_features(answer.get("XDP_FEATURES") or 0, answer.get("XDP_ZC_MAX_SEGS"))


def read_queue_irqs(index: int) -> dict[int, int]:
    """Return the interrupt of each RX queue that the driver tells of, by queue; raise Refusal."""
    with Conversation(NETDEV_FAMILY, NETDEV_VERSION, NapiMessage) as kernel:
        napis = kernel.ask_all(NETDEV_NAPI_GET, [("IFINDEX", index)])
    irqs = {napi.get("ID"): napi.get("IRQ") for napi in napis if napi.get("IRQ") is not None}
    with Conversation(NETDEV_FAMILY, NETDEV_VERSION, QueueMessage) as kernel:
        queues = kernel.ask_all(NETDEV_QUEUE_GET, [("IFINDEX", index)])
    return {
        queue.get("ID"): irqs[queue.get("NAPI_ID")]
        for queue in queues
        if queue.get("TYPE") == QUEUE_TYPE_RX and queue.get("NAPI_ID") in irqs
    }
