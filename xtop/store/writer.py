# SPDX-License-Identifier: BSD-2-Clause
"""Writes moments into a store.

A moment is appended by one write, and cut off again where the disk took only a part of it: what is in the file is
whole. A process that was killed leaves at most the last moment torn, which readers leave out.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
from dataclasses import replace
from pathlib import Path

from xtop.history import last_lost
from xtop.model import Snapshot
from xtop.ownership import hand_over, hand_over_directory
from xtop.source import SourceError
from xtop.store.files import file_name, files_of
from xtop.store.member import packed
from xtop.store.moment import Moment, written
from xtop.units import NANOSECONDS

FILE_S = 3600  # a file holds so much
STORE_SIZE = 1 << 30  # bytes kept at the most, unless somebody says otherwise


class StoreWriter:
    """The moments of one capture, into the directory ``directory`` of at most ``most_bytes``; the earliest files go.

    Raises SourceError where it cannot be written, or another xtop writes it.
    """

    def __init__(self, directory: Path, most_bytes: int = STORE_SIZE) -> None:
        self.directory = directory
        self.moments = 0
        self.trouble = ""  # why nothing is written any more, a clause
        self._most_bytes = most_bytes
        self._file = -1
        self._path: Path | None = None
        self._ends = 0  # ns: from then on there is another file
        self._size = 0  # of the present file
        self._before: Snapshot | None = None
        self._last_lost: dict[str, int] = {}
        try:
            if not directory.is_dir():
                directory.mkdir()
                hand_over_directory(directory)
            if not os.access(directory, os.W_OK | os.X_OK, effective_ids=True):
                raise OSError(errno.EACCES, "it may not be written")  # now, and not with the first moment
            self._lock = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except OSError as error:
            raise SourceError(f"cannot write to {directory} ({error.strerror}; name another directory)", 2) from None
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(self._lock)
            raise SourceError(f"another xtop records into {directory} (name another directory)", 2) from None

    def append(self, snapshot: Snapshot) -> None:
        """Keep ``snapshot``. A disk that takes no more ends the store, not the capture: see ``trouble``."""
        if self.trouble:
            return
        self._last_lost = last_lost(self._last_lost, self._before, snapshot)
        self._before = replace(snapshot, flows=(), groups=())
        line = written(Moment(snapshot, self._last_lost))
        member = packed(line, snapshot.taken_at, snapshot.totals.bps, snapshot.totals.pps)
        try:
            self._open_for(snapshot.taken_at)
            self._write(member)
            self._make_room()
        except OSError as error:
            self.trouble = error.strerror or str(error)
        else:
            self.moments += 1

    def close(self) -> None:
        """Let go of the directory. Idempotent."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1

    def _open_for(self, taken_at: int) -> None:
        # In eighths: of a store of less than some hours there would be nothing to take away but all.
        if self._file >= 0 and taken_at < self._ends and self._size <= self._most_bytes // 8:
            return
        if self._file >= 0:
            os.close(self._file)
            self._file = -1
        number = 0
        while self._file < 0:
            self._path = self.directory / file_name(taken_at, number)
            with contextlib.suppress(FileExistsError):
                flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC
                self._file = os.open(self._path, flags, 0o666)
            number += 1
        hand_over(self._file)
        self._size = 0
        self._ends = (taken_at // (FILE_S * NANOSECONDS) + 1) * FILE_S * NANOSECONDS

    def _write(self, member: bytes) -> None:
        try:
            done = os.write(self._file, member)
            while done < len(member):
                done += os.write(self._file, member[done:])
        except OSError:
            os.ftruncate(self._file, self._size)
            raise
        self._size += len(member)

    def _make_room(self) -> None:
        """Remove the earliest files where all are too much; the one being written stays."""
        sizes = {path: path.stat().st_size for path in files_of(self.directory)}
        too_much = sum(sizes.values()) - self._most_bytes
        for path, size in sizes.items():
            if too_much <= 0 or path == self._path:
                break
            path.unlink()
            too_much -= size
