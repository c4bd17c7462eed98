# SPDX-License-Identifier: BSD-2-Clause
"""Apply and undo against a NIC that behaves as badly as real ones; the records between them on a real disk."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.unit.fake_nic import FakeNic
from xtop.link_state import LinkState
from xtop.machine_files import MachineFiles
from xtop.tune.apply import Tuner
from xtop.tune.lookup import find_record
from xtop.tune.outcome import Outcome
from xtop.tune.record import RecordError, RecordStore, state_directory
from xtop.tune.undo import undo

FILES = MachineFiles()


class Bench:
    """A store, a NIC, and the two verbs."""

    def __init__(self, directory: Path, nic: FakeNic) -> None:
        self.store, self.nic, self.directory = RecordStore(directory, FILES), nic, directory

    def apply(self) -> dict[str, Outcome]:
        with self.store.locked():
            record = find_record(self.store, self.nic.read()).record or self.store.fresh(self.nic.read())
            outcomes = list(Tuner(self.nic.read, self.store, record, FILES).apply())
        return {outcome.key: outcome for outcome in outcomes}

    def undo(self, force: bool = False) -> dict[str, Outcome]:
        record = find_record(self.store, self.nic.read()).record
        assert record is not None
        outcomes = list(undo(self.nic.read, self.store, record, FILES, force))
        return {outcome.key: outcome for outcome in outcomes}

    def kept_files(self) -> list[Path]:
        return list((self.directory / "tune").glob("*.json"))


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[FakeNic], Bench]:
    def make(nic: FakeNic) -> Bench:
        monkeypatch.setattr("xtop.tune.apply.write_values", nic.write)
        monkeypatch.setattr("xtop.tune.undo.write_values", nic.write)
        return Bench(tmp_path, nic)

    return make


def uneven_nic() -> FakeNic:
    nic = FakeNic(rss__table=",".join(["9", "3"] * 64), rings__tx=256)
    nic.custom_table = True
    return nic


@pytest.mark.parametrize(
    "make_nic", [FakeNic, uneven_nic, lambda: FakeNic(channels__combined=1, rss__table="0," * 127 + "0")]
)
def test_undo_restores_every_setting(bench: Callable[[FakeNic], Bench], make_nic: Callable[[], FakeNic]) -> None:
    """What xtop set, and what moved along with it: the table with the queues, the TX ring with the reset."""
    nic = make_nic()
    before = dict(nic.values)
    link = bench(nic)
    outcomes = link.apply()
    assert nic.values["channels.combined"] == 4
    assert nic.values["rss.table"] == ",".join(str(entry % 4) for entry in range(128))
    assert not [outcome for outcome in outcomes.values() if outcome.result != "changed"]
    link.undo()
    assert nic.values == before
    assert link.kept_files() == []


def test_applying_twice_keeps_the_first_before(bench: Callable[[FakeNic], Bench]) -> None:
    nic = FakeNic()
    before = dict(nic.values)
    link = bench(nic)
    link.apply()
    assert link.apply() == {}
    nic.values["rings.rx"] = 1024  # by hand; then tuned again
    assert set(link.apply()) == {"rings.rx"}
    link.undo()
    assert nic.values == before


def test_the_nearest_that_a_driver_can_do_is_asked_for_once(
    bench: Callable[[FakeNic], Bench], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("xtop.tune.plan.COALESCE_USECS", 9)
    nic = FakeNic()
    link = bench(nic)
    outcome = link.apply()["coalesce.rx-usecs"]
    assert (outcome.wanted, outcome.now, outcome.result) == (9, 8, "changed")
    nic.writes.clear()
    assert link.apply() == {}
    assert nic.writes == []


def test_a_refusal_is_a_line_and_not_an_end(bench: Callable[[FakeNic], Bench]) -> None:
    nic = FakeNic()
    before = dict(nic.values)
    nic.refused = {"rings.rx", "rss.key"}
    link = bench(nic)
    outcomes = link.apply()
    for key in nic.refused:
        assert outcomes[key].result == "refused"
        assert outcomes[key].words == "Device or resource busy"
        assert outcomes[key].now == before[key]
    assert outcomes["features.rx-lro"].result == "changed"
    assert not {"rings.rx", "rss.key"} & link.undo().keys()
    assert nic.values == before


def test_what_somebody_else_changed_is_left_unless_forced(bench: Callable[[FakeNic], Bench]) -> None:
    nic = FakeNic()
    before = dict(nic.values)
    link = bench(nic)
    link.apply()
    nic.values["rings.rx"] = 2048
    outcomes = link.undo()
    assert outcomes["rings.rx"].result == "left"
    assert nic.values == {**before, "rings.rx": 2048}
    (path,) = link.kept_files()
    assert list(json.loads(path.read_text())["settings"]) == ["rings.rx"]
    assert link.undo(force=True)["rings.rx"].result == "changed"
    assert nic.values == before
    assert link.kept_files() == []


def test_an_undo_that_is_refused_can_be_tried_again(bench: Callable[[FakeNic], Bench]) -> None:
    nic = FakeNic()
    before = dict(nic.values)
    link = bench(nic)
    link.apply()
    nic.refused = {"features.rx-lro"}
    assert link.undo()["features.rx-lro"].result == "refused"
    nic.refused = set()
    link.undo()
    assert nic.values == before


def test_death_between_keeping_and_setting_loses_nothing(
    bench: Callable[[FakeNic], Bench], monkeypatch: pytest.MonkeyPatch
) -> None:
    nic = FakeNic()
    before = dict(nic.values)
    for fatal in range(12):
        link = bench(nic)
        count = 0

        def write(
            state: LinkState, values: dict[str, object], files: MachineFiles, fatal: int = fatal
        ) -> dict[str, str]:
            nonlocal count
            count += 1
            if count > fatal:
                nic.write(state, dict(list(values.items())[:1]), files)  # part of it, and then the end
                raise KeyboardInterrupt
            return nic.write(state, values, files)

        monkeypatch.setattr("xtop.tune.apply.write_values", write)
        try:
            link.apply()
        except KeyboardInterrupt:
            link.undo()
            # What moves with a setting is not known before it moved: the TX ring of this NIC.
            nic.values["rings.tx"] = before["rings.tx"]
            assert nic.values == before, fatal
        else:
            return
    pytest.fail("apply never came to its end")


def test_the_whole_machines_setting_stays_while_another_link_is_tuned(bench: Callable[[FakeNic], Bench]) -> None:
    jit = "sysctl.net.core.bpf_jit_enable"
    nic = FakeNic()
    link = bench(nic)
    other = link.store.fresh(nic.read())
    other.index, other.name = 99, "eth9"
    link.apply()
    other.settings["rings.rx"] = find_record(link.store, nic.read()).record.settings["rings.rx"]  # type: ignore[union-attr]
    link.store.keep(other)
    assert link.undo()[jit].result == "left"
    assert nic.values[jit] == 1
    (heir,) = link.store.records()
    assert heir.name == "eth9"
    assert heir.settings[jit].before == 0


def test_damaged_and_outdated_records_are_no_records(tmp_path: Path) -> None:
    store = RecordStore(tmp_path, FILES)
    nic = FakeNic()
    with store.locked():
        record = store.fresh(nic.read())
        record.boot = "another start of the machine"
        record.settings["rings.rx"] = __import__("xtop.tune.record", fromlist=["Kept"]).Kept(1, 2, 2)
        store.keep(record)
    for name, text in (("a", ""), ("b", "{"), ("c", "[]"), ("d", '{"schema": "xtop.tune-record/1", "settings": 7}')):
        (tmp_path / "tune" / f"{name}.json").write_text(text)
    assert store.records() == []


def test_a_state_directory_that_cannot_be_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "tune").write_text("a file is in the way")
    store = RecordStore(tmp_path, FILES)
    with (
        pytest.raises(RecordError, match=r"^cannot keep what was before in .* \(.*; set XDG_STATE_HOME"),
        store.locked(),
    ):
        pass


@pytest.mark.parametrize(
    ("environment", "as_root", "expected"),
    [
        ({"HOME": "/home/u"}, True, "/var/lib/xtop"),
        ({"HOME": "/home/u"}, False, "/home/u/.local/state/xtop"),
        ({"HOME": "/home/u", "XDG_STATE_HOME": "/s"}, True, "/s/xtop"),
        ({"HOME": "/home/u", "XDG_STATE_HOME": "relative"}, False, "/home/u/.local/state/xtop"),
    ],
)
def test_where_records_are(environment: dict[str, str], as_root: bool, expected: str) -> None:
    assert str(state_directory(environment, as_root)) == expected
