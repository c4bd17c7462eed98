#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Stands in for xtop-capture: speaks its control protocol, and behaves as XTOP_FAKE says.

It writes what it is told, a line each, to the file XTOP_FAKE_LOG; its arguments come first.
"""

import contextlib
import os
import signal
import socket
import sys
import time


def note(text):
    with open(os.environ["XTOP_FAKE_LOG"], "a", encoding="utf-8") as log:
        log.write(text + "\n")


def serve(control):
    """Answer until the owner goes."""
    while message := control.recv(4096):
        note(message.decode())
        if message == b"stop":
            control.send(b"ended")


def main():
    arguments = sys.argv[1:]
    note(" ".join(arguments))
    control = socket.socket(fileno=int(arguments[arguments.index("--control-fd") + 1]))
    how = os.environ["XTOP_FAKE"]
    if "--file-fd" in arguments:
        note("read " + os.read(int(arguments[arguments.index("--file-fd") + 1]), 100).decode())
    if how == "rights":
        control.send(b"failed 3 0 CAP_NET_RAW is missing (setcap)")
        return 3
    if how == "mute":
        time.sleep(60)
    if how == "crash":
        print("first words\nlast words", file=sys.stderr, flush=True)
        return 7
    segment = os.memfd_create("fake")
    os.write(segment, b"segment")
    socket.send_fds(control, [b"ready"], [segment])
    if how == "killed":
        os.kill(os.getpid(), signal.SIGKILL)
    if how == "stubborn":
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, signal.SIG_IGN)
        time.sleep(60)
    if how == "short":
        control.send(b"ended")
    serve(control)
    note("owner left")
    with contextlib.suppress(OSError):  # who left may be gone, or wait for this
        control.send(b"ended")
    return 0


if __name__ == "__main__":
    sys.exit(main())
