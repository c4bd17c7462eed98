# SPDX-License-Identifier: BSD-2-Clause
"""The panels by their keys, and what the loss panel tells to do."""

from __future__ import annotations

import re

import pytest

from tests.screen.scripted_source import Script
from tests.screen.stage import StagedApp, play
from xtop.keymap import KEYMAP, MOVES

QUEUES = (("eth1", "0"), ("eth1", "1"), ("enp3s0f1", "0"), ("enp3s0f1", "1"))
TITLES = {"1": "1 Throughput", "2": "2 Queues", "3": "3 Packet size", "4": "4 Flow", "5": "5 Protocols", "6": "6 Loss"}


async def test_each_number_hides_its_panel_and_shows_it_again() -> None:
    app = StagedApp(Script(flows=100))
    async with app.run_test(size=(120, 36)) as pilot:
        await play(pilot, 3)
        before = app.text()
        for key, title in TITLES.items():
            await pilot.press(key)
            await pilot.pause()
            assert title not in app.text()
            for other in TITLES.values():
                assert other == title or other in app.text(), (key, other)
            await pilot.press(key)
            await pilot.pause()
        assert app.text() == before
        await pilot.press("5")
        await pilot.pause()
        assert "4 Packets/flow" in app.text(), "the room goes to a histogram that had none"


async def test_without_panels_all_is_flows() -> None:
    app = StagedApp(Script(flows=100))
    for size in ((120, 36), (80, 24), (84, 56)):
        async with StagedApp(Script(flows=100)).run_test(size=size) as pilot:
            app = pilot.app  # type: ignore[assignment]
            await play(pilot, 3)
            await pilot.press(*"123456")
            await pilot.pause()
            lines = app.text().splitlines()
            assert "Flows by rate" in lines[1]
            assert sum("198.51." in line or "2001:db8" in line for line in lines) == size[1] - 4


async def test_the_ways_to_draw() -> None:
    app = StagedApp(Script(flows=30))
    async with app.run_test(size=(120, 36)) as pilot:
        await play(pilot, 5)
        assert "60 s" in app.text()
        assert "bit/s, peak" in app.text()
        await pilot.press("v", "m", "b", "l")
        text = app.text()
        assert "packets/s, peak" in text
        assert "10 min" in text
        assert any("⠀" < char <= "⣿" for char in text)
        assert "log" in text


@pytest.mark.parametrize("size", [(120, 36), (200, 60), (84, 56)])
async def test_a_loss_says_when_and_what_to_do(size: tuple[int, int]) -> None:
    app = StagedApp(Script(loss=True))
    async with app.run_test(size=size) as pilot:
        await play(pilot, 10)
        lines = app.text().splitlines()[2:]  # the loss is news above, too
        full = next(line for line in lines if "ring full" in line and "/s" in line)
        assert "1.20 k/s  now" in full
        assert "10.0 s ago" in next(line for line in lines if " NIC " in line)
        assert "→ worker too slow: larger --ring, more queues" in app.text()
        assert "→ CPU busy or ring short: --cpus, larger --ring" in app.text()
        assert "xtop tune -i eth1" in app.text()


async def test_a_folded_loss_says_it_in_a_line() -> None:
    app = StagedApp(Script(loss=True))
    async with app.run_test(size=(80, 24)) as pilot:
        await play(pilot, 10)
        line = app.text().splitlines()[-2]
        assert "Lost 13.7 k" in line
        assert "ring full 13.2 k now → larger --ring" in line


@pytest.mark.parametrize("size", [(200, 60), (120, 36), (80, 40), (80, 24)])
async def test_queues_of_several_interfaces_bear_their_names(size: tuple[int, int]) -> None:
    app = StagedApp(Script(loss=True, queues=4, interfaces=("eth1", "enp3s0f1")))
    async with app.run_test(size=size) as pilot:
        await play(pilot, 10)
        text = app.text()
        assert "eth1,enp3s0f1" in text.splitlines()[0]
        if size == (80, 24):  # folded: the one that loses
            assert re.search(r"4 queues .* worst eth1 +0 .* lost", text)
            return
        rows = re.findall(r"(eth1|enp3s0f1) +(\d) +cpu(\d).* lost(.{6})", text)
        assert [row[:3] for row in rows] == [(*name, str(2 + at)) for at, name in enumerate(QUEUES)]
        assert [bool(re.search("[1-9]", row[3])) for row in rows] == [True, False, False, False]


async def test_a_queues_loss_moves_no_figure_and_no_bar() -> None:
    app = StagedApp(Script(loss=True, queues=16))
    async with app.run_test(size=(200, 60)) as pilot:
        await play(pilot, 3)
        rows = re.findall(r"│ +(\d+)([! ])([█▏▎▍▌▋▊▉]+)( +\S+ kpps)( +\d+ %)(.{12})", app.text())
        assert [row[0] for row in rows] == [str(number) for number in range(10)], "of the first column"
        assert {len(row[2] + row[3]) for row in rows} == {len(rows[0][2] + rows[0][3])}
        bars = {row[3].strip(): row[2] for row in rows}
        assert all(row[2] == bars[row[3].strip()] for row in rows), "one rate, one bar"
        assert [row[1] + row[5][:5] for row in rows] == ["! lost", *["      "] * 9]
        assert re.fullmatch(r" lost +[1-9]\S* [k ] *", rows[0][5])


async def test_a_window_hides_nothing_beside_it_without_colours() -> None:
    app = StagedApp(theme="mono")
    async with app.run_test(size=(80, 24)) as pilot:
        await play(pilot, 2)
        before = app.text().splitlines()
        await pilot.press("e")
        await pilot.pause()
        now = app.text().splitlines()
        assert now[:8] == before[:8]
        assert now[-8:] == before[-8:]
        assert "Export" in "".join(now[8:-8])


@pytest.mark.timeout(300)  # it took 82 s on a machine with load 6
async def test_a_storm_of_sizes_leaves_the_screen_whole() -> None:
    app = StagedApp(Script(loss=True, queues=16))
    async with app.run_test(size=(120, 36)) as pilot:
        await play(pilot, 3)
        for step in range(60):
            await pilot.resize_terminal(20 + step * 37 % 200, 5 + step * 23 % 60)
        await pilot.resize_terminal(120, 36)
        await play(pilot, 1)
        await pilot.pause()
        assert "1 Throughput" in app.text()
        assert "quit" in app.text().splitlines()[-1]


async def test_the_palette_has_every_key() -> None:
    app = StagedApp(Script(flows=5))
    async with app.run_test(size=(120, 36)):
        said = [command.help for command in app.get_system_commands(app.screen)]
        for key in KEYMAP:
            assert (f"{key.shown}: {key.help}" in said) == (key.setting not in MOVES), key.setting
        assert "Theme mono" in [command.title for command in app.get_system_commands(app.screen)]


def test_the_screen_goes_to_standard_output() -> None:
    from xtop.terminal_driver import TerminalDriver

    assert StagedApp(Script(flows=1)).driver_class is TerminalDriver


async def test_a_screen_that_becomes_too_small_is_the_notice_alone_and_comes_back() -> None:
    app = StagedApp()
    async with app.run_test(size=(120, 36)) as pilot:
        await play(pilot, 2)
        before = app.text()
        await pilot.resize_terminal(59, 14)
        await pilot.pause()
        lines = app.text().splitlines()
        assert any("xtop needs 60x15 cells, this is 59x14" in line for line in lines)
        assert not [line for line in lines if "queue" in line.lower() or "refused" in line or "quit" in line]
        await pilot.resize_terminal(120, 36)
        await pilot.pause()
        assert app.text() == before
