# SPDX-License-Identifier: BSD-2-Clause
"""Draws screenshots/demo.svg, a moving picture: `python -m tests.cast [FILE]`.

The frames are those of the program itself, with keys pressed, over the capture's own generator. They lie on one another
in one SVG, and a style sheet shows each for its time: no script, so that it moves in a README, too.
"""

from __future__ import annotations

import asyncio
import re
import sys
from collections.abc import Iterator
from pathlib import Path

from textual.pilot import Pilot

from xtop.app import XtopApp
from xtop.commands.opening import start_capture
from xtop.settings import CaptureSettings

SIZE = (80, 24)
WARM_S = 6.0  # of traffic before the first frame
SECOND = 1.0

# What is pressed, and how long the frame after it stands, seconds. Nothing pressed: the link goes on.
SCRIPT: tuple[tuple[tuple[str, ...], float], ...] = (
    ((), 1.0), ((), 1.0), ((), 1.0),
    (("down",), 0.8), (("down",), 0.8), ((), 1.2),
    (("slash",), 0.8), (tuple("udp"), 1.5), (("enter",), 1.5),
    (("s",), 1.5),
    (("down",), 0.8), (("enter",), 2.5),
    (("escape",), 0.6),
    (("left_square_bracket",) * 3, 2.0),
    (("p",), 1.2),
)  # fmt: skip

_BODY = re.compile(r'<g transform="translate\(9, 41\)".*?</g>\s*</g>', re.DOTALL)
_COLOURS = re.compile(r"^\s*(\.terminal-\d+-r\d+ \{.*\})$", re.MULTILINE)
_CLIPS = re.compile(r"<clipPath.*?</clipPath>", re.DOTALL)


async def frames() -> list[tuple[str, float]]:
    """Return the pictures and how long each stands."""
    source = start_capture(CaptureSettings(demo=True, seed=7))
    app = XtopApp(source, SECOND)
    taken: list[tuple[str, float]] = []
    try:
        async with app.run_test(size=SIZE) as pilot:
            await asyncio.sleep(WARM_S)
            for keys, stands in SCRIPT:
                await press(pilot, keys)
                taken.append((app.export_screenshot(title="xtop demo"), stands))
    finally:
        source.close()
    return taken


async def press(pilot: Pilot[None], keys: tuple[str, ...]) -> None:
    """Press ``keys``, or let a second pass."""
    for key in keys:
        await pilot.press(key)
    await asyncio.sleep(0.4 if keys else SECOND)
    for blinking in pilot.app.screen.query("Input"):
        blinking.cursor_blink = False  # type: ignore[attr-defined]
    await pilot.pause()


def own_names(picture: str, number: int) -> str:
    """Return ``picture`` with its frame's number in its classes and ids."""
    return re.sub(r"terminal-\d+-", f"terminal-{number}-", picture)


def timing(stands: list[float]) -> Iterator[str]:
    """Yield the style of each frame: seen in its part of the whole, hidden in the rest."""
    whole, begin = sum(stands), 0.0
    for number, seconds in enumerate(stands):
        first, last = 100 * begin / whole, 100 * (begin + seconds) / whole
        hidden = "0% {visibility: hidden} " if number else ""
        yield (
            f"@keyframes frame-{number} {{{hidden}{first:.3f}% {{visibility: visible}} "
            f"{last:.3f}% {{visibility: hidden}}}}\n"
            f".frame-{number} {{visibility: {'hidden' if number else 'visible'}; "
            f"animation: frame-{number} {whole:.1f}s step-end infinite}}"
        )
        begin += seconds


def cast(taken: list[tuple[str, float]]) -> str:
    """Return one picture of all frames; the window around them is that of the first."""
    pictures = [own_names(picture, number) for number, (picture, _) in enumerate(taken)]
    bodies = []
    for number, picture in enumerate(pictures):
        body = _BODY.search(picture)
        assert body is not None
        bodies.append(f'<g class="frame-{number}">{body[0]}</g>')
    colours = [line for picture in pictures[1:] for line in _COLOURS.findall(picture)]
    clips = [clip for picture in pictures[1:] for clip in _CLIPS.findall(picture)]
    whole = _BODY.sub(lambda _: "\n".join(bodies), pictures[0], count=1)
    style = "\n".join([*colours, *timing([stands for _, stands in taken])])
    whole = whole.replace("</style>", f"{style}\n    </style>", 1)
    return whole.replace("</defs>", "\n".join(clips) + "\n    </defs>", 1)


def main() -> None:
    """Write the picture."""
    path = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent.parent / "screenshots" / "demo.svg"
    path.write_text(cast(asyncio.run(frames())), encoding="utf-8")
    print(path)


if __name__ == "__main__":
    main()
