# SPDX-License-Identifier: BSD-2-Clause
"""``xtop record`` on a link, which tests read while it runs and which ends with them."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO

from .conftest import Link, program


@contextmanager
def recording(
    link: Link, *options: str, capture: str = "af_xdp"
) -> Iterator[tuple[subprocess.Popen[bytes], IO[bytes]]]:
    """A running ``xtop record``, and what it says: a line each tenth of a second, the first once it captures."""
    command = [program("xtop"), "record", "-i", link.captured, "--capture", capture, "--every", "0.1", *options]
    record = subprocess.Popen(link.command(*command), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    try:
        assert record.stderr is not None
        yield record, record.stderr
    finally:
        if record.poll() is None:
            record.kill()
            record.communicate()


def interrupted(record: subprocess.Popen[bytes]) -> bytes:
    """End it as Ctrl-C does; return what it said last."""
    record.send_signal(signal.SIGINT)
    return record.communicate(timeout=60)[1]
