# SPDX-License-Identifier: BSD-2-Clause
"""What a capture said of itself so far, as both who owns it and who only views it know it."""

from __future__ import annotations

import os
import socket

from xtop.capture_messages import failure_of, receive


class CaptureState:
    """One end of a capture's socket, for one thread.

    ``memfd`` is the segment (-1 until the capture is ready; closed with this end), ``ended`` says that its figures
    are final, ``death`` is one line where it died or could not start, ``exit_code`` what that means as xtop's own,
    ``failed_link`` which of several interfaces it is about.
    """

    def __init__(self, control: socket.socket) -> None:
        self.memfd = -1
        self.ended = False
        self.death: str | None = None
        self.exit_code = 1
        self.failed_link = 0
        self._control = control
        self._closed = False

    def poll_messages(self) -> None:
        """Take in what the capture said since, without waiting."""
        while self.death is None and not self._closed:
            try:
                message = receive(self._control)
            except BlockingIOError:
                return
            if message.kind == "ready" and message.fds and self.memfd < 0:
                self.memfd = message.fds.pop()
            elif message.kind == "failed":
                failure = failure_of(message.text)
                self.death, self.exit_code, self.failed_link = failure.text, failure.exit_code, failure.link
            elif message.kind == "ended":
                self.ended = True
            for fd in message.fds:
                os.close(fd)
            if not message.kind:
                if not self.ended:
                    self.death = self._describe_death()
                return

    def _describe_death(self) -> str:
        """One line for a capture that said no more, and did not say that it ended."""
        raise NotImplementedError

    def _over(self) -> bool:
        return self.ended or self.death is not None or self._closed

    def _let_go_of_segment(self) -> None:
        if self.memfd >= 0:
            os.close(self.memfd)
            self.memfd = -1
