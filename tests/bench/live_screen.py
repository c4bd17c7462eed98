# SPDX-License-Identifier: BSD-2-Clause
"""What the screen costs over a link: `python -m tests.bench.live_screen [--flows N] [--rate PPS] [--seconds S]`.

As tests.bench.screen, but of frames that come over a veth pair through AF_XDP, of all flows in turn; the sender has a
CPU for itself. With `--queues N` as many send all flows at once, each from a CPU and so into an RX queue of its own: of
every flow each queue has a part. One line of JSON, with what the screen says of the flows and of the rate.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

from tests.bench.bound_to_us import inside
from tests.bench.live_run import BIN, Traffic, link, sending
from tests.bench.screen import FOREVER_S, Terminal, filtered, steady

FILLING_PPS = 1_000_000
SETTLE_S = 12.0  # the first rates, and a look for hosts that stand out
SAID = re.compile(rb"[0-9.]+ [kM ] *flows|[0-9.]+ [kM]?pps")


def show(fd: int, records: int) -> None:
    """Become xtop on the near end; never returns."""
    os.set_inheritable(fd, True)
    times = ["--idle-timeout", f"{FOREVER_S:.0f}", "--active-timeout", f"{FOREVER_S:.0f}"]
    capture = ["-i", "v1", "--capture", "af_xdp", "-N", "--max-flows", str(records + records // 2), *times]
    command = [*inside(fd), str(BIN / "xtop"), *capture]
    os.execvp(command[0], command)


@contextmanager
def senders(fd: int, flows: int, frames: int, rate: int, queues: int) -> Iterator[list[subprocess.Popen[bytes]]]:
    """Yield those that send frames of all flows in turn, at ``rate`` together; they are gone afterwards."""
    what = [*sending(Traffic(frames, flows), fd), "--rate", str(rate // queues), "--cpu"]
    cpus = [str(cpu) for cpu in (1, 0, *range(2, queues))][:queues]
    sent = [subprocess.Popen([*what, cpu], stdout=subprocess.DEVNULL, pass_fds=(fd,)) for cpu in cpus]
    try:
        yield sent
    finally:
        for one in sent:
            one.kill()
            one.wait()


def measure(flows: int, rate: int, seconds: float, queues: int) -> dict[str, object]:
    """Return the figures."""
    with link(queues) as fd:
        terminal = Terminal(lambda: show(fd, flows * queues))
        terminal.wait_for(b"v1", 40.0)
        terminal.read(3.0)
        with senders(fd, flows, flows + flows // 10, FILLING_PPS, queues) as filling:
            for one in filling:
                one.wait()
        with senders(fd, flows, 10**12, rate, queues):
            terminal.read(SETTLE_S)
            figures = steady(terminal, seconds) | filtered(terminal)
            terminal.type(b"t")  # another theme: all is drawn again
            said = sorted({text.decode() for text in SAID.findall(terminal.read(2.5))})
        terminal.type(b"q")
        terminal.read(20.0)
        os.waitpid(terminal.pid, 0)
    return {"flows": flows, "rate": rate, "queues": queues, "said": said, **figures}


def main() -> None:
    """Measure once."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--flows", type=int, default=1_000_000)
    parser.add_argument("--rate", type=int, default=200_000)
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--queues", type=int, default=1)
    options = parser.parse_args()
    print(json.dumps(measure(options.flows, options.rate, options.seconds, options.queues)))


if __name__ == "__main__":
    main()
