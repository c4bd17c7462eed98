# SPDX-License-Identifier: BSD-2-Clause
"""What the screen costs at many live flows: `python -m tests.bench.screen [--flows N] [--max-flows M] [--seconds S]`;
with `--views` of flows added up, and through filters, too; `--queues N`: in so many, each flow in one of them.

xtop runs on a pseudo-terminal (of 120x36, or `--size 200x60`) over a capture that generates its own traffic; from
outside are measured the bytes that it sends, the CPU time of its process (the capture is another), its memory, how long
a typed filter takes to stand on the screen, and how long `q` takes until the process is gone. One line of JSON.
"""

from __future__ import annotations

import argparse
import fcntl
import json
import os
import pty
import select
import statistics
import struct
import termios
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from xtop.model import GROUPS

SIZE = (120, 36)
SETTLE_S = 8.0  # the first rates, and the first look for hosts that stand out
FOREVER_S = 1e6
LOADING_S = 120.0
HEAD = 20  # packets for each flow that come before the rate holds: by Zipf's law, nearly every flow has spoken then
FILTERS = ("proto tcp", "host 10.0.0.1", "port 443", "bps > 1k", "duration > 1m")
TICKS = os.sysconf("SC_CLK_TCK")


def child(flows: int, most: int, interval: float, queues: int = 1) -> None:
    """Wait until all flows live, then show the screen."""
    from xtop.commands.opening import start_capture
    from xtop.commands.screen import show
    from xtop.model import View
    from xtop.settings import CaptureSettings
    from xtop.settings_file import Settings

    settings = CaptureSettings(
        demo=True,
        seed=1,
        demo_flows=flows,
        demo_rate=max(200_000, flows // 5),
        demo_head=HEAD * flows,
        max_flows=most,
        threads=queues,  # which the demo has as many queues as
        idle_timeout=FOREVER_S,
        active_timeout=FOREVER_S,
    )
    source = start_capture(settings)
    deadline = time.monotonic() + LOADING_S
    while (totals := source.snapshot(View(top=1)).totals).flows_live < flows * 0.95 or totals.packets < HEAD * flows:
        if time.monotonic() > deadline:
            raise SystemExit(f"after {LOADING_S:.0f} s only {totals.flows_live} of {flows} flows live")
        time.sleep(0.5)
    show(source, interval, settings=Settings())
    source.close()


class Terminal:
    """The other end of the pseudo-terminal: reads all, and counts."""

    def __init__(self, child: Callable[[], object], size: tuple[int, int] = SIZE) -> None:
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.environ.update(TERM="xterm-256color", COLORTERM="truecolor")
            child()
            os._exit(0)
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", size[1], size[0], 0, 0))

    def read(self, seconds: float, until: bytes = b"") -> bytes:
        """Return what comes within so many seconds, or up to ``until``."""
        end, read = time.monotonic() + seconds, b""
        while (left := end - time.monotonic()) > 0:
            if not select.select([self.fd], [], [], left)[0]:
                break
            try:
                read += os.read(self.fd, 1 << 16)
            except OSError:  # the child is gone
                break
            if until and until in read:
                break
        return read

    def wait_for(self, text: bytes, seconds: float) -> None:
        """Wait until ``text`` comes; where it does not there is nothing to measure."""
        read = self.read(seconds, until=text)
        if text not in read:
            raise SystemExit(f"no {text.decode()!r} within {seconds:.0f} s: {read[-200:].decode(errors='replace')!r}")

    def cpu_seconds(self) -> float:
        """Return the CPU time of the process, all its threads."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(") ")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    def memory(self) -> dict[str, float]:
        """Return what is resident of the process, and the most that was since it was measured anew, MB."""
        status = dict(line.split(":", 1) for line in Path(f"/proc/{self.pid}/status").read_text().splitlines())
        return {"resident_mb": _mb(status["VmRSS"]), "resident_most_mb": _mb(status["VmHWM"])}

    def measure_memory_anew(self) -> None:
        """Forget the most that was resident (proc(5), clear_refs)."""
        Path(f"/proc/{self.pid}/clear_refs").write_text("5")

    def type(self, text: bytes) -> None:
        """Press keys."""
        os.write(self.fd, text)


def _mb(size: str) -> float:
    return round(int(size.split()[0]) * 1024 / 1e6, 1)


def steady(terminal: Terminal, seconds: float) -> dict[str, float]:
    """Return what the screen sends, uses and keeps while nobody touches a key."""
    terminal.measure_memory_anew()
    cpu, begin = terminal.cpu_seconds(), time.monotonic()
    sent = len(terminal.read(seconds))
    elapsed = time.monotonic() - begin
    return {
        "bytes_per_second": round(sent / elapsed),
        "cpu_percent": round(100 * (terminal.cpu_seconds() - cpu) / elapsed, 2),
        **terminal.memory(),
    }


def filtered(terminal: Terminal) -> dict[str, float]:
    """Return how long a filter takes to be shown: nine keys that come at once, and the last of them by itself."""
    return {
        "filter_typed_to_shown_ms": _shown_after(terminal, b"", b"packets=0"),  # which no flow has: the table says so
        "filter_key_to_shown_ms": _shown_after(terminal, b"packets=", b"0"),
    }


def _shown_after(terminal: Terminal, before: bytes, keys: bytes) -> float:
    times = []
    for wait in (2.0, 2.2, 2.4, 2.6, 2.8):  # at any moment of an interval
        terminal.type(b"/" + before)
        terminal.read(wait)
        begin = time.monotonic()
        terminal.type(keys)
        terminal.wait_for(b"No flow matches", 10.0)
        times.append((time.monotonic() - begin) * 1000)
        terminal.read(1.0)
        terminal.type(b"\x1b")
        terminal.read(2.0)
    return round(statistics.median(times))


def views(terminal: Terminal, seconds: float) -> dict[str, dict[str, float]]:
    """Return the steady figures of each group's table, and of flows through each filter."""
    figures = {}
    for group in GROUPS[1:]:
        terminal.type(b"a")
        terminal.read(SETTLE_S / 2)
        figures[f"by {group}"] = steady(terminal, seconds)
    terminal.type(b"a")
    for expression in FILTERS:
        terminal.read(SETTLE_S / 2)
        terminal.type(f"/{expression}\r".encode())
        terminal.read(SETTLE_S / 2)
        figures[expression] = steady(terminal, seconds)
        terminal.type(b"\x1b")
    terminal.read(SETTLE_S)
    return figures


def measure(options: argparse.Namespace) -> dict[str, object]:
    """Return the figures."""
    flows, seconds = options.flows, options.seconds
    most = options.max_flows or flows * 3 // 2
    terminal = Terminal(partial(child, flows, most, options.interval, options.queues), options.size)
    terminal.wait_for(b"live", 2 * LOADING_S)
    terminal.read(SETTLE_S)
    result: dict[str, object] = {"flows": flows, **steady(terminal, seconds)}
    if options.views:
        result["views"] = views(terminal, seconds)
    result |= filtered(terminal)
    begin = time.monotonic()
    terminal.type(b"q")
    terminal.read(20.0)
    os.waitpid(terminal.pid, 0)
    result["quit_ms"] = round((time.monotonic() - begin) * 1000)
    return result


def _size(text: str) -> tuple[int, int]:
    columns, lines = text.split("x")
    return int(columns), int(lines)


def main() -> None:
    """Measure once."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--flows", type=int, default=1_000_000)
    parser.add_argument(
        "--max-flows", type=int, help="room for so many; as many as --flows: old ones make way all the time"
    )
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--interval", type=float, default=1.0)
    parser.add_argument("--views", action="store_true", help="measure flows added up, and through filters, too")
    parser.add_argument("--size", type=_size, default=SIZE, metavar="COLUMNSxLINES", help="of the terminal (120x36)")
    parser.add_argument("--queues", type=int, default=1, help="RX queues that flows come by (1)")
    print(json.dumps(measure(parser.parse_args())))


if __name__ == "__main__":
    main()
