# SPDX-License-Identifier: BSD-2-Clause
"""What xtop-capture says on its sockets, to its owner and to viewers: a line a datagram (see capture_process)."""

from __future__ import annotations

import array
import socket
from typing import NamedTuple

MESSAGE_MAX = 4096
DESCRIPTOR_SIZE = array.array("i").itemsize
EXIT_CODES = {"1", "2", "3"}  # those of the contract that a failure may have


class Message(NamedTuple):
    """``kind`` is the first word, empty at the end of the stream; ``fds`` are now the receiver's to close."""

    kind: str
    text: str
    fds: list[int]


def receive(control: socket.socket) -> Message:
    """Return the next message without waiting (BlockingIOError)."""
    # socket.recv_fds() loses the flags that it is given (Python 3.11).
    flags = socket.MSG_DONTWAIT | socket.MSG_CMSG_CLOEXEC
    try:
        data, ancillary, _, _ = control.recvmsg(MESSAGE_MAX, socket.CMSG_SPACE(DESCRIPTOR_SIZE), flags)
    except ConnectionError:
        data, ancillary = b"", []
    descriptors = array.array("i")
    for level, kind, value in ancillary:
        if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
            descriptors.frombytes(value[: len(value) - len(value) % DESCRIPTOR_SIZE])
    word, _, rest = data.decode("utf-8", "replace").partition(" ")
    return Message(word, rest, list(descriptors))


class Failure(NamedTuple):
    """Why there is no capture, in one line; xtop's exit code; which of several interfaces it is about."""

    text: str
    exit_code: int
    link: int


def failure_of(text: str) -> Failure:
    """Return what a "failed CODE LINK WORDS" message says, whose ``text`` is CODE LINK WORDS."""
    code, _, rest = text.partition(" ")
    link, _, words = rest.partition(" ")
    return Failure(
        one_line(words),
        int(code) if code in EXIT_CODES else 1,
        int(link) if link.isascii() and link.isdigit() else 0,
    )


def one_line(text: str) -> str:
    """Return ``text`` with nothing in it that a terminal would obey."""
    return "".join(character if character.isprintable() else " " for character in text).strip()
