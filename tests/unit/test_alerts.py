# SPDX-License-Identifier: BSD-2-Clause
"""Few and quiet: what is worth saying is said once, when it has lasted, and not again for a while."""

from __future__ import annotations

from dataclasses import replace

from tests.unit.sample_snapshot import SNAPSHOT
from xtop.activity import BITS, ActiveHost, activity_of, distinct
from xtop.alerts import AlertLimits, AlertWatch
from xtop.history import LossNow
from xtop.model import Activity, CaptureState, Contacts, HostRate, Snapshot

SECOND = 1_000_000_000
QUIET = LossNow({"rx_ring_full": 0.0, "nic": 0.0})
LOSING = LossNow({"rx_ring_full": 1200.0, "nic": 3.0})


def at(second: float, bps: float = 1e9, activity: Activity | None = None) -> Snapshot:
    return replace(
        SNAPSHOT,
        taken_at=int(second * SECOND),
        totals=replace(SNAPSHOT.totals, packets=1, bps=bps),
        state=CaptureState.RUNNING,
        activity=activity,
    )


def said(watch: AlertWatch, snapshot: Snapshot, loss: LossNow = QUIET) -> list[str]:
    return [alert.kind for alert in watch.take(snapshot, loss)]


def test_loss_is_told_when_it_begins_and_again_after_a_quiet_minute() -> None:
    watch = AlertWatch()
    assert said(watch, at(0)) == []
    first = watch.take(at(1), LOSING)
    assert [alert.text for alert in first] == ["loss began: 1.20 k packets/s, most of them: ring full"]
    assert first[0].at == SECOND
    for second in range(2, 30):
        assert said(watch, at(second), LOSING if second % 5 == 0 else QUIET) == [], "it flickers"
    assert said(watch, at(80), LOSING) == [], "55 s"
    assert said(watch, at(141), LOSING) == ["loss"]
    assert len(watch.log) == 2


def test_a_limit_must_stay_passed_and_is_told_once_until_it_comes_back() -> None:
    watch = AlertWatch(AlertLimits(above=1e9))
    rates = [0.9, 1.2, 0.95, 1.2, 1.2, 1.2, 1.2, 1.2, 0.95, 1.2, 1.2, 1.2, 1.2, 0.8, 1.2, 1.2, 1.2, 1.2]
    told = [second for second, rate in enumerate(rates) if said(watch, at(second, rate * 1e9)) == ["above"]]
    assert told == [6, 17], "3 s above; 0.95 is not back, 0.8 is"
    assert watch.log[0].text == "throughput 1.20 Gbit/s is above 1.00 Gbit/s"


def test_too_little_is_told_after_ten_seconds_and_not_before_there_was_anything() -> None:
    watch = AlertWatch(AlertLimits(below=1e6))
    silent = replace(at(0, 0.0), totals=replace(SNAPSHOT.totals, packets=0, bps=0.0))
    assert watch.take(silent, QUIET) == ()
    told = [second for second in range(1, 30) if said(watch, at(second, 0.0)) == ["below"]]
    assert told == [11]


def test_no_limit_no_word() -> None:
    watch = AlertWatch(AlertLimits(top_talker=0, hosts=0, ports=0))
    activity = Activity(HostRate("192.0.2.1", 1e9), (Contacts("192.0.2.1", 9999, 9999, 9999),))
    assert [said(watch, at(second, 1e12, activity)) for second in range(20)] == [[]] * 20


def talk(watch: AlertWatch, second: int, host: str, share: float = 0.5) -> list[str]:
    return said(watch, at(second, 1e9, Activity(HostRate(host, share * 1e9))))


def test_a_new_top_talker_is_told_when_it_stays() -> None:
    watch = AlertWatch()
    assert [talk(watch, second, "192.0.2.1") for second in (0, 5, 10)] == [[], [], []], "who is first at the start"
    assert talk(watch, 15, "192.0.2.2") == []
    assert talk(watch, 20, "192.0.2.1") == [], "a flicker"
    assert talk(watch, 25, "192.0.2.2") == []
    assert said(watch, at(27)) == [], "a snapshot that did not look changes nothing"
    assert talk(watch, 30, "192.0.2.2") == ["top talker"]
    assert watch.log[-1].text == "new top talker: 192.0.2.2, 500 Mbit/s, 50.0 % of all"
    for second in (35, 40, 45, 50):
        assert talk(watch, second, "192.0.2.1" if second < 45 else "192.0.2.2") == [] or second == 40
    assert [alert.kind for alert in watch.log] == ["top talker", "top talker"], "to and fro is told once a host"


def test_a_small_first_is_no_top_talker_but_the_first_great_one_is() -> None:
    watch = AlertWatch()
    assert [talk(watch, second, "192.0.2.1", 0.1) for second in (0, 5, 10)] == [[], [], []]
    assert talk(watch, 15, "192.0.2.9") == []
    assert talk(watch, 20, "192.0.2.9") == ["top talker"]


def test_scans_are_told_once_a_host_and_kind() -> None:
    watch = AlertWatch()

    def scan(second: int, hosts: int, ports: int) -> list[str]:
        return said(watch, at(second, 1e9, Activity(None, (Contacts("192.0.2.7", hosts, ports, 4000),))))

    assert scan(0, 249, 99) == []
    assert scan(5, 250, 99) == ["hosts"]
    assert scan(10, 900, 100) == ["ports"]
    assert scan(15, 900, 900) == []
    assert scan(15 * 60 + 6, 900, 1) == ["hosts"], "a quarter of an hour later it is news again"
    assert watch.log[0].text == "192.0.2.7 touches about 250 hosts (4000 flows that it began)"


def test_nothing_is_said_of_a_capture_that_is_over_and_the_log_is_bounded() -> None:
    watch = AlertWatch(AlertLimits(above=1.0))
    assert watch.take(replace(at(0), state=CaptureState.DONE), LOSING) == ()
    for second in range(0, 100_000, 100):
        said(watch, at(second, 0), LOSING)
    assert len(watch.log) == 200


def test_linear_counting_is_some_per_cent_off() -> None:
    import random

    pick = random.Random(1)
    for number in (1, 50, 250, 1000, 5000, 15000):
        bits = len({pick.randrange(BITS) for _ in range(number)})
        assert abs(distinct(bits) - number) <= max(1, number * 0.06)
    assert distinct(BITS) > 30_000, "a full map is no error"


def test_hosts_of_the_reader_become_values() -> None:
    hosts = [ActiveHost("192.0.2.1", 0, 0, 0, 1_000_000), ActiveHost("192.0.2.2", 5, 6, 1, 10)]
    activity = activity_of(hosts, 2 * SECOND)
    assert activity.top == HostRate("192.0.2.1", 4e6)
    assert activity.contacts == (Contacts("192.0.2.2", 5, 1, 5),), "never more hosts than flows"
    assert activity_of([], SECOND) == Activity()
    assert activity_of(hosts, 0).top is None
