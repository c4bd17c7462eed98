# SPDX-License-Identifier: BSD-2-Clause
"""source_ebpf against the kernel: every packet goes on, every packet is counted, and nothing stays behind."""

from __future__ import annotations

import contextlib
import ctypes
import ctypes.util
import errno
import itertools
import json
import os
import re
import shutil
import signal
import struct
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from pyroute2 import IPRoute, netns

from .conftest import Link, create_namespace, program, wait_until
from .test_af_packet import ETHERNET, refusal, send_frames, tun, udp
from .test_snapshot import PATIENCE_S, Series, arrived, assert_law, series

pytestmark = pytest.mark.alone

MakeLink = Callable[..., Link]
EBPF = ("--capture", "ebpf")
_number = itertools.count()

# An interactive session: short questions and long answers over one connection, then the end of it.
SERVER = """
import socket
listener = socket.create_server(("10.9.0.1", 2222))
print("ready", flush=True)
connection, _ = listener.accept()
while question := connection.recv(16):
    while len(question) < 16:
        question += connection.recv(16 - len(question))
    connection.sendall(b"x" * int(question))
"""
CLIENT = """
import socket, sys
connection = socket.create_connection(("10.9.0.1", 2222))
for size in map(int, sys.argv[1:]):
    connection.sendall(str(size).zfill(16).encode())
    while size:
        size -= len(connection.recv(1 << 20)) or sys.exit("reset")
"""
ANSWERS = [100, 1, 1000, 3_000_000, 20, 7, 100_000] * 3


def statistics(route: IPRoute, interface: str) -> dict[str, int]:
    found: dict[str, int] = next(iter(route.get_links(ifname=interface))).get("IFLA_STATS64")
    return found


@contextlib.contextmanager
def far_end(link: Link) -> Iterator[str]:
    """Move ``link.sending`` into a namespace of its own, 10.9.0.2 there and 10.9.0.1 here; give its name."""
    name = f"xtop-far-{os.getpid()}-{next(_number)}"
    create_namespace(name)
    try:
        with link.route() as route, IPRoute(netns=f"/run/netns/{name}") as far:
            route.link("set", index=route.link_lookup(ifname=link.sending)[0], net_ns_fd=name)
            index = far.link_lookup(ifname=link.sending)[0]
            far.link("set", index=index, state="up")
            far.addr("add", index=index, address="10.9.0.2", prefixlen=24)
            route.addr("add", index=route.link_lookup(ifname=link.captured)[0], address="10.9.0.1", prefixlen=24)
        yield name
    finally:
        netns.remove(name)


def tshark_totals(capture: Path) -> dict[tuple[str, str], list[int]]:
    """Packets, IP bytes and TCP payload by (source, destination), as tshark reads the file."""
    fields = ("ip.src", "ip.dst", "ip.len", "tcp.len")
    command = ["tshark", "-r", str(capture), "-Y", "tcp.port == 2222", "-T", "fields"]
    command += [part for field in fields for part in ("-e", field)]
    totals: dict[tuple[str, str], list[int]] = {}
    for line in subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines():
        source, destination, length, payload = line.split("\t")
        total = totals.setdefault((source, destination), [0, 0, 0])
        for index, value in enumerate((1, int(length), int(payload))):
            total[index] += value
    return totals


