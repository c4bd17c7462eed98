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

STANDARD_OUTPUT = 1
NAMED = {"-": STANDARD_OUTPUT, "/dev/stdout": STANDARD_OUTPUT, "/dev/stderr": 2}
NUMBERED = ("/dev/fd/", "/proc/self/fd/")
NO_HARD_LINKS = {errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK}  # what file systems without them answer


@contextlib.contextmanager
def open_output(path: Path | None, overwrite: bool) -> Iterator[BinaryIO]:
    """Yield a stream to ``path``, which appears when the block ends well; None and ``-`` are standard output."""
    check_output(path, overwrite)
    try:
        if path is None or is_standard_output(path):
            sys.stdout.flush()
            yield sys.stdout.buffer
            sys.stdout.buffer.flush()
        elif _is_special(path):
            with _open_special(path) as stream:
                yield stream
        else:
            with _beside(place_of(path), overwrite) as stream:
                yield stream
    except OSError as error:
        if isinstance(error, BrokenPipeError):
            raise
        name = "standard output" if path is None or is_standard_output(path) else path
        raise ExportError(f"cannot write {name} ({error.strerror}; {_advice(error)})", _exit_code(error)) from None


def check_output(path: Path | None, overwrite: bool) -> None:
    """Raise ExportError where ``path`` is taken or cannot be, so that nobody captures for an hour to learn it."""
    if path is None or _descriptor(path) is not None:
        return
    try:
        with contextlib.suppress(FileNotFoundError):
            path.stat()  # the name is too long, links go round in a circle, a directory is closed to us
    except OSError as error:
        raise _refused(path, error) from None
    if path.is_dir():
        raise ExportError(f"cannot write {path} (it is a directory; name a file)", 2)
    directory = place_of(path).parent
    if not directory.is_dir():
        raise ExportError(f"cannot write {path} (its directory does not exist; make it first)", 2)
    if _is_special(path):
        return
    if path.exists() and not overwrite:
        raise _taken(path)
    if not os.access(directory, os.W_OK | os.X_OK, effective_ids=True):
        raise ExportError(f"cannot write {path} (its directory may not be written; name a file elsewhere)", 2)


def place_of(path: Path) -> Path:
    """Return where ``path`` leads to, be there something or not (ExportError)."""
    try:
        return Path(os.path.realpath(path))
    except OSError as error:  # what is relative leads nowhere from a directory that was removed
        raise _refused(path, error) from None


def is_standard_output(path: Path) -> bool:
    """Say whether ``path`` stands for standard output."""
    return _descriptor(path) == STANDARD_OUTPUT


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
    """Say whether ``path`` is a device, a pipe or open already: such a thing is written to, never replaced."""
    return _descriptor(path) is not None or (path.exists() and not path.is_file())


def _open_special(path: Path) -> BinaryIO:
    """Open it; what is open already goes on where it stands, as after ``2>>FILE``: anew it would be cut off."""
    number = _descriptor(path)
    return path.open("wb") if number is None else open(os.dup(number), "wb")


def _descriptor(path: Path) -> int | None:
    """Return the number of our own descriptor that ``path`` names, whatever that leads to: a file, too."""
    name = str(path)
    for directory in NUMBERED:
        number = name.removeprefix(directory)
        if number != name and number.isascii() and number.isdigit():
            return int(number)
    return NAMED.get(name)


def _refused(path: Path, error: OSError) -> ExportError:
    return ExportError(f"cannot write {path} ({error.strerror}; name another file)", 2)


def _taken(path: Path) -> ExportError:
    return ExportError(f"cannot write {path} (it exists; give another name, or --overwrite)", 2)


def _exit_code(error: OSError) -> int:
    return 2 if error.errno in {errno.EACCES, errno.EROFS, errno.ENAMETOOLONG, errno.EPERM} else 1


def _advice(error: OSError) -> str:
    return "free some space" if error.errno in {errno.ENOSPC, errno.EDQUOT} else "name another file"
