# SPDX-License-Identifier: BSD-2-Clause
"""A store of moments: what the screen showed comes back, other programs read it, and damage stays where it is."""

from __future__ import annotations

import contextlib
import gzip
import json
import os
import resource
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.screen.scripted_source import SECOND, Script, ScriptedSource
from tests.unit.sample_snapshot import NOON, SNAPSHOT
from xtop.export.tcp_flags import tcp_flags_of, tcp_flags_text
from xtop.model import CaptureState, Snapshot, View
from xtop.playback import Playback
from xtop.source import SourceError
from xtop.store.fields import Damaged
from xtop.store.files import open_store
from xtop.store.moment import Moment, read, written
from xtop.store.playback import StoredPlayback
from xtop.store.source import StoredSource
from xtop.store.timeline import StoredTimeline
from xtop.store.writer import StoreWriter

HOUR = 3600 * SECOND
VIEW = View(top=200, sort="bps")
SAID = Moment(replace(SNAPSHOT, rows_total=9, clock=NOON), {"nic": NOON - 5})


def fill(directory: Path, snapshots: list[Snapshot], **options: Any) -> StoreWriter:
    writer = StoreWriter(directory, **options)
    for snapshot in snapshots:
        writer.append(snapshot)
    writer.close()
    return writer


def at_times(*times: int) -> list[Snapshot]:
    return [replace(SNAPSHOT, taken_at=NOON + time) for time in times]


def timeline_of(path: Path) -> StoredTimeline:
    return StoredTimeline(open_store(path)[0])


def test_a_moment_comes_back_as_it_was() -> None:
    assert read(written(SAID)) == SAID


def test_all_flags_come_back() -> None:
    assert [tcp_flags_of(tcp_flags_text(flags)) for flags in range(512)] == list(range(512))


def test_gzip_and_any_reader_of_ndjson_read_it(tmp_path: Path) -> None:
    fill(tmp_path, at_times(0, SECOND, 2 * SECOND))
    (file,) = tmp_path.iterdir()
    subprocess.run(["gzip", "--test", file], check=True)
    with gzip.open(file) as lines:
        moments = list(map(json.loads, lines))
    assert [moment["schema"] for moment in moments] == ["xtop.snapshot/1"] * 3
    assert [moment["taken_at"][:19] for moment in moments] == [f"2026-01-31T12:00:0{second}" for second in range(3)]
    assert moments[2]["flows"][1]["tunnel"] == {"kind": "vxlan", "id": 42}


def test_the_past_is_what_the_screen_remembered(tmp_path: Path) -> None:
    """Curves, trends, losses of every moment: those of a screen that watched all the while."""
    source = ScriptedSource(Script(flows=40, loss=True, queues=4))
    live = Playback(lambda: 0.0)
    snapshots = [source.snapshot(VIEW) for _ in range(70)]
    fill(tmp_path, snapshots)
    stored = StoredPlayback(lambda: 0.0, timeline_of(tmp_path))
    stored.take(snapshots[-1])
    for snapshot in snapshots:
        live.take(snapshot)
    keys = [flow.key for flow in snapshots[0].flows[:3]]
    for _ in range(69):
        assert stored.shown is not None
        assert live.shown is not None
        assert stored.shown.loss_now == live.shown.loss_now
        assert stored.shown.last_lost == live.shown.last_lost
        assert stored.shown.snapshot.flows == live.shown.snapshot.flows
        assert stored.curves() == live.curves()
        trends = stored.trends()
        assert trends.keys() == live.trends().keys()
        for key, trend in live.trends().items():
            assert trends[key] == pytest.approx(trend, rel=1e-6)  # memory has four bytes for a rate
        now = live.shown.snapshot.taken_at
        for key in keys:
            assert stored.timeline.rates(key, now) == pytest.approx(live.timeline.rates(key, now), rel=1e-6)
        assert stored.behind_s == live.behind_s
        assert (stored.step(-1), live.step(-1)) == (True, True)
    assert not stored.step(-1)


def test_it_begins_where_it_is_told(tmp_path: Path) -> None:
    fill(tmp_path, at_times(0, HOUR, 2 * HOUR))
    for begin, shown in ((-HOUR, 0), (0, 0), (HOUR + 1, HOUR), (9 * HOUR, 2 * HOUR), (None, 2 * HOUR)):
        timeline = timeline_of(tmp_path)
        playback = StoredPlayback(lambda: 0.0, timeline, None if begin is None else NOON + begin)
        playback.take(StoredSource(timeline, "recorded").snapshot(VIEW))
        assert playback.shown is not None
        assert playback.shown.snapshot.taken_at == NOON + shown
        assert playback.jump(-60) is (shown > 0)


def bytes_in(directory: Path) -> int:
    return sum(path.stat().st_size for path in directory.glob("xtop-*"))


