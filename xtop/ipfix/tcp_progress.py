# SPDX-License-Identifier: BSD-2-Clause
"""How far a TCP connection has come: what was given to it, and what the other side has acknowledged."""

from __future__ import annotations

import socket
import struct
from dataclasses import dataclass

# struct tcp_info of <linux/tcp.h>; offsets never change.
INFO_SIZE = 256
ACKED = 120  # u64
NOT_SENT = 144  # u32
SENT = 200  # u64, retransmissions included
RETRANSMITTED = 208  # u64
ENOUGH = RETRANSMITTED + 8  # a kernel before 4.19 tells less


@dataclass(frozen=True, slots=True)
class TcpProgress:
    """Octets since the connection was made. The SYN is acknowledged as one octet more."""

    written: int
    acknowledged: int


def tcp_progress(connection: socket.socket) -> TcpProgress | None:
    """Return both as of one moment; of a connection that was reset, its last; None: the kernel does not tell."""
    try:
        info = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, INFO_SIZE)
    except OSError:
        return None
    if len(info) < ENOUGH:
        return None
    (acked,) = struct.unpack_from("=Q", info, ACKED)
    (waiting,) = struct.unpack_from("=I", info, NOT_SENT)
    sent, retransmitted = struct.unpack_from("=QQ", info, SENT)
    return TcpProgress(sent - retransmitted + waiting, max(0, acked - 1))
