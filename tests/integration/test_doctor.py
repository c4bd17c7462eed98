# SPDX-License-Identifier: BSD-2-Clause
"""``xtop doctor`` on real links says what ethtool, ip and bpftool say; it changes nothing and needs no rights."""

from __future__ import annotations

import json
import os
import pty
import re
import select
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from .conftest import Drain, Link, program

ROOT = Path(__file__).resolve().parents[2]
START = "import sys; from xtop.cli import main; sys.exit(main())"
UNPRIVILEGED = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--bounding-set=-all", "--inh-caps=-all")


def doctor(link: Link, *options: str, prefix: tuple[str, ...] = ()) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        link.command(*prefix, sys.executable, "-c", START, "doctor", *options),
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"},
        cwd="/",
    )


def examined(link: Link, interface: str = "v1", **arguments: Any) -> dict[str, dict[str, str]]:
    """The findings of one interface and of the machine, by name."""
    done = doctor(link, "-i", interface, "--format", "json", **arguments)
    assert done.returncode == 0, done.stderr
    content = json.loads(done.stdout)
    assert content["schema"] == "xtop.doctor/1"
    (one,) = content["interfaces"]
    assert one["name"] == interface
    findings = content["machine"] + one["findings"]
    assert sum(content["summary"].values()) == len(findings)
    assert all(finding["why"] for finding in findings)
    return {finding["name"]: finding for finding in findings}


@pytest.fixture
def link(make_link: Callable[..., Link]) -> Link:
    return make_link(queues=4)


def test_a_veth(link: Link) -> None:
    found = examined(link)
    assert found["driver"]["found"] == "veth, a virtual link (veth), up"
    assert found["queues"]["found"].startswith("4 RX of 4, ")
    # What a socket on this link shows, too: test_af_xdp.py.
    assert (found["XDP modes"]["verdict"], found["XDP modes"]["found"]) == ("ok", "native and generic")
    assert (found["zero copy"]["verdict"], found["zero copy"]["found"]) == ("could be better", "veth has none")
    assert found["RX ring"]["verdict"] == "unknown"
    assert "Operation not supported" in found["RX ring"]["found"]
    assert found["VLAN stripping"]["command"] == "sudo xtop tune -i v1 --apply"
    assert found["XDP program"]["found"] == "none"
    assert found["kernel"]["found"] == f"Linux {os.uname().release}"
    # The same in /proc: test_sandbox.py.
    assert found["sandbox"]["found"].startswith("capabilities dropped, no_new_privs, seccomp")
    assert found["CPUs"]["found"] == f"{os.cpu_count()} online"
    assert re.search(r"^\d+\.\d\d% since the start", found["stolen time"]["found"])


def test_tuning_is_what_it_advises(link: Link, tmp_path: Path) -> None:
    environment = {**os.environ, "XDG_STATE_HOME": str(tmp_path)}
    command = link.command(sys.executable, "-c", START, "tune", "-i", "v1", "--apply")
    subprocess.run(command, check=True, capture_output=True, env=environment)
    found = examined(link)
    assert [name for name, one in found.items() if "tune" in (one["command"] or "")] == []


@pytest.mark.parametrize("kind", ["lo", "tun", "bridge"])
def test_a_driver_that_refuses_everything(link: Link, tmp_path: Path, kind: str) -> None:
    """Each thing that it does not tell is a line with its words; none is a problem, and tune changes nothing."""
    add = {"tun": ("tuntap", "add", "x0", "mode", "tun")}.get(kind, ("link", "add", "x0", "type", kind))
    name = "lo" if kind == "lo" else "x0"
    if kind != "lo":
        subprocess.run(link.command("ip", *add), check=True)
    subprocess.run(link.command("ip", "link", "set", name, "up"), check=True)
    content = json.loads(doctor(link, "-i", name, "--format", "json").stdout)
    found = {finding["name"]: finding for finding in content["interfaces"][0]["findings"]}
    assert {finding["verdict"] for finding in found.values()} <= {"ok", "could be better", "unknown"}, found
    assert {found[thing]["verdict"] for thing in ("RX ring", "coalescing", "RSS symmetry")} == {"unknown"}
    assert "N/A" not in str(found)
    assert not any(finding["found"].startswith((" ", ";")) for finding in found.values())
    for action in ("--apply", "--undo"):
        environment = {**os.environ, "XDG_STATE_HOME": str(tmp_path)}
        command = link.command(program("xtop"), "tune", "-i", name, action, "--format", "json")
        done = subprocess.run(command, capture_output=True, text=True, env=environment)
        assert done.returncode == 0, done.stderr
        assert {one["result"] for one in json.loads(done.stdout)["outcomes"]} <= {"refused"}
    assert list(tmp_path.rglob("*.json")) == []


def test_jumbo_frames(make_link: Callable[..., Link]) -> None:
    found = examined(make_link(mtu=9000))
    assert found["MTU"]["found"] == "9000; a frame takes 3 chunks (multi-buffer)"


def test_the_capture_that_auto_takes_and_why(link: Link) -> None:
    assert examined(link)["capture"]["found"].startswith("af_xdp, else ")
    subprocess.run(link.command("ip", "address", "add", "192.0.2.1/24", "dev", "v1"), check=True)
    found = examined(link)["capture"]["found"]
    assert not found.startswith("af_xdp")
    assert found.endswith(": the host has the address 192.0.2.1 on it")


