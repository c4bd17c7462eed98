# SPDX-License-Identifier: BSD-2-Clause
"""Lookups in the background: never waited for, each question once, everything bounded. The clock is the test's."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from xtop.background_lookup import BackgroundLookup
from xtop.naming import SystemNaming, service_name

FAST = 1e9


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def wait_until(condition: Callable[[], bool], patience: float = 10.0) -> None:
    deadline = time.monotonic() + patience
    while not condition():
        assert time.monotonic() < deadline, "it did not come"
        time.sleep(0.001)


def test_a_question_that_hangs_holds_nobody() -> None:
    release = threading.Event()

    def look(key: str) -> str:
        release.wait(30)
        return f"name of {key}"

    lookup = BackgroundLookup(look, name="test", threads=2, per_second=FAST)
    begin = time.monotonic()
    for number in range(1000):
        assert lookup.get(str(number)) is None
    assert time.monotonic() - begin < 5, "a thousand questions waited for none of their 30 s"
    assert threading.active_count() < 20
    assert sum(thread.name == "test" for thread in threading.enumerate()) == 2
    release.set()
    wait_until(lambda: lookup.get("999") == "name of 999")
    wait_until(lambda: not any(thread.name == "test" for thread in threading.enumerate()))


def test_each_key_is_asked_once_while_its_answer_is_young() -> None:
    asked: Counter[str] = Counter()
    clock = Clock()

    def look(key: str) -> str | None:
        asked[key] += 1
        if key == "broken":
            raise OSError
        return None if key == "nameless" else "n"

    lookup = BackgroundLookup(look, name="once", threads=1, per_second=FAST, keep_s=100, keep_nothing_s=10, clock=clock)
    keys = ("known", "nameless", "broken")

    def ask() -> None:
        for key in keys:
            lookup.get(key)

    for _ in range(50):
        ask()
    wait_until(lambda: not any(thread.name == "once" for thread in threading.enumerate()))
    ask()
    assert asked == dict.fromkeys(keys, 1)
    clock.now = 11
    ask()
    wait_until(lambda: asked["broken"] == 2)
    wait_until(lambda: not any(thread.name == "once" for thread in threading.enumerate()))
    assert asked == {"known": 1, "nameless": 2, "broken": 2}
    clock.now = 101
    assert lookup.get("known") == "n", "an old answer stands until there is a new one"
    wait_until(lambda: asked["known"] == 2)


def test_the_cache_keeps_what_was_asked_last() -> None:
    clock = Clock()
    lookup = BackgroundLookup(lambda key: key, name="size", threads=1, per_second=FAST, size=10, clock=clock)
    for number in range(30):
        wait_until(lambda number=number: lookup.get(str(number)) == str(number))  # type: ignore[misc]
    assert len(lookup._known) == 10
    assert lookup._known.keys() == {str(number) for number in range(20, 30)}


def test_so_many_a_second_and_no_more() -> None:
    times: list[float] = []

    def look(key: int) -> str:
        times.append(time.monotonic())
        return "x"

    lookup = BackgroundLookup(look, name="rate", threads=3, per_second=100)
    for number in range(12):
        lookup.get(number)
    wait_until(lambda: len(times) == 12)
    assert times[-1] - times[0] >= 0.1, "twelve at 100 a second take 110 ms; never less"


def test_questions_that_wait_are_bounded() -> None:
    release = threading.Event()
    asked: list[int] = []

    def look(key: int) -> str:
        release.wait(30)
        asked.append(key)
        return "x"

    lookup = BackgroundLookup(look, name="bounded", threads=1, per_second=FAST, waiting=5)
    for number in range(100):
        lookup.get(number)
    release.set()
    wait_until(lambda: not any(thread.name == "bounded" for thread in threading.enumerate()))
    assert len(asked) <= 6
    assert asked[-1] == 99, "the newest are answered"


def test_dns_is_asked_only_where_names_are_on() -> None:
    asked: list[str] = []

    def look(address: str) -> str:
        asked.append(address)
        return "name"

    naming = SystemNaming(hosts=BackgroundLookup(look, name="dns", threads=1, per_second=FAST))
    assert naming.host("192.0.2.1") is None
    assert asked == []
    naming.on = True
    naming.host("192.0.2.1")
    wait_until(lambda: naming.host("192.0.2.1") == "name")
    assert asked == ["192.0.2.1"]
    assert naming.host("") is None


@pytest.mark.parametrize(("service", "name"), [((6, 22), "ssh"), ((17, 53), "domain"), ((6, 1), "tcpmux")])
def test_services_are_those_of_the_systems_list(service: tuple[int, int], name: str) -> None:
    entries = [line.split() for line in Path("/etc/services").read_text(encoding="utf-8").splitlines()]
    transport = {6: "tcp", 17: "udp"}[service[0]]
    assert [name, f"{service[1]}/{transport}"] in [entry[:2] for entry in entries if entry]
    assert service_name(service) == name
