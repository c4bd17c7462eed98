# SPDX-License-Identifier: BSD-2-Clause
"""One attempt to reach a collector, on a thread of its own: names, connections and TLS handshakes take their time."""

from __future__ import annotations

import socket
import ssl
import threading
from concurrent.futures import Future
from contextlib import suppress
from select import select

from xtop.ipfix.collector import Collector

CONNECT_TIMEOUT_S = 10.0
VERDICT_S = 1.0


def connect(collector: Collector, context: ssl.SSLContext | None) -> Future[socket.socket]:
    """Begin an attempt. The future holds a socket that never blocks, or the OSError; nobody has to wait for it."""
    coming: Future[socket.socket] = Future()

    def attempt() -> None:
        try:
            coming.set_result(_attempt(collector, context))
        except Exception as error:  # whatever it is, somebody waits to hear of it
            coming.set_exception(error)

    threading.Thread(target=attempt, name="connect", daemon=True).start()
    return coming


def _attempt(collector: Collector, context: ssl.SSLContext | None) -> socket.socket:
    opened = socket.create_connection((collector.host, collector.port), CONNECT_TIMEOUT_S)
    try:
        opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        if context is not None:
            opened = context.wrap_socket(opened, server_hostname=collector.host)
        opened.setblocking(False)
        if isinstance(opened, ssl.SSLSocket):
            _hear_verdict(opened)
    except BaseException:
        opened.close()
        raise
    return opened


def _hear_verdict(opened: ssl.SSLSocket) -> None:
    """Wait for what the collector says of our certificate.

    In TLS 1.3 the client is done before that; what it sends then would be acknowledged, and read by nobody. A collector
    that is content sends session tickets, or says nothing.
    """
    if opened.version() != "TLSv1.3":
        return
    select([opened], [], [], VERDICT_S)
    with suppress(ssl.SSLWantReadError):
        if not opened.recv(1):
            raise ConnectionResetError("it closed the connection")
