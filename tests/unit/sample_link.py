# SPDX-License-Identifier: BSD-2-Clause
"""A link as drivers of real NICs describe theirs, to be planned for and judged without one."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from xtop.cpu_topology import Nearness
from xtop.ethtool.ioctl import DriverInfo, Rss
from xtop.ethtool.netdev import XdpFeatures
from xtop.link_state import LinkState
from xtop.nic_irqs import QueueIrq

MICROSOFT_KEY = bytes.fromhex("6d5a56da255b0ec24167253d43a38fb0d0ca2bcbae7b30b477cb2da38030f20c6a42b73bbeac01fa")


def ixgbe(**changes: Any) -> LinkState:
    """The thesis's X552: 63 queues, rings to 4,096, adaptive moderation; on node 1 with four cores."""
    table = tuple(entry % 16 for entry in range(128))
    values = {
        "channels.combined": 16,
        "rings.rx": 512,
        "rings.tx": 512,
        "coalesce.adaptive-rx": "on",
        "coalesce.rx-usecs": 1,
        "features.rx-lro": "on",
        "features.rx-gro-hw": "off",
        "features.rx-vlan-hw-parse": "on",
        "features.rx-gro": "on",
        "rss.key": MICROSOFT_KEY.hex(":"),
        "rss.table": ",".join(map(str, table)),
        "irq.60": "0,1,2,3",
        "irq.61": "5",
        "sysctl.net.core.bpf_jit_enable": 0,
    }
    state = LinkState(
        name="eth1",
        index=3,
        mac="00:25:90:00:00:01",
        mtu=1500,
        up=True,
        kind="",
        driver=DriverInfo("ixgbe", "0000:81:00.0"),
        near=Nearness(node=1, nodes=2, cpus=(4, 5, 6, 7, 12, 13, 14, 15), cores=(4, 5, 6, 7)),
        values=values,
        limits={"channels.combined": 63, "rings.rx": 4096, "rings.tx": 4096, "rings.rx-mini": 0},
        fixed=frozenset({"features.rx-gro-hw"}),
        rss=Rss("toeplitz", None, MICROSOFT_KEY, table),
        irqs=(QueueIrq(0, 60, (0, 1, 2, 3)), QueueIrq(1, 61, (5,))),
        xdp=XdpFeatures(native=True, redirect=True, zero_copy=True, fragments=False, zero_copy_buffers=1),
    )
    return replace(state, **changes)
