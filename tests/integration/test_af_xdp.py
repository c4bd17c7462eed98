# SPDX-License-Identifier: BSD-2-Clause
"""source_af_xdp against the kernel: modes, losses to the frame, refusals, and what a death leaves."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import struct
import subprocess
from collections.abc import Callable

import pytest

from .conftest import Drain, Link, wait_until

pytestmark = pytest.mark.alone

MakeLink = Callable[..., Link]
MakeDrain = Callable[..., Drain]
GENERIC, NATIVE = 1, 2
SOL_PACKET, PACKET_VNET_HDR = 263, 15


def last_cpu() -> str:
    return str(max(os.sched_getaffinity(0)))


def wait_for_frames(link: Link, frames: int) -> None:
    """A frame is sent before NAPI has handed it on: wait for the interface to have counted them."""
    assert wait_until(lambda: link.counters()["rx_packets"] >= frames)


@pytest.mark.parametrize("queues", [1, 4])
@pytest.mark.parametrize(("option", "mode"), [("--native", NATIVE), ("--generic", GENERIC)])
@pytest.mark.parametrize("wait", ["--poll", "--busy"])
def test_each_frame_is_received_or_lost(
    make_link: MakeLink, make_drain: MakeDrain, option: str, mode: int, queues: int, wait: str
) -> None:
    link = make_link(queues=queues, gro=mode == GENERIC)
    drain = make_drain(link, option, wait)
    assert drain.ready is not None, drain.refused()
    assert (drain.ready["xdp_mode"], drain.ready["queues"], drain.ready["zero_copy"]) == (mode, queues, False)
    assert drain.ready["driver"] == "veth"
    sent = link.send(200_000, "--flows", "1000", "--cpu", last_cpu())["sent"]
    wait_for_frames(link, sent)
    counters = drain.stop()
    assert sent == 200_000
    assert counters["received"] + counters["lost"] == sent
    busiest = max(counters["queues"], key=lambda queue: queue["received"])
    assert busiest["received"] == counters["received"], "one sending CPU fills one queue"
    # veth: the sending CPU decides; frames that came by XDP climb the stack without a queue of their own, so as of 0.
    assert busiest["queue"] == (int(last_cpu()) % queues if mode == NATIVE else 0)
    assert busiest["received_bytes"] == busiest["received"] * 64


def test_the_best_mode_is_chosen_and_the_step_down_is_noted(make_link: MakeLink, make_drain: MakeDrain) -> None:
    drain = make_drain(make_link())
    assert drain.ready is not None
    assert drain.ready["notes"] == "zero copy refused by veth: Operation not supported (-95); using copy"
    assert drain.ready["ring_size"] == 16384


@pytest.mark.parametrize("mode", ["--native", "--generic"])
def test_nothing_is_lost_while_the_ring_has_room(make_link: MakeLink, make_drain: MakeDrain, mode: str) -> None:
    """Never more on the way than the ring holds: then each frame must come, however late this machine runs the drain.

    A UMEM frame that is not given back, or given back twice, shows within a few rounds.
    """
    rounds, frames = 60, 16_000
    link = make_link(gro=mode == "--generic")
    drain = make_drain(link, mode)
    for number in range(1, rounds + 1):
        link.send(frames, "--flows", "4096", "--cpu", last_cpu())
        wait_until(lambda sent=number * frames: drain.received() == sent)  # type: ignore[misc]
    counters = drain.stop()
    assert counters["lost"] == 0
    assert counters["received"] == rounds * frames


def test_each_frame_at_full_speed_is_received_or_lost(make_link: MakeLink, make_drain: MakeDrain) -> None:
    link = make_link()
    drain = make_drain(link)
    sent = link.send(3_000_000, "--flows", "65536", "--cpu", last_cpu())["sent"]
    wait_for_frames(link, sent)
    counters = drain.stop()
    assert counters["received"] + counters["lost"] == sent == 3_000_000


@pytest.mark.parametrize("mode", ["--native", "--generic"])
@pytest.mark.parametrize(("ring", "slow"), [("512", "200"), ("512", "0"), ("2048", "50")])
def test_an_overload_is_counted_to_the_frame(
    make_link: MakeLink, make_drain: MakeDrain, mode: str, ring: str, slow: str
) -> None:
    link = make_link(gro=mode == "--generic")
    drain = make_drain(link, mode, "--ring", ring, "--slow", slow)
    sent = link.send(500_000, "--cpu", last_cpu())["sent"]
    wait_for_frames(link, sent)
    counters = drain.stop()
    assert counters["received"] + counters["lost"] == sent
    if slow != "0":
        assert counters["lost"] > 0
    assert counters["nic"] == 0, "the frames the sockets refused must not count twice"


def test_frames_the_driver_refused_are_lost_by_the_nic(make_link: MakeLink, make_drain: MakeDrain) -> None:
    """A veth has 256 places; what finds them taken is refused and counted at the receiver.

    NAPI in a thread of its own lets the sender outrun it. One sender only: two at once lose counts in the kernel,
    whose veth_xdp_xmit() adds to the same counter from both CPUs.
    """
    link = make_link()
    drain = make_drain(link, "--ring", "1024")
    threaded = ["ip", "netns", "exec", link.namespace, "sh", "-c", "echo 1 > /sys/class/net/v1/threaded"]
    if shutil.which("ip") is None or subprocess.run(threaded, capture_output=True).returncode:
        pytest.skip("no NAPI thread (needs iproute2 and Linux 5.12)")
    sent = link.send(1_000_000, "--cpu", last_cpu())["sent"]
    # What the driver refused is no packet of the interface, so neither counter alone comes to all that was sent.
    assert wait_until(lambda: drain.received() + link.counters()["rx_dropped"] >= sent)
    counters = drain.stop()
    assert counters["received"] + counters["lost"] == sent
    assert counters["nic"] > 0


def test_the_link_takes_strangers_frames_while_it_is_captured(make_link: MakeLink, make_drain: MakeDrain) -> None:
    """A mirror port's frames are addressed to nobody here. A veth filters nothing; NICs that do are in tests/vm."""

    def promiscuity() -> int:
        with link.route() as route:
            return int(next(iter(route.get_links(ifname=link.captured))).get("IFLA_PROMISCUITY"))

    link = make_link()
    drain = make_drain(link)
    assert drain.ready is not None, drain.refused()
    assert promiscuity() == 1
    drain.process.kill()
    assert wait_until(lambda: promiscuity() == 0)