def test_a_file_an_hour_and_the_earliest_make_room(tmp_path: Path) -> None:
    foreign = tmp_path / "some" / "notes.ndjson.gz"
    foreign.parent.mkdir()
    foreign.write_bytes(bytes(1 << 20))
    hours = at_times(*range(0, 10 * HOUR, HOUR // 4))
    fill(tmp_path / "all", hours)
    most = bytes_in(tmp_path / "all") * 33 // 40  # moments; an hour has four, which is no more than an eighth
    fill(tmp_path / "some", hours, most_bytes=most)
    names = sorted(path.name for path in foreign.parent.glob("xtop-*"))
    assert names == [f"xtop-20260131T{hour}0000Z.ndjson.gz" for hour in range(14, 22)]
    assert bytes_in(foreign.parent) <= most
    assert foreign.exists()
    assert [entry.header.taken_at for entry in open_store(foreign.parent)[0]] == [one.taken_at for one in hours[8:]]


def test_less_than_an_hour_may_be_too_much(tmp_path: Path) -> None:
    moments = at_times(*range(0, 200 * SECOND, SECOND))
    fill(tmp_path / "all", moments)
    most = bytes_in(tmp_path / "all") // 5
    fill(tmp_path / "some", moments, most_bytes=most)
    assert most * 3 / 4 < bytes_in(tmp_path / "some") <= most
    kept = [entry.header.taken_at for entry in open_store(tmp_path / "some")[0]]
    assert kept == [one.taken_at for one in moments][-len(kept) :]
    assert len(kept) > 200 / 5 / 2


def test_one_directory_one_writer(tmp_path: Path) -> None:
    writer = StoreWriter(tmp_path)
    with pytest.raises(SourceError, match="another xtop records into"):
        StoreWriter(tmp_path)
    writer.close()
    StoreWriter(tmp_path).close()


def test_two_runs_in_one_second_keep_both(tmp_path: Path) -> None:
    fill(tmp_path, at_times(0))
    fill(tmp_path, at_times(1))
    assert len(open_store(tmp_path)[0]) == 2


@contextlib.contextmanager
def full_disk() -> Iterator[None]:
    """The kernel takes no more than 2,000 bytes of a file. Of none: pytest may write to one between two tests."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2000, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_full_disk_tears_nothing(tmp_path: Path) -> None:
    with full_disk():
        writer = fill(tmp_path, at_times(*range(0, 9 * SECOND, SECOND)))
    assert writer.trouble == "File too large"
    assert 0 < writer.moments < 9
    entries, damage = open_store(tmp_path)
    assert (len(entries), damage) == (writer.moments, "")
    assert StoredTimeline(entries).last == NOON + (writer.moments - 1) * SECOND


def test_a_torn_moment_is_left_out(tmp_path: Path) -> None:
    fill(tmp_path, at_times(0, SECOND))
    (file,) = tmp_path.iterdir()
    content = file.read_bytes()
    first = open_store(file)[0][1].offset
    for length in (*range(first + 1, first + 90), *range(first + 90, len(content), 37)):
        file.write_bytes(content[:length])
        entries, damage = open_store(tmp_path)
        assert [entry.header.taken_at for entry in entries] == [NOON]
        assert damage == f"{file.name}: a moment breaks off at byte {first:,} of {length:,}"
    file.write_bytes(content[:30])
    with pytest.raises(SourceError, match="breaks off at byte 0") as refusal:
        open_store(tmp_path)
    assert refusal.value.exit_code == 1


def test_damage_is_said_where_it_lies(tmp_path: Path) -> None:
    """One bit, anywhere: the screen goes on, and a moment that is shown as good is as it was written."""
    fill(tmp_path, at_times(0, SECOND))
    (file,) = tmp_path.iterdir()
    content, good = file.read_bytes(), timeline_of(tmp_path).at(NOON)
    assert good is not None
    refusals: list[str] = []
    for at in range(0, len(content), 13):
        file.write_bytes(content[:at] + bytes((content[at] ^ 1 << at % 8,)) + content[at + 1 :])
        try:
            timeline = timeline_of(tmp_path)
        except SourceError as error:
            refusals.append(str(error))
            continue
        frame = timeline.at(timeline.last)
        assert frame is not None
        if frame.snapshot.state is not CaptureState.FAILED:
            assert replace(frame.snapshot, taken_at=NOON) == good.snapshot
        else:
            assert frame.snapshot.state_text.startswith("this moment cannot be read (xtop-")
        timeline.curves(timeline.last)
    assert not any("\n" in text for text in refusals)


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield path
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, one in inner:
        yield from places(one, (*path, name))


@pytest.mark.parametrize("other", [None, True, -1, 1 << 70, 1.5, float("inf"), "x", [], {}, [None], "\x1b[2J"])
def test_no_moment_made_to_harm_gets_in(other: Any) -> None:
    """Another value in every place: it is refused, or it is of the kind that the place has."""
    said = json.loads(written(SAID))
    for path in places(said):
        changed = json.loads(json.dumps(said))
        place = changed
        for name in path[:-1]:
            place = place[name]
        if path:
            place[path[-1]] = other
        else:
            changed = other
        with contextlib.suppress(Damaged):
            moment = read(json.dumps(changed).encode())
            assert "\x1b" not in repr(moment).replace("\\x1b", "\x1b")
            assert read(written(moment)) == moment, path


def test_what_is_no_store(tmp_path: Path) -> None:
    (tmp_path / "other").write_text("no store")
    for path, why, code in (
        (tmp_path / "nowhere", "No such file", 2),
        (tmp_path, "no xtop-", 2),
        (tmp_path / "other", "here is no moment|breaks off", 1),
    ):
        with pytest.raises(SourceError, match=why) as refusal:
            open_store(path)
        assert refusal.value.exit_code == code
    with pytest.raises(SourceError, match="No such file"):
        StoreWriter(tmp_path / "nowhere" / "deeper")
    with pytest.raises(SourceError, match="cannot write to /proc"):
        StoreWriter(Path("/proc/xtop"))
    assert os.listdir(tmp_path) == ["other"]