def test_a_session_over_the_watched_link_goes_on_and_is_counted(make_link: MakeLink, tmp_path: Path) -> None:
    """Packets and bytes are the interface's own; each direction of the connection is what tshark saw at the far end."""
    link = make_link()
    file = tmp_path / "far.pcap"
    with far_end(link) as far, link.route() as route:
        before = statistics(route, "v1")
        away = ["ip", "netns", "exec", far]
        with series(link, *EBPF) as running:
            tcpdump = ["tcpdump", "--immediate-mode", "-i", "v0", "-B", "65536", "-s", "128", "-U", "-Z", "root", "-w"]
            taker = subprocess.Popen([*away, *tcpdump, str(file), "tcp"], stderr=subprocess.PIPE)
            assert taker.stderr is not None
            assert any(b"listening" in line for line in taker.stderr)
            server = subprocess.Popen(link.command(sys.executable, "-c", SERVER), stdout=subprocess.PIPE)
            assert server.stdout is not None
            server.stdout.readline()
            client = [*away, sys.executable, "-c", CLIENT, *map(str, ANSWERS)]
            subprocess.run(client, check=True, timeout=PATIENCE_S)
            assert server.wait(PATIENCE_S) == 0
            ping = [*away, "ping", "-q", "-c", "20", "-i", "0.02", "10.9.0.1"]
            assert " 0% packet loss" in subprocess.run(ping, check=True, capture_output=True, text=True).stdout

            def since(snapshot: dict[str, Any]) -> bool:
                after = statistics(route, "v1")
                packets, size = (
                    sum(after[w + u] - before[w + u] for w in ("rx_", "tx_")) for u in ("packets", "bytes")
                )
                return (arrived(snapshot), snapshot["totals"]["bytes"]) == (packets, size)

            snapshot = running.until(since)
        taker.send_signal(signal.SIGINT)
        assert b"\n0 packets dropped by kernel" in taker.communicate(timeout=PATIENCE_S)[1]
    assert snapshot["source"]["capture"] == "ebpf"
    assert snapshot["lost"]["total"] == 0
    assert_law(snapshot)
    (session,) = [flow for flow in snapshot["flows"] if flow["protocol_name"] == "TCP"]
    assert (session["source"], session["destination"], session["destination_port"]) == ("10.9.0.2", "10.9.0.1", 2222)
    seen = tshark_totals(file)
    for direction, ends in (("forward", ("10.9.0.2", "10.9.0.1")), ("reverse", ("10.9.0.1", "10.9.0.2"))):
        got = session[direction]
        assert [got["packets"], got["bytes"], got["payload_bytes"]] == seen[ends], direction
        assert got["tcp_flags"] == "APSF"
    assert session["forward"]["payload_bytes"] >= 16 * len(ANSWERS)
    assert session["reverse"]["payload_bytes"] >= sum(ANSWERS)
    assert session["tcp_state"] == "closed"
    assert session["rtt_us"] > 0
    (echo,) = [flow for flow in snapshot["flows"] if flow["protocol_name"] == "ICMP"]
    assert (echo["source"], echo["forward"]["packets"], echo["reverse"]["packets"]) == ("10.9.0.2", 20, 20)


