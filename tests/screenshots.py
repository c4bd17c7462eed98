# SPDX-License-Identifier: BSD-2-Clause
"""Draws the pictures of screenshots/: `python -m tests.screenshots [DIRECTORY]`. The same code gives the same bytes."""

from __future__ import annotations

import asyncio
import re
import sys
from pathlib import Path

from tests.screen.scripted_source import Script
from tests.screen.stage import StagedApp, play

STEPS = 70  # snapshots, so that the curve is full

PICTURES: dict[str, tuple[tuple[int, int], Script, str | None, tuple[str, ...]]] = {
    "live-80x24": ((80, 24), Script(), None, ()),
    "live-120x36": ((120, 36), Script(), None, ("down", "down", "down")),
    "live-200x60": ((200, 60), Script(queues=16), None, ("down",)),
    "loss-80x24": ((80, 24), Script(loss=True), None, ()),
    "loss-120x36": ((120, 36), Script(loss=True), None, ()),
    "mono-120x36": ((120, 36), Script(loss=True), "mono", ("down", "down")),
    "light-120x36": ((120, 36), Script(), "textual-light", ("down", "down")),
    "paused-120x36": ((120, 36), Script(), None, ("p",)),
    "queues-200x60": ((200, 60), Script(queues=64, loss=True), None, ()),
    "detail-120x36": ((120, 36), Script(), None, ("down", "down", "enter")),
    "filter-120x36": ((120, 36), Script(), None, ("slash", *"tcp", "space", "o", "r", "space", *"udp", "enter")),
    "bytes-120x36": ((120, 36), Script(bytes=True), None, ("down", "enter", "end")),
    "past-120x36": ((120, 36), Script(loss=True), None, ("left_curly_bracket",)),
    "tall-84x56": ((84, 56), Script(loss=True), None, ("down",)),
}


async def draw(name: str, directory: Path) -> Path:
    """Write one picture, and return where."""
    size, script, theme, keys = PICTURES[name]
    app = StagedApp(script, theme)
    async with app.run_test(size=size) as pilot:
        await play(pilot, STEPS)
        for key in keys:
            await pilot.press(key)
        await pilot.pause()
        picture = app.export_screenshot(title="xtop")
    path = directory / f"{name}.svg"
    path.write_text(re.sub(r"\bterminal-\d+-", "terminal-", picture), encoding="utf-8")
    return path


def main() -> None:
    """Write all pictures."""
    directory = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent.parent / "screenshots"
    directory.mkdir(parents=True, exist_ok=True)
    for name in PICTURES:
        print(asyncio.run(draw(name, directory)))


if __name__ == "__main__":
    main()
