# SPDX-License-Identifier: BSD-2-Clause
"""What a capture said of itself so far, and the packets that it gives: for who owns it and who only views it alike.

    owner, viewer → capture   tap PACKETS NANOSECONDS BYTES KEY   with a socket (SCM_RIGHTS): the packets of one flow
                              untap                               no more of them

The packets come on a socket of the asker's own (capture/flow_tap.h), who writes them with rights of their own.
"""

from __future__ import annotations

import contextlib
import os
import socket

from xtop.capture_messages import failure_of, receive

TAP_ROOM = 8 << 20  # bytes of packets that may wait for us
SO_SNDBUFFORCE = 32  # asm-generic/socket.h


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

    def tap(self, key: bytes, packets: int, nanoseconds: int, size: int) -> socket.socket:
        """Ask for the packets of the flow of ``key``, within bounds; return the socket that they come on (OSError)."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            _make_room(theirs)
            try:
                request = f"tap {packets} {nanoseconds} {size} {key.hex()}".encode()
                socket.send_fds(self._control, [request], [theirs.fileno()], socket.MSG_DONTWAIT | socket.MSG_NOSIGNAL)
            except BaseException:
                ours.close()
                raise
        return ours

    def untap(self) -> None:
        """Ask for no more packets; those under way still come."""
        if not self._closed:
            with contextlib.suppress(OSError):
                self._control.send(b"untap", socket.MSG_DONTWAIT | socket.MSG_NOSIGNAL)

    def _describe_death(self) -> str:
        """One line for a capture that said no more, and did not say that it ended."""
        raise NotImplementedError

    def _over(self) -> bool:
        return self.ended or self.death is not None or self._closed

    def _let_go_of_segment(self) -> None:
        if self.memfd >= 0:
            os.close(self.memfd)
            self.memfd = -1


def _make_room(tap: socket.socket) -> None:
    """Let as many packets wait in ``tap`` as this process has a right to; the capture has none any more."""
    try:
        tap.setsockopt(socket.SOL_SOCKET, SO_SNDBUFFORCE, TAP_ROOM)
    except PermissionError:
        tap.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, TAP_ROOM)  # net.core.wmem_max at most
