# SPDX-License-Identifier: BSD-2-Clause
from __future__ import annotations

import errno
import json
import os
import stat
import threading
from pathlib import Path

import pytest

from tests.unit.sample_snapshot import SNAPSHOT
from xtop.export import ExportError, check_output, format_of, open_output, write_snapshot


def test_a_file_appears_whole_and_alone(tmp_path: Path) -> None:
    target = tmp_path / "out.json"
    with open_output(target, overwrite=False) as stream:
        stream.write(b"half")
        stream.flush()
        assert not target.exists()
    assert target.read_text(encoding="utf-8") == "half"
    assert os.listdir(tmp_path) == ["out.json"]


def test_each_format_writes(tmp_path: Path) -> None:
    for name, start in (("json", '{"schema":'), ("ndjson", '{"schema":'), ("csv", "flow_id,"), ("text", "source")):
        write_snapshot(SNAPSHOT, tmp_path / name, name, overwrite=False)
        assert (tmp_path / name).read_text(encoding="utf-8").startswith(start)


def test_what_fails_midway_leaves_nothing(tmp_path: Path) -> None:
    def write_half() -> None:
        with open_output(tmp_path / "out", overwrite=False) as stream:
            stream.write(b"half")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        write_half()
    assert os.listdir(tmp_path) == []


def test_an_existing_file_is_never_touched(tmp_path: Path) -> None:
    target = tmp_path / "out"
    target.write_text("mine", encoding="utf-8")
    with pytest.raises(ExportError, match=r"it exists; give another name, or --overwrite") as refusal:
        write_snapshot(SNAPSHOT, target, "json", overwrite=False)
    assert refusal.value.exit_code == 2
    assert target.read_text(encoding="utf-8") == "mine"
    assert os.listdir(tmp_path) == ["out"]


@pytest.mark.parametrize("hard_links", [True, False])
def test_nor_one_that_comes_meanwhile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, hard_links: bool) -> None:
    if not hard_links:

        def refuse(*_: object) -> None:
            raise OSError(errno.EPERM, "no hard links here")

        monkeypatch.setattr(os, "link", refuse)
    target = tmp_path / "out"

    def write_late() -> None:
        with open_output(target, overwrite=False) as stream:
            stream.write(b"ours")
            target.write_text("theirs", encoding="utf-8")

    with pytest.raises(ExportError, match="it exists"):
        write_late()
    assert target.read_text(encoding="utf-8") == "theirs"
    assert os.listdir(tmp_path) == ["out"]
    with open_output(tmp_path / "other", overwrite=False) as stream:
        stream.write(b"ours")
    assert (tmp_path / "other").read_text(encoding="utf-8") == "ours"


def test_of_many_writers_one_wins(tmp_path: Path) -> None:
    target, won = tmp_path / "out", []

    def write(number: int) -> None:
        try:
            with open_output(target, overwrite=False) as stream:
                stream.write(b"%d" % number * 1000)
        except ExportError:
            return
        won.append(number)

    threads = [threading.Thread(target=write, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(won) == 1
    assert target.read_text(encoding="utf-8") == str(won[0]) * 1000
    assert os.listdir(tmp_path) == ["out"]


def test_overwrite_replaces_and_keeps_the_mode(tmp_path: Path) -> None:
    target = tmp_path / "out"
    target.write_text("old", encoding="utf-8")
    target.chmod(0o640)
    link = tmp_path / "link"
    link.symlink_to(target)
    with open_output(link, overwrite=True) as stream:
        stream.write(b"new")
    assert target.read_text(encoding="utf-8") == "new"
    assert stat.S_IMODE(target.stat().st_mode) == 0o640
    assert link.is_symlink()


def test_a_device_is_written_to_and_stays_one() -> None:
    write_snapshot(SNAPSHOT, Path("/dev/null"), "json", overwrite=False)
    write_snapshot(SNAPSHOT, Path("/dev/null"), "json", overwrite=True)
    assert stat.S_ISCHR(os.stat("/dev/null").st_mode)


def test_a_full_disk_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(
        ExportError, match=r"^cannot write /dev/full \(No space left on device; free some space\)$"
    ) as full:
        write_snapshot(SNAPSHOT, Path("/dev/full"), "json", overwrite=False)
    assert full.value.exit_code == 1

    def no_space(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", no_space)
    with pytest.raises(ExportError, match="No space left"):
        write_snapshot(SNAPSHOT, tmp_path / "out", "json", overwrite=False)
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(("path", "why"), [("", "it is a directory"), ("none/out", "its directory does not exist")])
def test_impossible_places_are_told_beforehand(tmp_path: Path, path: str, why: str) -> None:
    with pytest.raises(ExportError, match=why) as refusal:
        check_output(tmp_path / path, overwrite=True)
    assert refusal.value.exit_code == 2


def test_a_place_that_the_system_refuses_is_told_beforehand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    loop = tmp_path / "loop"
    loop.symlink_to(loop)
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    too_long = tmp_path / ("x" * 256)
    for path, why in ((too_long, errno.ENAMETOOLONG), (loop, errno.ELOOP), (Path("out"), errno.ENOENT)):
        told = rf"^cannot write .*{path.name} \({os.strerror(why)}; .*\)$"
        for overwrite in (False, True):
            with pytest.raises(ExportError, match=told) as refusal:
                check_output(path, overwrite)
            assert refusal.value.exit_code == 2
            with pytest.raises(ExportError, match=told):
                write_snapshot(SNAPSHOT, path, "json", overwrite)


@pytest.mark.parametrize("path", [None, Path("-"), Path("/dev/stdout")])
def test_standard_output(path: Path | None, capsys: pytest.CaptureFixture[str]) -> None:
    check_output(path, overwrite=False)
    write_snapshot(SNAPSHOT, path, "json", overwrite=False)
    assert json.loads(capsys.readouterr().out)["schema"] == "xtop.snapshot/1"


@pytest.mark.parametrize(
    ("name", "format"),
    [
        ("a.json", "json"),
        ("a.CSV", "csv"),
        ("a.ndjson", "ndjson"),
        ("a.jsonl", "ndjson"),
        ("a.txt", "text"),
        ("a", "json"),
    ],
)
def test_the_suffix_names_the_format(name: str, format: str) -> None:
    assert format_of(Path(name)) == format
