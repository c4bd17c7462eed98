# SPDX-License-Identifier: BSD-2-Clause
"""Output that is there whole or not at all.

A file is written beside its place and renamed, so a reader never sees half of it and a full disk leaves nothing.
Without ``overwrite`` it takes its place by link(2), which never replaces: not even a file that came while we wrote.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from xtop.export.errors import ExportError
from xtop.ownership import hand_over

STANDARD_OUTPUT = "-"
NO_HARD_LINKS = {errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK}  # what file systems without them answer


@contextlib.contextmanager
def open_output(path: Path | None, overwrite: bool) -> Iterator[BinaryIO]:
    """Yield a stream to ``path``, which appears when the block ends well; None and ``-`` are standard output."""
    if path is None or is_standard_output(path):
        sys.stdout.flush()
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    check_output(path, overwrite)
    try:
        if _is_special(path):
            with path.open("wb") as stream:
                yield stream
        else:
            with _beside(path.resolve(), overwrite) as stream:
                yield stream
    except OSError as error:
        if isinstance(error, BrokenPipeError):
            raise
        raise ExportError(f"cannot write {path} ({error.strerror}; {_advice(error)})", _exit_code(error)) from None


def check_output(path: Path | None, overwrite: bool) -> None:
    """Raise ExportError where ``path`` is taken or cannot be, so that nobody captures for an hour to learn it."""
    if path is None or is_standard_output(path):
        return
    if path.is_dir():
        raise ExportError(f"cannot write {path} (it is a directory; name a file)", 2)
    if not path.resolve().parent.is_dir():
        raise ExportError(f"cannot write {path} (its directory does not exist; make it first)", 2)
    if path.exists() and not overwrite and not _is_special(path):
        raise _taken(path)


def is_standard_output(path: Path) -> bool:
    """Say whether ``path`` stands for standard output."""
    return str(path) == STANDARD_OUTPUT


def is_read_along(path: Path | None) -> bool:
    """Say whether somebody may read what is written to ``path`` at once: standard output, a device, a pipe."""
    return path is None or is_standard_output(path) or _is_special(path)


@contextlib.contextmanager
def _beside(target: Path, overwrite: bool) -> Iterator[BinaryIO]:
    temporary = target.with_name(f".{target.name[:200]}.{os.urandom(6).hex()}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
    try:
        with open(descriptor, "wb") as stream:
            hand_over(descriptor, target.stat() if overwrite and target.exists() else None)
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        if overwrite:
            with contextlib.suppress(FileNotFoundError):
                temporary.chmod(stat.S_IMODE(target.stat().st_mode))
            os.replace(temporary, target)
        else:
            _take_place(temporary, target)
        _sync_directory(target.parent)
    finally:
        temporary.unlink(missing_ok=True)


def _take_place(temporary: Path, target: Path) -> None:
    """Rename, but never onto something."""
    try:
        os.link(temporary, target)
    except FileExistsError:
        raise _taken(target) from None
    except OSError as error:
        if error.errno not in NO_HARD_LINKS:
            raise
        # Without hard links the name is taken first, empty; from then on it is ours to replace.
        try:
            os.close(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666))
        except FileExistsError:
            raise _taken(target) from None
        os.replace(temporary, target)


def _sync_directory(directory: Path) -> None:
    # The rename itself shall outlive a crash; some file systems cannot sync a directory, and then have no need to.
    with contextlib.suppress(OSError):
        descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _is_special(path: Path) -> bool:
    """Say whether ``path`` is a device or a pipe: such a thing is written to, never replaced."""
    return path.exists() and not path.is_file()


def _taken(path: Path) -> ExportError:
    return ExportError(f"cannot write {path} (it exists; give another name, or --overwrite)", 2)


def _exit_code(error: OSError) -> int:
    return 2 if error.errno in {errno.EACCES, errno.EROFS, errno.ENAMETOOLONG, errno.EPERM} else 1


def _advice(error: OSError) -> str:
    return "free some space" if error.errno in {errno.ENOSPC, errno.EDQUOT} else "name another file"
