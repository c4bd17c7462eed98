# SPDX-License-Identifier: BSD-2-Clause
"""An ordinary user with file capabilities on xtop-capture, and root by sudo: who may capture, whose the files are."""

from __future__ import annotations

import json
import os
import shutil
import stat
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.integration.conftest import Link, program, wait_until
from tests.integration.test_sandbox import seen
from tests.integration.test_viewers import NOBODY, in_child
from xtop import capture_process
from xtop.capture_viewer import CaptureViewer
from xtop.filter_history import FilterHistory
from xtop.machine_files import MachineFiles
from xtop.model import CaptureState
from xtop.running_captures import RunningCapture, running_captures
from xtop.settings import CaptureSettings, LinkSettings
from xtop.shm_source import ShmSource
from xtop.source import SourceError

MakeLink = Callable[..., Link]
SECONDS = 60
SBIN = os.environ["PATH"] + ":/usr/sbin:/sbin"


@pytest.fixture
def installed(root: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """xtop-capture where everybody can run it and no file capability is on it yet."""
    if shutil.which("setcap", path=SBIN) is None:
        pytest.skip("setcap is missing (run: sudo apt-get install libcap2-bin)")
    directory = Path(tempfile.mkdtemp(prefix="xtop-installed-"))
    if os.statvfs(directory).f_flag & os.ST_NOSUID:
        pytest.skip(f"file capabilities do not count on the file system of {directory} (it is mounted nosuid)")
    directory.chmod(0o755)
    binary = directory / "xtop-capture"
    shutil.copy(program("xtop-capture"), binary)
    binary.chmod(0o755)
    monkeypatch.setattr(capture_process, "find_program", lambda name: str(binary))
    yield binary
    shutil.rmtree(directory)


def captured(link: Link, capture: str) -> str:
    """What an ordinary user's capture of ``link`` saw, or why there is none."""
    try:
        source = ShmSource.start(CaptureSettings(links=(LinkSettings(link.captured, capture=capture),), max_flows=4096))
    except SourceError as refusal:
        return json.dumps({"code": refusal.exit_code, "error": str(refusal)})
    status = Path(f"/proc/{source.capture_id().pid}/status").read_text()
    datagrams_by_root = seen(source, 50)
    source.stop()
    state = source.state()
    source.close()
    return json.dumps(
        {
            "packets": datagrams_by_root.totals.packets,
            "done": state is CaptureState.DONE,
            "rights": [line.split()[1] for line in status.splitlines() if line.startswith(("CapEff", "CapPrm"))],
            "user": int(next(line for line in status.splitlines() if line.startswith("Uid:")).split()[1]),
            "own": os.geteuid(),
        }
    )


def by_nobody(link: Link, capture: str) -> dict[str, object]:
    """The same as user "nobody", while root sends over the link."""
    sender = subprocess.Popen(
        link.command(sys.executable, "-c", SENDER, link.sending), stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        with link.inside():
            answer: dict[str, object] = json.loads(in_child(lambda: captured(link, capture), NOBODY))
        return answer
    finally:
        sender.kill()
        sender.wait()


SENDER = """
import socket, sys, time
sender = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
sender.bind((sys.argv[1], 0))
head = bytes.fromhex("020000000002 020000000001 0800 45000026 00000000 40110000 0a000001 0a000002")
while True:
    for port in range(1, 11):
        sender.send(head + port.to_bytes(2, "big") + bytes.fromhex("0035 0012 0000") + bytes(10))
    time.sleep(0.01)
"""


@pytest.mark.parametrize("capture", ["af_xdp", "ebpf", "af_packet"])
def test_the_line_that_is_named_is_all_that_it_takes(make_link: MakeLink, installed: Path, capture: str) -> None:
    """Without rights exit code 3 and a setcap line; that line run as it stands, capture works."""
    link = make_link()
    refused = by_nobody(link, capture)
    assert refused["code"] == 3, refused
    rights = "cap_net_raw" if capture == "af_packet" else "cap_net_raw,cap_net_admin,cap_bpf,cap_perfmon,cap_ipc_lock"
    line = f"sudo setcap {rights}+ep {installed}"
    assert line in str(refused["error"])
    subprocess.run(line.removeprefix("sudo ").split(), check=True, env={**os.environ, "PATH": SBIN})
    answer = by_nobody(link, capture)
    assert answer.get("packets", 0) >= 50, answer  # type: ignore[operator]
    assert answer["rights"] == ["0000000000000000"] * 2, "given up, once all was open"
    assert (answer["done"], answer["user"], answer["own"]) == (True, NOBODY, NOBODY)


def test_root_looks_into_a_users_capture_only_where_it_is_named(installed: Path) -> None:
    user = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", "--bounding-set=-all"]
    command = [*user, str(installed), "--demo", "--max-flows", "4096", "--listen", "demo"]
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    try:
        capture = RunningCapture("demo", process.pid)
        assert wait_until(lambda: capture in running_captures(MachineFiles()), SECONDS)
        with pytest.raises(SourceError, match=f"is user {NOBODY}'s .to look into it: xtop attach {process.pid}"):
            CaptureViewer.attach(capture, named=False)
        with closing(ShmSource(CaptureViewer.attach(capture), CaptureSettings())) as viewer:
            assert seen(viewer, 100).totals.packets >= 100
    finally:
        process.kill()
        process.wait()


@pytest.fixture
def by_sudo(root: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SUDO_UID", str(NOBODY))
    monkeypatch.setenv("SUDO_GID", str(NOBODY))


def snapshot(path: Path, *options: str) -> None:
    command = [program("xtop"), "snapshot", "--demo", "--duration", "0.1", "--top", "1", "-o", str(path), *options]
    subprocess.run(command, check=True, capture_output=True, timeout=SECONDS)


def owner(path: Path) -> tuple[int, int]:
    status = path.stat()
    return status.st_uid, status.st_gid


@pytest.mark.usefixtures("by_sudo")
def test_files_are_the_calling_users(tmp_path: Path) -> None:
    file = tmp_path / "flows.json"
    snapshot(file)
    assert owner(file) == (NOBODY, NOBODY)
    file.chmod(0o640)
    os.chown(file, 1, 1)  # what it replaces keeps its owner
    snapshot(file, "--overwrite")
    assert (owner(file), stat.S_IMODE(file.stat().st_mode)) == ((1, 1), 0o640)


@pytest.mark.usefixtures("by_sudo")
def test_settings_in_the_calling_users_home_are_theirs_and_in_roots_roots(tmp_path: Path) -> None:
    for user in (NOBODY, 0):
        home = tmp_path / str(user)
        home.mkdir()
        os.chown(home, user, user)
        history = FilterHistory(home / ".local" / "state" / "xtop" / "filters")
        history.keep("port 53")
        history.save()
        made = list(home.rglob("*"))
        assert len(made) == 4
        assert {owner(path) for path in made} == {(user, user)}


@pytest.mark.usefixtures("root")
def test_without_sudo_files_are_roots(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SUDO_UID", raising=False)
    snapshot(tmp_path / "flows.json")
    assert owner(tmp_path / "flows.json") == (0, 0)


# Rules of its own in a mount namespace of its own: the machine's sudoers(5) stay as they are, and are not read.
WITH_RULES = """
hostname localhost # sudo wants to resolve it
mount --bind "$1" /etc/sudoers && mount --bind "$2" /etc/sudoers.d && shift 2
exec setpriv --reuid=nobody --regid=nogroup --clear-groups "$@"
"""


def test_sudo_itself(make_link: MakeLink, tmp_path: Path) -> None:
    """Who may run xtop by sudo, and nothing else, captures by AF_XDP, and owns the file in the end."""
    if shutil.which("sudo") is None:
        pytest.skip("sudo is missing (run as root: apt-get install sudo)")
    link = make_link()
    rules, none = tmp_path / "sudoers", tmp_path / "none"
    rules.write_text(f"Defaults !use_pty, !fqdn\nnobody ALL=(root) NOPASSWD: {program('xtop')} snapshot *\n")
    rules.chmod(0o440)
    none.mkdir()
    sudo = ["unshare", "--mount", "--uts", "sh", "-ec", WITH_RULES, "sh", str(rules), str(none), "sudo", "-n"]

    def run(*command: str) -> tuple[int, str]:
        done = subprocess.run(
            link.command(*sudo, *command), capture_output=True, text=True, timeout=SECONDS, stdin=subprocess.DEVNULL
        )
        return done.returncode, done.stderr

    file = tmp_path / "flows.json"
    snapshot = [program("xtop"), "snapshot", "-i", link.captured, "--duration", "0.2", "-o", str(file)]
    assert run(*snapshot) == (0, "")
    assert json.loads(file.read_text())["source"]["capture"] == "af_xdp"
    assert owner(file) == (NOBODY, NOBODY)
    code, said = run(*snapshot)
    assert (code, said.count("\n")) == (2, 1)
    assert "--overwrite" in said
    assert run("id")[0] == 1, "these rules are in force"
