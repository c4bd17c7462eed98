# SPDX-License-Identifier: BSD-2-Clause
"""``xtop snapshot`` on the captured NIC, as a user runs it, but forked off: an emulated processor imports slowly."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import xtop.commands.snapshot  # noqa: F401  loaded before the fork, for all
from xtop.cli import main

from .links import PATIENCE_S, Fault


class Refused(Exception):
    """xtop ended at once; says why."""


class Series:
    """A running series of snapshots."""

    def __init__(self, interface: str, *options: str) -> None:
        how = () if "--capture" in options else ("--capture", "af_xdp")
        words = ["snapshot", "-i", interface, *how, "--every", "0.3", "--max-flows", "16384", *options]
        self.errors = tempfile.TemporaryFile("w+")  # noqa: SIM115
        self._rest = b""
        self.status: int | None = None
        self._out, writing = os.pipe()
        self.pid = os.fork()
        if self.pid == 0:
            os.dup2(writing, 1)
            os.dup2(self.errors.fileno(), 2)
            sys.stdout = open(1, "w")  # noqa: SIM115
            sys.stderr = open(2, "w")  # noqa: SIM115
            status = 1
            try:
                status = main(words)
            except SystemExit as request:
                status = int(request.code or 0)
            finally:
                sys.stdout.flush()
                sys.stderr.flush()
                os._exit(status)
        os.close(writing)
        self.first = self.next()

    def __enter__(self) -> Series:
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    def next(self) -> dict[str, Any]:
        """The next snapshot; Refused with its message where it ended instead."""
        deadline = time.monotonic() + PATIENCE_S
        while b"\n" not in self._rest:
            if not select.select([self._out], [], [], max(0.0, deadline - time.monotonic()))[0]:
                raise Fault(f"no snapshot within {PATIENCE_S:.0f} s")
            part = os.read(self._out, 1 << 20)
            if not part:
                self.end()
                raise Refused(self.message())
            self._rest += part
        line, _, self._rest = self._rest.partition(b"\n")
        snapshot: dict[str, Any] = json.loads(line)
        return snapshot

    def until(self, true: Callable[[dict[str, Any]], object], what: str) -> dict[str, Any]:
        """The first snapshot that satisfies ``true``."""
        deadline = time.monotonic() + PATIENCE_S
        snapshot = self.next()
        while not true(snapshot):
            if time.monotonic() > deadline:
                shown = {name: snapshot[name] for name in ("state", "state_text", "accounting", "lost", "source")}
                raise Fault(f"not within {PATIENCE_S:.0f} s: {what} ({json.dumps(shown)})")
            snapshot = self.next()
        return snapshot

    def message(self) -> str:
        """What it wrote to standard error."""
        self.errors.seek(0)
        return self.errors.read().strip()

    def capture_pid(self) -> int:
        """Process number of its xtop-capture."""
        for path in Path("/proc").glob("[0-9]*/stat"):
            try:
                name, parent = path.read_text().split("(", 1)[1].rsplit(")", 1)
            except OSError:
                continue
            if name == "xtop-capture" and int(parent.split()[1]) == self.pid:
                return int(path.parent.name)
        raise Fault("no xtop-capture runs")

    def end(self) -> None:
        """Interrupt it, as Ctrl-C does, and wait."""
        if self.status is not None:
            return
        os.kill(self.pid, signal.SIGINT)
        deadline = time.monotonic() + PATIENCE_S
        while self.status is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.status = os.waitstatus_to_exitcode(status)
            elif time.monotonic() > deadline:
                os.kill(self.pid, signal.SIGKILL)
                raise Fault("xtop did not end")
            elif select.select([self._out], [], [], 0.05)[0]:
                os.read(self._out, 1 << 20)
        os.close(self._out)


class Drain:
    """A running xsk_drain: the capture source with nothing behind it but a sum over the contents."""

    def __init__(self, interface: str, *options: str) -> None:
        program = Path(__file__).resolve().parents[3] / "build/native-tests/tests/native/xsk_drain"
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(
            [str(program), interface, *options], stdin=pipe, stdout=pipe, stderr=pipe, text=True
        )
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise Refused(self.process.communicate()[1].strip())
        self.ready: dict[str, Any] = json.loads(line)

    def __enter__(self) -> Drain:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.communicate()

    def received(self) -> int:
        """Frames it took so far."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write("?")
        self.process.stdin.flush()
        return int(self.process.stdout.readline())

    def stop(self) -> dict[str, Any]:
        """End it; its counters."""
        counters: dict[str, Any] = json.loads(self.process.communicate(timeout=PATIENCE_S)[0])
        return counters
