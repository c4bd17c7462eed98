# SPDX-License-Identifier: BSD-2-Clause
from __future__ import annotations

import errno
import os
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from xtop import capture_process
from xtop.capture_process import CaptureProcess, find_program, open_capture_file
from xtop.settings import CaptureSettings
from xtop.source import SourceError

DEMO = CaptureSettings(demo=True)


class Fake:
    """Makes the fake capture behave in one way, and reads what it was told."""

    def __init__(self, directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.log = directory / "log"
        self._monkeypatch = monkeypatch
        program = directory / "xtop-capture"
        source = Path(__file__).with_name("fake_capture.py").read_text(encoding="utf-8")
        program.write_text(f"#!{sys.executable}\n" + source.partition("\n")[2], encoding="utf-8")
        program.chmod(0o755)
        monkeypatch.setenv("XTOP_FAKE_LOG", str(self.log))
        monkeypatch.setattr(capture_process, "find_program", lambda name: str(program))
        monkeypatch.setattr(capture_process, "CLOSE_TIMEOUT_S", 0.5)

    def start(self, how: str, settings: CaptureSettings = DEMO, timeout: float = 20) -> CaptureProcess:
        self._monkeypatch.setenv("XTOP_FAKE", how)
        return CaptureProcess.start(settings, timeout=timeout)

    def told(self) -> list[str]:
        return self.log.read_text(encoding="utf-8").splitlines()


@pytest.fixture
def fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Fake:
    return Fake(tmp_path, monkeypatch)


@pytest.fixture
def no_descriptor_is_left() -> Iterator[None]:
    before = os.listdir("/proc/self/fd")
    yield
    assert len(os.listdir("/proc/self/fd")) == len(before)


def eventually(condition: Callable[[], bool], patience: float = 10) -> bool:
    deadline = time.monotonic() + patience
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.01)
    return condition()


@pytest.mark.usefixtures("no_descriptor_is_left")
def test_ready_brings_the_segment_and_stop_ends_it(fake: Fake) -> None:
    capture = fake.start("good")
    assert os.pread(capture.memfd, 100, 0) == b"segment"
    capture.poll_messages()
    assert not capture.ended
    assert capture.stop(10)
    assert capture.ended
    assert capture.death is None
    assert capture.stop(10)  # again
    capture.close()
    capture.close()
    assert fake.told()[1:] == ["stop", "owner left"]


@pytest.mark.usefixtures("no_descriptor_is_left")
def test_who_leaves_still_hears_that_the_figures_are_final(fake: Fake) -> None:
    capture = fake.start("good")
    capture.leave()
    capture.leave()  # again
    assert eventually(lambda: capture.stop(10), patience=40)
    assert capture.ended
    assert capture.death is None
    capture.close()
    assert fake.told()[1:] == ["owner left"]


def test_the_end_is_waited_for_without_pidfd_open_too(fake: Fake, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(pid: int) -> int:
        raise OSError(errno.ENOSYS, "Function not implemented")

    monkeypatch.setattr(os, "pidfd_open", refused)
    capture = fake.start("good")
    assert capture.stop(40)
    capture.close()
    assert capture.ended
    assert capture.death is None


def test_cursors_arrive(fake: Fake) -> None:
    capture = fake.start("good")
    capture.send_cursor(3, 1000)
    capture.send_cursor(0, 2**40)
    capture.stop(10)
    capture.close()
    assert fake.told()[1:3] == ["cursor 3 1000", "cursor 0 1099511627776"]


def test_a_full_socket_never_blocks_and_the_newest_cursor_gets_through(fake: Fake) -> None:
    capture = fake.start("stubborn")  # which reads nothing
    for count in range(5000):
        capture.send_cursor(0, count)
    capture.close()


def test_a_source_that_ends_by_itself_is_noticed(fake: Fake) -> None:
    capture = fake.start("short")

    def ended() -> bool:
        capture.poll_messages()
        return capture.ended

    assert eventually(ended)
    capture.close()
    assert capture.death is None


@pytest.mark.usefixtures("no_descriptor_is_left")
def test_a_refusal_keeps_its_words_and_its_exit_code(fake: Fake) -> None:
    with pytest.raises(SourceError, match=r"^CAP_NET_RAW is missing \(setcap\)$") as refusal:
        fake.start("rights")
    assert refusal.value.exit_code == 3


def test_death_before_ready_is_told_with_the_last_words(fake: Fake) -> None:
    with pytest.raises(SourceError, match=r"^capture ended: xtop-capture exited with code 7 \(last words\)$") as death:
        fake.start("crash")
    assert death.value.exit_code == 1


def test_death_while_running_is_told(fake: Fake) -> None:
    capture = fake.start("killed")

    def dead() -> bool:
        capture.poll_messages()
        return capture.death is not None

    assert eventually(dead)
    assert capture.death == "capture ended: xtop-capture was killed by signal 9"
    assert not capture.ended
    assert capture.stop(0.1)  # nothing to wait for
    capture.close()


@pytest.mark.usefixtures("no_descriptor_is_left")
def test_one_that_never_gets_ready_is_given_up(fake: Fake) -> None:
    with pytest.raises(SourceError, match="did not get ready within"):
        fake.start("mute", timeout=0.5)


def test_close_kills_one_that_does_not_listen(fake: Fake) -> None:
    capture = fake.start("stubborn")
    assert not capture.stop(0.2)
    begun = time.monotonic()
    capture.close()
    assert time.monotonic() - begun < 3
    assert capture._process.returncode == -9


def test_a_file_is_opened_here_and_passed_on(fake: Fake, tmp_path: Path) -> None:
    file = tmp_path / "some.pcap"
    file.write_text("its content", encoding="utf-8")
    fake.start("good", CaptureSettings(file=str(file))).close()
    assert f"--file-name {file}" in fake.told()[0]
    assert fake.told()[1] == "read its content"


@pytest.mark.parametrize(("name", "why"), [("missing.pcap", "No such file or directory"), (".", "is a directory")])
def test_a_file_that_cannot_be_read_is_usage(name: str, why: str, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=why) as refusal:
        open_capture_file(str(tmp_path / name))
    assert refusal.value.exit_code == 2


def test_programs_are_looked_for_beside_python_then_in_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    beside, path = tmp_path / "beside", tmp_path / "path"
    for directory in (beside, path):
        directory.mkdir()
        shutil.copy("/bin/true", directory / "xtop-thing")
    monkeypatch.setattr(sys, "executable", str(beside / "python"))
    monkeypatch.setenv("PATH", str(path))
    assert find_program("xtop-thing") == str(beside / "xtop-thing")
    (beside / "xtop-thing").unlink()
    assert find_program("xtop-thing") == str(path / "xtop-thing")
    (path / "xtop-thing").unlink()
    with pytest.raises(SourceError, match="cannot find xtop-thing") as missing:
        find_program("xtop-thing")
    assert missing.value.exit_code == 2
