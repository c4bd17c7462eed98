# SPDX-License-Identifier: BSD-2-Clause
"""The plan: the thesis's settings (7.9) for the thesis's NIC, and nothing that the driver does not have."""

from __future__ import annotations

from dataclasses import replace

from tests.unit.sample_link import ixgbe
from xtop.ethtool.ioctl import Rss
from xtop.link_state import LinkState
from xtop.tune.plan import make_plan
from xtop.tune.report import short_value


def wanted(state: LinkState) -> dict[str, object]:
    return {change.key: change.wanted for change in make_plan(state).changes}


def test_the_nic_of_the_thesis() -> None:
    assert wanted(ixgbe()) == {
        "channels.combined": 4,  # one a core of node 1
        "rings.rx": 4096,
        "coalesce.adaptive-rx": "off",
        "coalesce.rx-usecs": 8,
        "features.rx-lro": "off",
        "features.rx-vlan-hw-parse": "off",
        "rss.key": ":".join(["6d:5a"] * 20),
        "irq.60": "4",
        "sysctl.net.core.bpf_jit_enable": 1,
    }


def test_a_link_as_planned_has_nothing_to_change() -> None:
    state = ixgbe()
    table = tuple(entry % 4 for entry in range(128))
    done = {**state.values, **wanted(state), "rss.table": ",".join(map(str, table)), "irq.61": "5"}
    settled = replace(state, values=done, rss=Rss("toeplitz", None, b"\x6d\x5a" * 20, table))
    assert make_plan(settled).changes == ()


def test_what_a_driver_lacks_is_said_and_not_planned() -> None:
    state = ixgbe(values={}, limits={}, rss=None, irqs=(), unseen={"rings": "Operation not supported"})
    plan = make_plan(state)
    assert plan.changes == ()
    assert plan.closed == (("rings", "Operation not supported"),)


def test_a_fixed_offload_is_said_and_not_planned() -> None:
    state = ixgbe()
    plan = make_plan(replace(state, values={**state.values, "features.rx-gro-hw": "on"}))
    assert "features.rx-gro-hw" not in [change.key for change in plan.changes]
    assert "features.rx-gro-hw" in [what for what, _ in plan.closed]


def test_a_table_that_leaves_queues_out_is_spread_again() -> None:
    state = ixgbe()
    table = (0, 1) * 64
    uneven = replace(
        state,
        values={**state.values, "channels.combined": 4, "rss.table": ",".join(map(str, table))},
        rss=replace(state.rss or Rss("", None, b"", ()), table=table),
    )
    assert wanted(uneven)["rss.table"] == ",".join(str(entry % 4) for entry in range(128))


def test_any_symmetric_key_or_transform_is_left_alone() -> None:
    state = ixgbe()
    other = b"\x12\x34" * 20
    for rss in (Rss("toeplitz", None, other, ()), Rss("toeplitz", "symmetric-xor", b"\x01" * 39 + b"\x02", ())):
        settled = replace(state, rss=rss, values={**state.values, "rss.key": rss.key.hex(":")})
        assert "rss.key" not in wanted(settled)


def test_values_fit_a_line() -> None:
    assert short_value("6d:5a:" * 19 + "6d:5a") == "6d:5a:6d:5a… (40 bytes)"
    assert short_value(",".join(str(entry % 4) for entry in range(128))) == "equal over 4 queues"
    assert short_value("0," * 127 + "3") == "uneven over 4 queues"
    assert short_value("0,1") == "0,1"
