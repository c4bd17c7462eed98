# SPDX-License-Identifier: BSD-2-Clause
"""A seat before a capture that somebody else started: it sees everything, may take packets, and can end nothing."""

from __future__ import annotations

import contextlib
import fcntl
import os
import select
import socket
import struct
import time

from xtop.capture_state import CaptureState
from xtop.running_captures import RunningCapture
from xtop.source import SourceError

READY_TIMEOUT_S = 10.0
_SEALS = 0x0002 | 0x0004  # F_SEAL_SHRINK, F_SEAL_GROW: what is mapped stays there (linux/fcntl.h)
_F_GET_SEALS = 1034


class CaptureViewer(CaptureState):
    """What a CaptureProcess is to its owner, to anybody else. Made by :meth:`attach`; for one thread."""

    def __init__(self, capture: RunningCapture, control: socket.socket) -> None:
        super().__init__(control)
        self._capture = capture

    @classmethod
    def attach(cls, capture: RunningCapture, *, named: bool = True, timeout: float = READY_TIMEOUT_S) -> CaptureViewer:
        """Connect to ``capture``; raise SourceError where it has gone, or does not let this user in.

        Root looks into another user's capture only where it was ``named``.
        """
        control = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        try:
            control.settimeout(timeout)
            control.connect(capture.address)
            control.settimeout(None)
            _check_user(control, capture, named)
            viewer = cls(capture, control)
            viewer._await_ready(timeout)
        except BaseException as error:
            control.close()
            if isinstance(error, OSError):
                words = error.strerror or "no answer"
                raise SourceError(f"cannot attach to {_who(capture)} ({words}; it may just have ended)", 1) from None
            raise
        return viewer

    def send_cursor(self, queue: int, count: int) -> None:
        """Do nothing: only its owner does a capture wait for."""

    def leave(self) -> None:
        """Do nothing: the capture is somebody else's."""

    def stop(self, timeout: float = 0.0) -> bool:
        """Leave the capture alone; False where it goes on."""
        self.poll_messages()
        return self.ended or self.death is not None

    def close(self) -> None:
        """Leave. The capture goes on. Idempotent."""
        if self._closed:
            return
        self._closed = True
        self._control.close()
        self._let_go_of_segment()

    def _describe_death(self) -> str:
        return f"capture ended: {_who(self._capture)} is gone"

    def _await_ready(self, timeout: float) -> None:
        deadline = time.monotonic() + timeout
        self.poll_messages()
        while self.memfd < 0 and self.death is None and (left := deadline - time.monotonic()) > 0:
            select.select([self._control], [], [], left)
            self.poll_messages()
        if self.death is not None:
            raise SourceError(self.death, self.exit_code)
        if self.memfd < 0:
            raise SourceError(f"{_who(self._capture)} does not answer (it is stopped, or busy; try again)", 1)
        with contextlib.suppress(OSError):
            if fcntl.fcntl(self.memfd, _F_GET_SEALS) & _SEALS == _SEALS:
                return
        raise SourceError(f"{_who(self._capture)} hands out memory that it may take away again (it is no xtop)", 1)


def _who(capture: RunningCapture) -> str:
    return f"the capture of {capture.name} (process {capture.pid})"


def _check_user(control: socket.socket, capture: RunningCapture, named: bool) -> None:
    """Raise SourceError where somebody else listens there: an abstract address is free for all to take."""
    credentials = control.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    _, user, _ = struct.unpack("3i", credentials)
    if user in {0, os.geteuid()}:
        return
    if os.geteuid() != 0:
        raise SourceError(f"{_who(capture)} belongs to another user (run as that user, or as root)", 3)
    if not named:
        raise SourceError(f"{_who(capture)} is user {user}'s (to look into it: xtop attach {capture.pid})", 2)
