# SPDX-License-Identifier: BSD-2-Clause
"""Messages into a file (RFC 5655), which is there whole when the capture ends, or not at all; or to who reads along."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import BinaryIO

from xtop.export.ipfix_format import FILE_MESSAGE
from xtop.export.output_file import check_output, is_read_along, open_output
from xtop.ipfix.session import Greeting, Sequence32, Tally
from xtop.native_ipfix import Message


class FileTransport:
    """A file as a collector that is always there. A write that fails (a full disk) ends the export."""

    repeats_templates = False
    message_size = FILE_MESSAGE
    room = sys.maxsize

    def __init__(self, path: Path, overwrite: bool) -> None:
        """Raise ExportError where it cannot be: a capture that begins may take a link down for a while."""
        check_output(path, overwrite)
        self.tally = Tally()
        self._path = path
        self._overwrite = overwrite
        self._at_once = is_read_along(path)
        self._sequence = Sequence32()
        self._closing = ExitStack()
        self._stream: BinaryIO | None = None

    def open(self, greeting: Greeting) -> None:
        """Open it; ExportError where its name was taken meanwhile."""
        self._stream = self._closing.enter_context(open_output(self._path, self._overwrite))
        self.tally.connected = True
        self.send(greeting())

    def send(self, messages: Sequence[Message]) -> None:
        """Write."""
        assert self._stream is not None
        try:
            for message in messages:
                self._sequence.stamp(message)
                self._stream.write(message.data)
                self.tally.sent(message)
            if self._at_once:
                self._stream.flush()
        except OSError:
            # The file's own context makes one line of it and leaves nothing behind.
            self._closing.pop_all().__exit__(*sys.exc_info())
            raise

    def tend(self) -> None:
        """Nothing waits."""

    def finish(self, patience: float) -> None:
        """Put the file in its place."""
        self._closing.close()

    def abandon(self) -> None:
        """Leave no file."""
        with suppress(Abandoned):
            self._closing.pop_all().__exit__(Abandoned, Abandoned(), None)


class Abandoned(Exception):
    """Nobody wants the file any more."""
