# SPDX-License-Identifier: BSD-2-Clause
"""The netlink messages that pyroute2 lacks, as linux/ethtool_netlink.h and linux/netdev.h number them."""

from __future__ import annotations

from pyroute2.netlink import genlmsg
from pyroute2.netlink.generic.ethtool import ethtoolbitset, ethtoolheader

ETHTOOL_FAMILY = "ethtool"
ETHTOOL_VERSION = 1
FEATURES_GET, FEATURES_SET = 11, 12
RINGS_GET, RINGS_SET = 15, 16
CHANNELS_GET, CHANNELS_SET = 17, 18
COALESCE_GET, COALESCE_SET = 19, 20
FLAG_OMIT_REPLY = 2

NETDEV_FAMILY = "netdev"
NETDEV_VERSION = 1
NETDEV_DEV_GET = 1
NETDEV_QUEUE_GET = 10
NETDEV_NAPI_GET = 11
QUEUE_TYPE_RX = 0


class ChannelsMessage(genlmsg):  # type: ignore[misc]
    """ETHTOOL_MSG_CHANNELS_GET and _SET."""

    nla_map = (
        ("UNSPEC", "none"),
        ("HEADER", "ethtoolheader"),
        ("RX_MAX", "uint32"),
        ("TX_MAX", "uint32"),
        ("OTHER_MAX", "uint32"),
        ("COMBINED_MAX", "uint32"),
        ("RX_COUNT", "uint32"),
        ("TX_COUNT", "uint32"),
        ("OTHER_COUNT", "uint32"),
        ("COMBINED_COUNT", "uint32"),
    )
    ethtoolheader = ethtoolheader


class RingsMessage(genlmsg):  # type: ignore[misc]
    """ETHTOOL_MSG_RINGS_GET and _SET, as far as xtop needs it."""

    nla_map = (
        ("UNSPEC", "none"),
        ("HEADER", "ethtoolheader"),
        ("RX_MAX", "uint32"),
        ("RX_MINI_MAX", "uint32"),
        ("RX_JUMBO_MAX", "uint32"),
        ("TX_MAX", "uint32"),
        ("RX", "uint32"),
        ("RX_MINI", "uint32"),
        ("RX_JUMBO", "uint32"),
        ("TX", "uint32"),
    )
    ethtoolheader = ethtoolheader


class CoalesceMessage(genlmsg):  # type: ignore[misc]
    """ETHTOOL_MSG_COALESCE_GET and _SET, as far as xtop needs it. The kernel leaves out what the driver lacks."""

    nla_map = (
        ("UNSPEC", "none"),
        ("HEADER", "ethtoolheader"),
        ("RX_USECS", "uint32"),
        ("RX_MAX_FRAMES", "uint32"),
        ("RX_USECS_IRQ", "uint32"),
        ("RX_MAX_FRAMES_IRQ", "uint32"),
        ("TX_USECS", "uint32"),
        ("TX_MAX_FRAMES", "uint32"),
        ("TX_USECS_IRQ", "uint32"),
        ("TX_MAX_FRAMES_IRQ", "uint32"),
        ("STATS_BLOCK_USECS", "uint32"),
        ("USE_ADAPTIVE_RX", "uint8"),
        ("USE_ADAPTIVE_TX", "uint8"),
    )
    ethtoolheader = ethtoolheader


class FeaturesMessage(genlmsg):  # type: ignore[misc]
    """ETHTOOL_MSG_FEATURES_GET and _SET: four sets of named bits."""

    nla_map = (
        ("UNSPEC", "none"),
        ("HEADER", "ethtoolheader"),
        ("HW", "ethtoolbitset"),
        ("WANTED", "ethtoolbitset"),
        ("ACTIVE", "ethtoolbitset"),
        ("NOCHANGE", "ethtoolbitset"),
    )
    ethtoolheader = ethtoolheader
    ethtoolbitset = ethtoolbitset


class DeviceMessage(genlmsg):  # type: ignore[misc]
    """NETDEV_CMD_DEV_GET: what XDP may do on a device."""

    nla_map = (
        ("UNSPEC", "none"),
        ("IFINDEX", "uint32"),
        ("PAD", "none"),
        ("XDP_FEATURES", "uint64"),
        ("XDP_ZC_MAX_SEGS", "uint32"),
    )


class QueueMessage(genlmsg):  # type: ignore[misc]
    """NETDEV_CMD_QUEUE_GET: a queue and its NAPI instance."""

    nla_map = (
        ("UNSPEC", "none"),
        ("ID", "uint32"),
        ("IFINDEX", "uint32"),
        ("TYPE", "uint32"),
        ("NAPI_ID", "uint32"),
    )


class NapiMessage(genlmsg):  # type: ignore[misc]
    """NETDEV_CMD_NAPI_GET: a NAPI instance and its interrupt."""

    nla_map = (
        ("UNSPEC", "none"),
        ("IFINDEX", "uint32"),
        ("ID", "uint32"),
        ("IRQ", "uint32"),
    )
