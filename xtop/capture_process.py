# SPDX-License-Identifier: BSD-2-Clause
"""The native process that captures: started, spoken to, ended, and told from one that died.

It talks over one SOCK_SEQPACKET socket, a line of text a datagram.

    capture → owner   ready             with the segment's memfd (SCM_RIGHTS)
                      failed CODE LINK TEXT  cannot start; CODE is the contract's exit code, LINK the interface's place
                      ended             the figures are final; the segment's header says why
    owner → capture   stop
                      cursor QUEUE N    N ended flows of that queue were read (files wait for it)
                      tap, untap        packets of one flow: what viewers may say, too (capture_state)

Closing the socket ends the process. The end of its stream without "ended" means that it died.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO

from xtop.capture_messages import MESSAGE_MAX, one_line
from xtop.capture_name import capture_name
from xtop.capture_state import CaptureState
from xtop.settings import STANDARD_INPUT, CaptureSettings, capture_arguments
from xtop.source import SourceError

PROGRAM = "xtop-capture"
READY_TIMEOUT_S = 30.0  # a driver that has to set up its rings anew takes seconds
CLOSE_TIMEOUT_S = 2.0  # for each of: a closed socket, SIGTERM, SIGKILL


def find_program(name: str) -> str:
    """Return the path of one of xtop's executables: beside this Python first, then in PATH."""
    beside = Path(sys.executable).parent / name
    if os.access(beside, os.X_OK):
        return str(beside)
    import shutil  # with all that unpacks archives

    found = shutil.which(name)
    if found is None:
        raise SourceError(f"cannot find {name} (not beside {sys.executable}, nor in PATH; run: make build)", 2)
    return found


