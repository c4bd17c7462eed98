# SPDX-License-Identifier: BSD-2-Clause
"""Processes behind flows, of the real kernel: the sockets are this test's own."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from tests.unit.sample_snapshot import FLOW
from xtop.local_processes import LocalProcesses, Process, container_of
from xtop.model import Flow

MY_NAME = Path("/proc/self/comm").read_text().strip()
HEX = "3f2a9c01b7de" + "0" * 52


def flow_of(source: tuple[str, int], destination: tuple[str, int], protocol: int = 6) -> Flow:
    return replace(
        FLOW, key=repr((source, destination, protocol)).encode(), protocol=protocol, source=source[0],
        source_port=source[1], destination=destination[0], destination_port=destination[1],
    )  # fmt: skip


@contextmanager
def connection(family: int, address: str) -> Iterator[tuple[tuple[str, int], tuple[str, int]]]:
    with ExitStack() as stack:
        server = stack.enter_context(socket.socket(family, socket.SOCK_STREAM))
        server.bind((address, 0))
        server.listen()
        client = stack.enter_context(socket.create_connection(server.getsockname()[:2]))
        stack.enter_context(server.accept()[0])
        yield client.getsockname()[:2], client.getpeername()[:2]


def wait_for(processes: LocalProcesses, flow: Flow) -> tuple[Process, ...]:
    deadline = time.monotonic() + 40
    while not (found := processes.of(flow)):
        assert time.monotonic() < deadline, "no process was found"
        time.sleep(0.01)
    return found


@pytest.mark.parametrize(("family", "address"), [(socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")])
def test_a_connection_is_its_process(family: int, address: str) -> None:
    processes = LocalProcesses()
    with connection(family, address) as (client, server):
        found = wait_for(processes, flow_of(client, server))
        assert {process.pid for process in found} == {os.getpid()}
        assert {process.name for process in found} == {MY_NAME}
        assert str(found[0]) == f"{MY_NAME} {os.getpid()}"
    processes.refresh()
    assert processes.of(flow_of(client, server)) == found, "an ended flow keeps what was known"


def test_udp_without_a_peer_is_found_by_its_port() -> None:
    processes = LocalProcesses()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("0.0.0.0", 0))
        port = server.getsockname()[1]
        processes.refresh()
        assert [p.pid for p in processes.of(flow_of(("192.0.2.99", 4000), ("127.0.0.1", port), 17))] == [os.getpid()]
        assert processes.of(flow_of(("192.0.2.99", 4000), ("192.0.2.98", port), 17)) == (), "not this host's address"
        assert processes.of(flow_of(("192.0.2.99", 4000), ("127.0.0.1", port), 6)) == (), "another protocol"


def test_an_ipv4_peer_of_an_ipv6_socket_is_found() -> None:
    processes = LocalProcesses()
    with ExitStack() as stack:
        server = stack.enter_context(socket.socket(socket.AF_INET6, socket.SOCK_STREAM))
        server.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        server.bind(("::", 0))
        server.listen()
        port = server.getsockname()[1]
        client = stack.enter_context(socket.create_connection(("127.0.0.1", port)))
        stack.enter_context(server.accept()[0])
        processes.refresh()
        assert len(processes.of(flow_of(client.getsockname(), ("127.0.0.1", port)))) == 2


def test_what_is_nobodys_is_blank() -> None:
    processes = LocalProcesses()
    processes.refresh()
    assert processes.of(FLOW) == ()
    assert processes.of(replace(FLOW, protocol=1)) == ()


def test_asking_never_waits() -> None:
    processes = LocalProcesses()
    begin = time.monotonic()
    for number in range(2000):
        processes.of(replace(FLOW, key=str(number).encode()))
    assert time.monotonic() - begin < 5


@pytest.mark.skipif(os.geteuid() != 0, reason="becoming nobody needs root: what one sees without rights was not tried")
def test_without_rights_there_is_no_answer_and_no_fault() -> None:
    program = """
import os, sys
sys.path.insert(0, os.getcwd())
import pyroute2  # nobody may not read where it lies, perhaps
from tests.unit.test_local_processes import LocalProcesses, flow_of
processes = LocalProcesses()
os.setgid(65534); os.setuid(65534)
processes.refresh()
client, server = eval(sys.argv[1])
print(processes.of(flow_of(client, server)))
"""
    with connection(socket.AF_INET, "127.0.0.1") as ends:
        done = subprocess.run(
            [sys.executable, "-c", program, repr(ends)], capture_output=True, text=True, timeout=60, check=False
        )
    assert done.stderr == ""
    assert done.stdout == "()\n"


@pytest.mark.parametrize(
    ("cgroup", "container"),
    [
        (f"0::/system.slice/docker-{HEX}.scope\n", "docker 3f2a9c01b7de"),
        (f"12:memory:/docker/{HEX}\n0::/\n", "docker 3f2a9c01b7de"),
        (f"0::/machine.slice/libpod-{HEX}.scope/container\n", "podman 3f2a9c01b7de"),
        (f"0::/kubepods.slice/kubepods-pod1.slice/cri-containerd-{HEX}.scope\n", "containerd 3f2a9c01b7de"),
        (f"4:cpu:/kubepods/besteffort/pod7a1b/{HEX}\n", "pod 3f2a9c01b7de"),
        ("0::/lxc.payload.web-1/system.slice/nginx.service\n", "lxc web-1"),
        ("0::/machine.slice/machine-build.scope\n", "nspawn build"),
        ("0::/system.slice/nginx.service\n", ""),
        ("0::/\n", ""),
        ("", ""),
    ],
)
def test_containers_by_their_cgroup(cgroup: str, container: str) -> None:
    assert container_of(cgroup) == container