def test_each_frame_at_full_speed_is_received_or_lost(make_link: MakeLink) -> None:
    """In every snapshot on the way, too, the terms make up what was received."""
    link = make_link(gro=True)
    with series(link, *EBPF, "--every", "1") as running:
        sent = sum(link.send(500_000, "--flows", str(flows), "--size", "64")["sent"] for flows in (1000, 20_000))

        def complete(snapshot: dict[str, Any]) -> bool:
            terms = dict(snapshot["accounting"])
            assert terms.pop("received") == sum(terms.values())
            return bool(arrived(snapshot) >= sent)

        running.until(complete)
        snapshot = running.next()
    assert arrived(snapshot) == sent == 1_000_000
    assert_law(snapshot)
    if snapshot["lost"]["total"] == 0 and snapshot["accounting"]["table_full"] == 0:
        assert len(snapshot["flows"]) == 20_000
    assert {flow["bytes"] // flow["packets"] for flow in snapshot["flows"]} == {64 - 14}


def test_what_the_host_has_no_use_for_is_received_and_not_lost(make_link: MakeLink) -> None:
    """The stack counts a frame of an unknown protocol as dropped by the interface, after it was counted here."""
    link = make_link()
    lldp = ETHERNET + b"\x88\xcc" + bytes(46)
    cut = ETHERNET + b"\x08\x00" + b"\x45\x00\x00\x1c"
    tagged_twice = ETHERNET + b"\x88\xa8\0\x05\x81\0\0\x06\x08\x00" + udp("10.0.0.1", "10.0.0.2", 53)
    with series(link, *EBPF) as running, link.route() as route:
        send_frames(link, [lldp] * 30 + [cut] * 4 + [tagged_twice] * 20)
        running.until(lambda snapshot: arrived(snapshot) >= 54)
        assert wait_until(lambda: statistics(route, "v1")["rx_dropped"] >= 50)
        running.next()
        snapshot = running.next()
    assert snapshot["lost"]["total"] == 0
    terms = {name: value for name, value in snapshot["accounting"].items() if value}
    assert terms == {"received": 54, "accounted": 20, "non_ip": 30, "malformed": 4}


def test_a_tag_that_the_kernel_stripped_is_there(make_link: MakeLink) -> None:
    """The kernel takes the outer VLAN tag out of the frame before the program sees it; the inner one stays in."""
    link = make_link()
    packet = udp("10.0.0.1", "10.0.0.2", 53)
    single = ETHERNET + struct.pack("!HHH", 0x8100, 42, 0x0800) + packet
    double = ETHERNET + struct.pack("!HHHHH", 0x88A8, 100, 0x8100, 42, 0x0800) + packet
    with series(link, *EBPF) as running:
        send_frames(link, [single] * 5 + [double] * 3)
        running.until(lambda snapshot: arrived(snapshot) >= 8)
        snapshot = running.next()
    found = {flow["vlan"]: (flow["packets"], flow["bytes"]) for flow in snapshot["flows"]}
    assert found == {42: (5, 5 * 128), 100: (3, 3 * 128)}
    assert snapshot["totals"]["bytes"] == 5 * len(single) + 3 * len(double)


def test_a_link_without_ethernet_headers(make_link: MakeLink) -> None:
    link = make_link()
    if not os.path.exists("/dev/net/tun"):
        pytest.skip("no /dev/net/tun in this environment")
    command = link.command(program("xtop"), "snapshot", "-i", "tun0", *EBPF, "--every", "0.2")
    with tun(link) as tun_fd, Series.of(command) as running:
        before = running.next()
        for _ in range(7):
            os.write(tun_fd, udp("10.0.0.1", "10.0.0.2", 53))
        running.until(lambda snapshot: arrived(snapshot) >= arrived(before) + 7)
        snapshot = running.next()
    (flow,) = [flow for flow in snapshot["flows"] if flow["destination"] == "10.0.0.2"]
    assert (flow["source"], flow["packets"], flow["bytes"]) == ("10.0.0.1", 7, 7 * 128)


def test_loopback_counts_once(make_link: MakeLink) -> None:
    link = make_link()
    with link.route() as route:
        route.link("set", index=route.link_lookup(ifname="lo")[0], state="up")
    with Series.of(link.command(program("xtop"), "snapshot", "-i", "lo", *EBPF, "--every", "0.2")) as running:
        running.next()
        subprocess.run(link.command("ping", "-q", "-c", "4", "-i", "0.1", "127.0.0.1"), check=True, capture_output=True)
        running.until(lambda snapshot: arrived(snapshot) >= 8)
        snapshot = running.next()
    assert arrived(snapshot) == 8
    (flow,) = snapshot["flows"]
    assert (flow["forward"]["packets"], flow["reverse"]["packets"]) == (4, 4)


def test_the_interface_goes_away(make_link: MakeLink) -> None:
    """What was counted up to then is in the last snapshot."""
    link = make_link()
    with series(link, *EBPF) as running:
        send_frames(link, [ETHERNET + b"\x08\x00" + udp("10.0.0.1", "10.0.0.2", 53)] * 9)
        running.until(lambda snapshot: arrived(snapshot) >= 9)
        with link.route() as route:
            route.link("del", index=route.link_lookup(ifname="v1")[0])
        snapshot = running.until(lambda snapshot: bool(snapshot["state"] == "failed"))
        assert snapshot["state_text"].startswith("interface v1 is gone (removed while capturing; ")
        assert snapshot["accounting"]["accounted"] >= 9
        assert running.process.wait(PATIENCE_S) == 1


# ---- What is refused


def test_refusals_are_one_line(make_link: MakeLink) -> None:
    link = make_link()
    assert refusal(link, "-i", "v7", *EBPF)[0] == 2
    code, text = refusal(link, "-i", "v1", *EBPF, "-q", "0")
    assert code == 2
    assert "-q is" in text
    with link.route() as route:
        route.link("set", index=route.link_lookup(ifname="v1")[0], state="down")
    code, text = refusal(link, "-i", "v1", *EBPF)
    assert code == 2
    assert "interface v1 is down" in text


@pytest.mark.parametrize(
    "missing", ["cap_net_admin,cap_sys_admin", "cap_bpf,cap_sys_admin", "cap_perfmon,cap_sys_admin"]
)
def test_a_right_that_is_missing_is_named(make_link: MakeLink, missing: str) -> None:
    link = make_link()
    if shutil.which("capsh") is None:
        pytest.skip("capsh is missing (install libcap2-bin)")
    done = subprocess.run(
        link.command("capsh", f"--drop={missing}", "--", "-c", f"exec {program('xtop-capture')} -i v1 --capture ebpf"),
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
    )
    assert done.returncode == 3, done.stderr
    assert missing.partition(",")[0].upper() in done.stderr
    assert "setcap" in done.stderr
    assert done.stderr.count("\n") == 1


# ---- What is left behind


class Capture:
    """xtop-capture alone, so that it can be killed; ``programs`` are the ids of what it loaded."""

    def __init__(self, link: Link, *options: str) -> None:
        command = [program("xtop-capture"), "-i", link.captured, *EBPF, *options]
        self.process = subprocess.Popen(
            link.command(*command), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        self.programs: set[int] = set()
        assert wait_until(self._running, PATIENCE_S), self.process.communicate()[1]

    def _running(self) -> bool:
        """Its worker is named so: the programs are attached by then."""
        tasks = Path(f"/proc/{self.process.pid}/task")
        with contextlib.suppress(OSError):
            names = {(task / "comm").read_text().strip() for task in tasks.iterdir()}
            fds = [fd.read_text() for fd in Path(f"/proc/{self.process.pid}/fdinfo").iterdir()]
            self.programs = {int(found) for text in fds for found in re.findall(r"^prog_id:\s*(\d+)", text, re.M)}
            return "xtop-worker" in names
        return False

    def stop(self) -> dict[str, Any]:
        self.process.send_signal(signal.SIGINT)
        out, error = self.process.communicate(timeout=PATIENCE_S)
        assert self.process.returncode == 0, error
        totals: dict[str, Any] = json.loads(out)
        return totals

    def kill(self) -> None:
        self.process.kill()
        self.process.communicate()


@pytest.fixture
def make_capture() -> Iterator[Callable[..., Capture]]:
    captures: list[Capture] = []

    def make(link: Link, *options: str) -> Capture:
        captures.append(Capture(link, *options))
        return captures[-1]

    yield make
    for capture in captures:
        capture.kill()


def program_exists(number: int) -> bool:
    """Whether a BPF program of this id is loaded: the kernel gives a descriptor for it."""
    libbpf = ctypes.CDLL(ctypes.util.find_library("bpf"), use_errno=True)
    fd = int(libbpf.bpf_prog_get_fd_by_id(number))
    if fd < 0:
        assert ctypes.get_errno() == errno.ENOENT, os.strerror(ctypes.get_errno())
        return False
    os.close(fd)
    return True


def test_kill_leaves_no_program(make_link: MakeLink, make_capture: Callable[..., Capture]) -> None:
    link = make_link()
    capture = make_capture(link)
    assert len(capture.programs) == 2
    assert all(map(program_exists, capture.programs))
    capture.kill()
    assert wait_until(lambda: not any(map(program_exists, capture.programs)))


def filters(link: Link) -> dict[str, str]:
    """What ``tc`` shows of the clsact qdisc's two sides; empty where there is no such qdisc."""
    shown = {}
    for side in ("ingress", "egress"):
        done = subprocess.run(
            link.command("tc", "filter", "show", "dev", link.captured, side), capture_output=True, text=True, check=True
        )
        shown[side] = done.stdout
    return shown


def has_clsact(link: Link) -> bool:
    shown = subprocess.run(link.command("tc", "qdisc", "show", "dev", link.captured), capture_output=True, text=True)
    return "clsact" in shown.stdout


def test_clsact_counts_the_same_and_goes_again(make_link: MakeLink, make_capture: Callable[..., Capture]) -> None:
    link = make_link()
    capture = make_capture(link, "--clsact")
    assert "flow_count_in" in filters(link)["ingress"]
    assert "flow_count_out" in filters(link)["egress"]
    send_frames(link, [ETHERNET + b"\x08\x00" + udp("10.0.0.1", "10.0.0.2", 53)] * 40)
    assert capture.stop()["received"] == 40
    assert not has_clsact(link)


def janitor(capture: Capture) -> int:
    """Process number of the one beside it that holds the filters."""
    children = Path(f"/proc/{capture.process.pid}/task/{capture.process.pid}/children").read_text().split()
    (pid,) = [pid for pid in children if Path(f"/proc/{pid}/comm").read_text() == "xtop-janitor\n"]
    return int(pid)


FOREIGN = "tc filter add dev v1 ingress prio 7 protocol all u32 match u32 0 0 flowid 1:1"


def test_clsact_filters_go_with_a_killed_capture_and_others_stay(
    make_link: MakeLink, make_capture: Callable[..., Capture]
) -> None:
    """What ends a process group or a service does not end the janitor early; the next start need not wait for it."""
    link = make_link()
    capture = make_capture(link, "--clsact")
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT):
        os.kill(janitor(capture), number)
    assert os.getsid(janitor(capture)) == janitor(capture), "Ctrl-C on a terminal goes to another session"
    subprocess.run(link.command(*FOREIGN.split()), check=True)
    capture.kill()
    capture = make_capture(link, "--clsact")
    assert filters(link)["ingress"].count("flow_count_in:[") == 1
    capture.kill()
    assert wait_until(lambda: "flow_count" not in "".join(filters(link).values()))
    assert "u32" in filters(link)["ingress"], "another's filter stays, and the qdisc that holds it"


def test_clsact_filters_of_the_dead_are_cleared_and_others_are_not(
    make_link: MakeLink, make_capture: Callable[..., Capture]
) -> None:
    """The janitor is killed: capture goes on. Then the capture is: the filters stay until the next start."""
    link = make_link()
    capture = make_capture(link, "--clsact")
    killed = janitor(capture)
    os.kill(killed, signal.SIGKILL)
    assert wait_until(lambda: not Path(f"/proc/{killed}").exists()), "it is nobody's zombie"
    send_frames(link, [ETHERNET + b"\x08\x00" + udp("10.0.0.1", "10.0.0.2", 53)] * 40)
    assert capture.stop()["received"] == 40
    assert "flow_count_in" in filters(link)["ingress"], "there is nobody who could take it off"
    subprocess.run(link.command(*FOREIGN.split()), check=True)
    capture = make_capture(link, "--clsact")
    assert filters(link)["ingress"].count("flow_count_in:[") == 1
    assert filters(link)["egress"].count("flow_count_out:[") == 1
    capture.stop()
    left = filters(link)
    assert "u32" in left["ingress"], "another's filter stays, and the qdisc that holds it"
    assert "flow_count" not in left["ingress"] + left["egress"]


def test_clsact_of_one_that_runs_is_left_alone(make_link: MakeLink, make_capture: Callable[..., Capture]) -> None:
    link = make_link()
    capture = make_capture(link, "--clsact")
    second = subprocess.run(
        link.command(program("xtop-capture"), "-i", "v1", *EBPF, "--clsact"),
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
    )
    assert second.returncode == 2
    assert "another xtop counts there" in second.stderr
    assert "flow_count_in" in filters(link)["ingress"]
    send_frames(link, [ETHERNET + b"\x08\x00" + udp("10.0.0.1", "10.0.0.2", 53)] * 3)
    assert capture.stop()["received"] == 3


def test_two_on_one_link_count_the_same(make_link: MakeLink, make_capture: Callable[..., Capture]) -> None:
    """tcx has room for more than one, and neither keeps packets from the other."""
    link = make_link()
    captures = [make_capture(link), make_capture(link)]
    send_frames(link, [ETHERNET + b"\x08\x00" + udp("10.0.0.1", "10.0.0.2", 53)] * 25)
    assert [capture.stop()["received"] for capture in captures] == [25, 25]