def test_jumbo_frames_come_in_fragments(make_link: MakeLink, make_drain: MakeDrain) -> None:
    link = make_link(mtu=9000)
    drain = make_drain(link, "--ring", "512")
    if drain.ready is None:
        code, text = drain.refused()
        assert code == 2
        assert "largest MTU" in text
        pytest.skip(text.strip())
    lengths = [60, 1514, 3822, 3840, 3841, 4096, 7680, 9014] * 200  # more frames in all than the rings hold
    with link.inside(), socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as sender:
        sender.bind((link.sending, 0))
        for number, length in enumerate(lengths):
            if number % 50 == 0:
                wait_until(lambda least=number: drain.received() >= least)  # never more on the way than the ring holds
            sender.send(b"\x02\0\0\0\0\x02\x02\0\0\0\0\x01\x88\xb5".ljust(length, b"\0"))
    wait_for_frames(link, len(lengths))
    counters = drain.stop()
    assert counters["lost"] == 0
    assert counters["received"] == len(lengths)
    assert counters["queues"][0]["received_bytes"] == sum(lengths)


def test_a_segment_that_was_not_cut_yet_is_whole_in_generic_mode(make_link: MakeLink, make_drain: MakeDrain) -> None:
    """A veth hands its peer what TCP gave it, up to 64 KiB; only a program in the driver has the kernel cut it."""
    link = make_link()
    drain = make_drain(link, "--generic", "--ring", "2048")
    assert drain.ready is not None
    if "multi-buffer refused" in drain.ready["notes"]:
        pytest.skip(drain.ready["notes"])
    ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 40 + 20000, 1, 0, 64, 6, 0, b"\x0a\0\0\x01", b"\x0a\0\0\x02")
    tcp = struct.pack("!HHIIBBHHH", 40000, 443, 1, 1, 0x50, 0x10, 1000, 0, 0)
    frame = b"\x02\0\0\0\0\x02\x02\0\0\0\0\x01\x08\x00" + ip + tcp + bytes(20000)
    # struct virtio_net_hdr: checksum to be filled in, TCPv4 segments of 1448 bytes
    offload = struct.pack("=BBHHHH", 1, 1, 54, 1448, 34, 16)
    with link.inside(), socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as sender:
        sender.setsockopt(SOL_PACKET, PACKET_VNET_HDR, 1)
        sender.bind((link.sending, 0))
        for _ in range(100):
            sender.send(offload + frame)
    wait_for_frames(link, 100)
    counters = drain.stop()
    assert (counters["received"], counters["lost"]) == (100, 0)
    assert counters["queues"][0]["received_bytes"] == 100 * len(frame)


