# SPDX-License-Identifier: BSD-2-Clause
"""What the screen costs over a link: `python -m tests.bench.live_screen [--flows N] [--rate PPS] [--seconds S]`.

As tests.bench.screen, but of frames that come over a veth pair through AF_XDP, of all flows in turn; the sender has a
CPU for itself. One line of JSON, with what the screen says of the flows and of the rate.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess

from tests.bench.bound_to_us import inside
from tests.bench.live_run import BIN, Traffic, link, sending
from tests.bench.screen import FOREVER_S, Terminal, filtered, steady

FILLING_PPS = 1_000_000
SETTLE_S = 12.0  # the first rates, and a look for hosts that stand out
SAID = re.compile(rb"[0-9.]+ [kM ] *flows|[0-9.]+ [kM]?pps")


def show(fd: int, flows: int) -> None:
    """Become xtop on the near end; never returns."""
    os.set_inheritable(fd, True)
    times = ["--idle-timeout", f"{FOREVER_S:.0f}", "--active-timeout", f"{FOREVER_S:.0f}"]
    capture = ["-i", "v1", "--capture", "af_xdp", "-N", "--max-flows", str(flows + flows // 2), *times]
    command = [*inside(fd), str(BIN / "xtop"), *capture]
    os.execvp(command[0], command)


def sender(fd: int, flows: int, frames: int, rate: int | None) -> subprocess.Popen[bytes]:
    """Start sending frames of all flows in turn."""
    pace = [] if rate is None else ["--rate", str(rate)]
    command = [*sending(Traffic(frames, flows), fd), "--cpu", "1", *pace]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, pass_fds=(fd,))


def measure(flows: int, rate: int, seconds: float) -> dict[str, object]:
    """Return the figures."""
    with link(1) as fd:
        terminal = Terminal(lambda: show(fd, flows))
        terminal.wait_for(b"v1", 40.0)
        terminal.read(3.0)
        sender(fd, flows, flows + flows // 10, FILLING_PPS).wait()
        with sender(fd, flows, 10**12, rate) as traffic:
            terminal.read(SETTLE_S)
            figures = steady(terminal, seconds) | filtered(terminal)
            terminal.type(b"t")  # another theme: all is drawn again
            said = sorted({text.decode() for text in SAID.findall(terminal.read(2.5))})
            traffic.kill()
        terminal.type(b"q")
        terminal.read(20.0)
        os.waitpid(terminal.pid, 0)
    return {"flows": flows, "rate": rate, "said": said, **figures}


def main() -> None:
    """Measure once."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--flows", type=int, default=1_000_000)
    parser.add_argument("--rate", type=int, default=200_000)
    parser.add_argument("--seconds", type=float, default=20.0)
    options = parser.parse_args()
    print(json.dumps(measure(options.flows, options.rate, options.seconds)))


if __name__ == "__main__":
    main()