def test_a_link_that_is_down(link: Link) -> None:
    subprocess.run(link.command("ip", "link", "set", "v1", "down"), check=True)
    found = examined(link)
    assert (found["driver"]["verdict"], found["driver"]["command"]) == ("problem", "sudo ip link set v1 up")


def bpftool() -> str:
    """The first that works: Ubuntu's in PATH wants the one that belongs to the running kernel."""
    tools = [shutil.which("bpftool"), *map(str, Path("/usr/lib").glob("linux-tools/*/bpftool"))]
    return next(
        tool for tool in tools if tool and subprocess.run([tool, "version"], capture_output=True).returncode == 0
    )


def test_a_program_is_named_as_bpftool_names_it(link: Link, make_drain: Callable[..., Drain]) -> None:
    drain = make_drain(link, "-N")
    assert drain.ready is not None
    number = link.xdp_program()
    listed = subprocess.run(
        [bpftool(), "-j", "prog", "show", "id", str(number)], capture_output=True, text=True, check=True
    )
    name = json.loads(listed.stdout)["name"]
    found = examined(link)["XDP program"]
    assert found["found"] == f"XDP native: {name} (id {number})"
    assert found["verdict"] == "ok"  # xtop's own
    drain.stop()
    assert examined(link)["XDP program"]["found"] == "none"


FILTER = """
__attribute__((section("tc"), used)) int foreign_filter(void *skb) { return -1; }
__attribute__((section("license"), used)) char terms[] = "GPL";
"""


def test_a_filter_of_tc_is_named_as_tc_names_it(link: Link, tmp_path: Path) -> None:
    compiled = tmp_path / "filter.o"
    compiler = ["clang", "-O2", "-g", "-target", "bpf", "-x", "c", "-c", "-", "-o", str(compiled)]
    subprocess.run(compiler, input=FILTER, text=True, check=True)
    for words in (
        ("qdisc", "add", "dev", "v1", "clsact"),
        ("filter", "add", "dev", "v1", "egress", "prio", "7", "bpf", "da", "obj", str(compiled), "sec", "tc"),
    ):
        subprocess.run(link.command("tc", *words), check=True)
    command = link.command("tc", "filter", "show", "dev", "v1", "egress")
    shown = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    number = re.search(r" id (\d+)", shown)
    assert number is not None, shown
    assert examined(link)["tc programs"]["found"] == f"clsact egress: foreign_filter (id {number[1]})"


def test_nothing_is_changed(link: Link) -> None:
    def state() -> list[str]:
        options = ("-l", "-k", "-c", "-g", "-x")
        seen = [
            subprocess.run(link.command("ethtool", o, "v1"), capture_output=True, text=True).stdout for o in options
        ]
        seen.append(subprocess.run(link.command("ip", "-d", "link"), capture_output=True, text=True).stdout)
        return seen

    before = state()
    assert doctor(link).returncode == 0
    assert doctor(link, "-i", "v1").returncode == 0
    assert state() == before


def test_without_rights_it_works_and_says_what_it_could_not_see(link: Link) -> None:
    if subprocess.run([*UNPRIVILEGED, "test", "-r", str(ROOT / "xtop" / "cli.py")]).returncode:
        pytest.skip(f"user nobody may not read {ROOT} (clone it where others may, not below /root)")
    found = examined(link, prefix=UNPRIVILEGED)
    assert found["rights"]["verdict"] == "problem"
    line = r"sudo setcap cap_net_raw,cap_net_admin,cap_bpf,cap_perfmon,cap_ipc_lock\+ep /\S*/xtop-capture"
    assert re.fullmatch(line, found["rights"]["command"])
    assert found["tc programs"]["verdict"] == "unknown"
    assert "root sees them" in found["tc programs"]["found"]
    assert found["queues"]["found"].startswith("4 RX of 4, ")


def test_without_an_interface_every_link_in_short(link: Link) -> None:
    text = doctor(link).stdout
    lines = text.splitlines()
    assert {"machine", "v0", "v1"} <= set(lines)
    assert "lo" not in lines
    assert "xtop doctor -i v1" in text
    assert re.fullmatch(r"\d+ ok, \d+ could be better, \d+ problem, \d+ unknown", lines[-1])
    assert "\x1b" not in text


def test_a_closed_pipe_ends_quietly(link: Link) -> None:
    command = link.command(sys.executable, "-c", START, "doctor", "-i", "v1")
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait(30) == 0


def on_a_terminal(command: list[str], **environment: str) -> str:
    """What a command writes on a terminal."""
    ours, theirs = pty.openpty()
    base = {key: value for key, value in os.environ.items() if key not in {"NO_COLOR", "COLORTERM"}}
    process = subprocess.Popen(command, stdout=theirs, stdin=theirs, env={**base, "TERM": "xterm", **environment})
    os.close(theirs)
    output = b""
    while select.select([ours], [], [], 30)[0]:
        try:
            output += os.read(ours, 65536)
        except OSError:  # the other end is closed
            break
    os.close(ours)
    assert process.wait(30) == 0
    return output.decode()


def test_colour_on_a_terminal_and_none_with_no_color(link: Link) -> None:
    command = link.command(sys.executable, "-c", START, "doctor", "-i", "v1")
    colour = re.compile(r"\x1b\[[0-9;]*3[0-7]m")
    assert colour.search(on_a_terminal(command))
    plain = on_a_terminal(command, NO_COLOR="1")
    assert not colour.search(plain)
    assert "✓ ok" in plain