def test_queues_that_were_not_asked_for_pass_on(make_link: MakeLink, make_drain: MakeDrain) -> None:
    link = make_link(queues=4)
    other = (int(last_cpu()) + 1) % 4
    drain = make_drain(link, "--queue", str(other))
    link.send(1000, "--cpu", last_cpu())
    wait_for_frames(link, 1000)
    counters = drain.stop()
    assert [queue["queue"] for queue in counters["queues"]] == [other]
    assert (counters["received"], counters["lost"]) == (0, 0)


@pytest.mark.parametrize(
    ("options", "code", "text"),
    [
        (["--zero"], 2, "zero copy refused on v1 (veth driver: Operation not supported; leave out -z or use -c)"),
        (["--generic", "--zero"], 2, "zero copy needs native XDP (leave out -S or -z)"),
        (["--queue", "7"], 2, "v1 has no RX queue 7 (its queues are 0-0; see -q)"),
    ],
)
def test_what_cannot_be_had_is_one_line(
    make_link: MakeLink, make_drain: MakeDrain, options: list[str], code: int, text: str
) -> None:
    assert make_drain(make_link(), *options).refused() == (code, f"xtop: error: {text}\n")


def test_an_interface_that_is_absent_or_down(make_link: MakeLink, make_drain: MakeDrain) -> None:
    link = make_link()
    absent = Link(link.namespace, link.netns_fd, captured="v9")
    assert make_drain(absent).refused() == (2, "xtop: error: no interface v9 (see: ip link)\n")
    with link.route() as route:
        route.link("set", index=route.link_lookup(ifname="v1")[0], state="down")
    text = "xtop: error: interface v1 is down (nothing arrives; ip link set v1 up)\n"
    assert make_drain(link).refused() == (2, text)


def test_missing_rights_are_named(make_link: MakeLink, make_drain: MakeDrain) -> None:
    link = make_link()
    without = (*link.command("setpriv", "--bounding-set=-all", "--inh-caps=-all"),)
    own = Link(link.namespace, link.netns_fd)
    drain = make_drain(own, "--netns", "-1", prefix=without)
    code, text = drain.refused()
    assert code == 3
    assert text.startswith(
        "xtop: error: cannot attach to v1 (CAP_NET_ADMIN, CAP_NET_RAW, CAP_BPF and CAP_PERFMON are missing; run as root"
        " or: sudo setcap cap_net_raw,cap_net_admin,cap_bpf"
    )
    assert text.count("\n") == 1


def test_a_foreign_program_is_named_and_left_alone(make_link: MakeLink, make_drain: MakeDrain) -> None:
    link = make_link()
    make_drain(link)
    there = link.xdp_program()
    code, text = make_drain(link).refused()
    assert there
    assert code == 2
    assert f"v1 already has an XDP program (id {there}, name xsk_redirect," in text
    assert link.xdp_program() == there


def test_a_removed_interface_ends_the_capture(make_link: MakeLink, make_drain: MakeDrain) -> None:
    link = make_link(queues=2)
    drain = make_drain(link)
    link.send(1000, "--cpu", last_cpu())
    with link.route() as route:
        route.link("del", index=route.link_lookup(ifname="v1")[0])
    assert not wait_until(lambda: drain.process.poll() is not None, 2.5)  # its statistics are asked once a second
    counters = drain.stop()
    assert drain.process.returncode == 1
    for queue in counters["queues"]:
        assert queue["failure"].startswith("interface v1 is gone (removed while capturing; ")
    assert counters["received"] + counters["lost"] == 1000


def test_kill_leaves_no_program(make_link: MakeLink, make_drain: MakeDrain) -> None:
    link = make_link()
    drain = make_drain(link)
    assert link.xdp_program()
    drain.process.send_signal(signal.SIGKILL)
    drain.process.wait()
    assert wait_until(lambda: link.xdp_program() == 0)
    again = make_drain(link)  # the queue may be busy for a moment yet
    assert again.ready is not None, again.refused()


def test_a_stop_takes_the_program_off(make_link: MakeLink, make_drain: MakeDrain) -> None:
    link = make_link()
    drain = make_drain(link)
    drain.stop()
    assert link.xdp_program() == 0
