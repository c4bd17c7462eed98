# SPDX-License-Identifier: BSD-2-Clause
"""How long `q` takes: `python -m tests.bench.quit [--flows N] [--rate PPS] [--busy N] [--demo] [--repeat N]`.

xtop runs on a pseudo-terminal of 120x36 over a veth pair through AF_XDP, while a sender on CPU 1 sends frames of all
flows in turn (as fast as it goes without --rate); `--busy` loops want CPUs besides. With `--demo` it is `xtop demo`.
From the key are measured, in ms, when the terminal is given back and when the process is gone. One line of JSON.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext

from tests.bench.bound_to_us import BOUND
from tests.bench.live_run import BIN, link
from tests.bench.live_screen import FILLING_PPS, sender, show
from tests.bench.screen import Terminal

SETTLE_S = 4.0
LAST = b"\x1b[?1004l"  # what Textual sends last of all: no news of the focus any more
SPIN = "while True: pass"


def demo() -> None:
    """Become `xtop demo`; never returns."""
    os.execv(BIN / "xtop", [str(BIN / "xtop"), "demo"])


@contextmanager
def busy(loops: int) -> Iterator[None]:
    """So many processes want a CPU each, in sessions of their own, as other people's programs are."""
    command = [*BOUND, sys.executable, "-c", SPIN]
    spinning = [subprocess.Popen(command, start_new_session=True) for _ in range(loops)]
    try:
        yield
    finally:
        for process in spinning:
            process.kill()
            process.wait()


def leave(terminal: Terminal) -> tuple[float, float]:
    """Press `q`; return after how many ms the terminal was given back, and the process gone."""
    begin = time.monotonic()
    terminal.type(b"q")
    terminal.wait_for(LAST, 20.0)
    restored = time.monotonic()
    os.waitpid(terminal.pid, 0)
    gone = time.monotonic()
    os.close(terminal.fd)
    return 1000 * (restored - begin), 1000 * (gone - begin)


def over_a_demo(loops: int) -> tuple[float, float]:
    """Quit `xtop demo`."""
    terminal = Terminal(demo)
    terminal.wait_for(b"live", 40.0)
    with busy(loops):
        terminal.read(SETTLE_S)
        return leave(terminal)


def over_a_link(flows: int, rate: int | None, loops: int) -> tuple[float, float]:
    """Quit while frames of so many flows come."""
    with link(1) as fd:
        terminal = Terminal(lambda: show(fd, flows))
        terminal.wait_for(b"v1", 40.0)
        terminal.read(3.0)
        sender(fd, flows, flows + flows // 10, FILLING_PPS).wait()
        with sender(fd, flows, 10**12, rate) if rate != 0 else nullcontext() as traffic, busy(loops):
            terminal.read(SETTLE_S)
            result = leave(terminal)
            if traffic is not None:
                traffic.kill()
    return result


def measure(once: Callable[[], tuple[float, float]], repeat: int) -> dict[str, list[int]]:
    """Return the figures of so many runs, in order of size."""
    restored, gone = zip(*(once() for _ in range(repeat)), strict=True)
    return {"restored_ms": sorted(map(round, restored)), "gone_ms": sorted(map(round, gone))}


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--flows", type=int, default=1_000_000)
    parser.add_argument("--rate", type=int, help="frames a second; 0: none")
    parser.add_argument("--busy", type=int, default=0)
    parser.add_argument("--demo", action="store_true")
    parser.add_argument("--repeat", type=int, default=5)
    asked = parser.parse_args()

    def once() -> tuple[float, float]:
        return over_a_demo(asked.busy) if asked.demo else over_a_link(asked.flows, asked.rate, asked.busy)

    print(json.dumps({**vars(asked), **measure(once, asked.repeat)}))


if __name__ == "__main__":
    main()
