# SPDX-License-Identifier: BSD-2-Clause
"""What happens to a link while it is captured is said: down and up again, other RX queues."""

from __future__ import annotations

import subprocess
from collections.abc import Callable

from .conftest import Link
from .test_snapshot import arrived, series

MakeLink = Callable[..., Link]


def test_a_link_that_goes_down_and_comes_back(make_link: MakeLink) -> None:
    link = make_link()
    with series(link, "-N") as running:
        subprocess.run(link.command("ip", "link", "set", link.captured, "down"), check=True)
        down = f"{link.captured} is down: nothing arrives (ip link set {link.captured} up)"
        running.until(lambda snapshot: down in snapshot["source"]["notes"])
        subprocess.run(link.command("ip", "link", "set", link.captured, "up"), check=True)
        running.until(lambda snapshot: down not in snapshot["source"]["notes"])
        subprocess.run(link.command("ip", "link", "set", link.sending, "down"), check=True)
        no_carrier = f"{link.captured} has no carrier: nothing can arrive until the other end is there"
        running.until(lambda snapshot: no_carrier in snapshot["source"]["notes"])
        subprocess.run(link.command("ip", "link", "set", link.sending, "up"), check=True)
        snapshot = running.until(lambda snapshot: no_carrier not in snapshot["source"]["notes"])
        before = arrived(snapshot)
        sent = link.send(10_000, "--flows", "10")["sent"]
        running.until(lambda snapshot: arrived(snapshot) - before >= sent)


def test_other_rx_queues_end_the_capture_with_the_reason(make_link: MakeLink) -> None:
    """Their frames would pass by the sockets that there are. (Native XDP would have veth refuse fewer than four.)"""
    link = make_link(queues=4)
    subprocess.run(link.command("ethtool", "-L", link.captured, "rx", "2"), check=True)
    with series(link, "-S") as running:
        subprocess.run(link.command("ethtool", "-L", link.captured, "rx", "3"), check=True)
        last = running.until(lambda snapshot: bool(snapshot["state"] == "failed"))
    assert "has 3 RX queues now and had 2" in last["state_text"]
    assert not link.xdp_program()


def test_chosen_queues_go_on_when_others_come(make_link: MakeLink) -> None:
    link = make_link(queues=4)
    subprocess.run(link.command("ethtool", "-L", link.captured, "rx", "1"), check=True)
    with series(link, "-S", "-q", "0") as running:
        subprocess.run(link.command("ethtool", "-L", link.captured, "rx", "2"), check=True)
        subprocess.run(
            link.command("ip", "link", "set", link.captured, "down"), check=True
        )  # to know when it has looked
        running.until(lambda snapshot: any("is down" in note for note in snapshot["source"]["notes"]))
        for _ in range(8):  # 1.6 s: the queues are counted once a second
            snapshot = running.next()
        assert snapshot["state"] == "running"


def test_a_link_that_gets_another_name(make_link: MakeLink) -> None:
    """It is the same link, whatever is called by its old name now: another one, of more RX queues."""
    link = make_link()
    with series(link) as running:
        for command in (
            ("ip", "link", "set", link.captured, "down"),
            ("ip", "link", "set", link.captured, "name", "renamed"),
            ("ip", "link", "set", "renamed", "up"),
            ("ip", "link", "add", link.captured, "numrxqueues", "4", "type", "veth", "peer", "name", "other"),
        ):
            subprocess.run(link.command(*command), check=True)
        for _ in range(8):  # 1.6 s: the queues are counted once a second
            snapshot = running.next()
        assert snapshot["state"] == "running", snapshot["state_text"]
        before = arrived(snapshot)
        sent = link.send(10_000, "--flows", "10")["sent"]
        running.until(lambda snapshot: arrived(snapshot) - before >= sent)