def open_capture_file(name: str) -> int:
    """Open a capture file with the user's own rights and return its descriptor; ``-`` is standard input."""
    try:
        if name == STANDARD_INPUT:
            return os.dup(0)
        file_fd = os.open(name, os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        raise SourceError(f"cannot open {name} ({error.strerror}; give a pcap or pcapng file)", 2) from None
    if Path(name).is_dir():
        os.close(file_fd)
        raise SourceError(f"cannot read {name} (it is a directory; give a pcap or pcapng file)", 2)
    return file_fd


class CaptureProcess(CaptureState):
    """A running xtop-capture and its owner's end of the socket. Made by :meth:`start`."""

    def __init__(self, process: subprocess.Popen[bytes], control: socket.socket, words: IO[bytes]) -> None:
        super().__init__(control)
        self._process = process
        self._words = words  # what it wrote on its standard error
        self._cursors: dict[int, int] = {}  # not sent yet, since the socket was full

    @classmethod
    def start(cls, settings: CaptureSettings, *, timeout: float = READY_TIMEOUT_S) -> CaptureProcess:
        """Start a capture and return once it runs; raise SourceError with its own words where it cannot."""
        program = find_program(PROGRAM)
        file_fd = None if settings.file is None else open_capture_file(settings.file)
        try:
            capture = cls._spawn(program, settings, file_fd)
        finally:
            if file_fd is not None:
                os.close(file_fd)
        try:
            capture._await_ready(timeout)
        except BaseException:
            capture.close()
            raise
        return capture

    @classmethod
    def _spawn(cls, program: str, settings: CaptureSettings, file_fd: int | None) -> CaptureProcess:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        words = os.fdopen(os.memfd_create("xtop-capture-words"), "w+b")  # lives as long as the process
        passed = [fd for fd in (theirs.fileno(), file_fd, settings.netns_fd) if fd is not None]
        arguments = capture_arguments(settings, control_fd=theirs.fileno(), file_fd=file_fd)
        name = capture_name(settings)
        arguments += [] if name is None else ["--listen", name]
        try:
            # A session of its own: Ctrl-C in the terminal is for xtop, which then ends the capture in order.
            process = subprocess.Popen(
                [program, *arguments],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=words,
                pass_fds=passed,
                start_new_session=True,
            )
        except OSError as error:
            ours.close()
            words.close()
            raise SourceError(f"cannot start {program} ({error.strerror}; run: make build)", 1) from None
        finally:
            theirs.close()
        return cls(process, ours, words)

    def poll_messages(self) -> None:
        """Take in what the capture said since, without waiting, and send what could not be sent before."""
        self._send_cursors()
        super().poll_messages()

    def send_cursor(self, queue: int, count: int) -> None:
        """Say that ``count`` ended flows of ``queue`` were read since the start. Never waits."""
        self._cursors[queue] = count
        self._send_cursors()

    def leave(self) -> None:
        """Let the capture end as where this process had gone, but hear it say that its figures are final."""
        with contextlib.suppress(OSError):
            self._control.shutdown(socket.SHUT_WR)

    def stop(self, timeout: float = 10.0) -> bool:
        """Ask the capture to end, and wait until it did; False where it was not heard in time."""
        self.poll_messages()
        if not self._over():
            self._resume()
            with contextlib.suppress(OSError):
                self._control.send(b"stop", socket.MSG_NOSIGNAL)
            self._wait_for(self._over, timeout)
        return self._over()

    def close(self) -> None:
        """End the process, by force where it does not listen, and let go of everything. Idempotent."""
        if self._closed:
            return
        self._closed = True
        self._control.close()
        self._resume()
        for force in (None, signal.SIGTERM, signal.SIGKILL):
            if force is not None:
                self._process.send_signal(force)
            if self._wait_for_exit(CLOSE_TIMEOUT_S):
                break
        self._words.close()
        self._let_go_of_segment()

    def _resume(self) -> None:
        """Let the process go on: one that was stopped hears nothing else."""
        self._process.send_signal(signal.SIGCONT)

    def _await_ready(self, timeout: float) -> None:
        self._wait_for(lambda: self.memfd >= 0 or self.death is not None, timeout)
        if self.memfd >= 0:
            return  # if it has died since, its last figures are there, and snapshots say so
        if self.death is not None:
            raise SourceError(self.death, self.exit_code, self.failed_link)
        raise SourceError(f"{PROGRAM} did not get ready within {timeout:g} s (it was ended; try again)", 1)

    def _send_cursors(self) -> None:
        for queue, count in list(self._cursors.items()):
            if not self._closed:
                try:
                    self._control.send(f"cursor {queue} {count}".encode(), socket.MSG_DONTWAIT | socket.MSG_NOSIGNAL)
                except BlockingIOError:
                    return
                except OSError:
                    pass  # it is gone: poll_messages finds that out and says so
            del self._cursors[queue]

    def _wait_for(self, done: Callable[[], bool], timeout: float) -> None:
        deadline = time.monotonic() + timeout
        self.poll_messages()
        while not done() and (left := deadline - time.monotonic()) > 0:
            select.select([self._control], [], [], left)
            self.poll_messages()

    def _wait_for_exit(self, timeout: float) -> bool:
        """Return when it has ended, at that very moment: subprocess would look at intervals of up to 50 ms."""
        if self._process.poll() is not None:
            return True
        try:
            ended = os.pidfd_open(self._process.pid)
        except OSError:  # no descriptor is left, or a sandbox does not know the call
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(timeout)
            return self._process.poll() is not None
        try:
            watch = select.poll()
            watch.register(ended, select.POLLIN)
            watch.poll(timeout * 1000)
        finally:
            os.close(ended)
        return self._process.poll() is not None

    def _describe_death(self) -> str:
        """One line: how the process went, with its last words."""
        if not self._wait_for_exit(CLOSE_TIMEOUT_S):
            return f"capture ended: {PROGRAM} closed its socket, but runs on"
        code = self._process.returncode
        how = f"was killed by signal {-code}" if code < 0 else f"exited with code {code}"
        self._words.seek(0)
        lines = self._words.read()[-MESSAGE_MAX:].decode("utf-8", "replace").split("\n")
        last = next((one_line(line) for line in reversed(lines) if line.strip()), "")
        return f"capture ended: {PROGRAM} {how}" + (f" ({last})" if last else "")
