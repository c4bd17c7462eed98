# SPDX-License-Identifier: BSD-2-Clause
"""Whose a new file is: started by sudo, xtop is root, but what it writes is for the user who called it (sudo(8))."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from functools import partial
from pathlib import Path


def calling_user() -> tuple[int, int] | None:
    """Return user and group of who called sudo; None where nobody did, or we are not root by it."""
    user, group = os.environ.get("SUDO_UID", ""), os.environ.get("SUDO_GID", "")
    if os.geteuid() != 0 or not all(number.isascii() and number.isdigit() for number in (user, group)):
        return None
    return int(user), int(group)


def hand_over(descriptor: int, replaced: os.stat_result | None = None) -> None:
    """Give a file that we have just made to the calling user, or to whom the file belongs whose place it takes.

    Where that cannot be (some file systems know no owners), it stays ours.
    """
    owner = calling_user()
    if owner is not None:
        with contextlib.suppress(OSError):
            os.fchown(descriptor, *((replaced.st_uid, replaced.st_gid) if replaced else owner))


def hand_over_directory(directory: Path, give: Callable[[int], None] = hand_over) -> None:
    """Give a directory that we have just made in the way of ``give``; a link in its place is not followed (OSError)."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        give(descriptor)
    finally:
        os.close(descriptor)


def write_at_home(path: Path, text: str) -> None:
    """Put ``text`` into ``path``, a file of the user's own settings, whole or not at all (OSError).

    Directories that are missing are made; all of it is the calling user's in a home of theirs, root's in root's.
    """
    for directory in reversed([path.parent, *path.parent.parents]):
        if not directory.exists():
            directory.mkdir(mode=0o700, exist_ok=True)
            hand_over_directory(directory, partial(_hand_over_at_home, directory=directory.parent))
    fresh = path.with_name(f".{path.name}.{os.urandom(6).hex()}")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with open(descriptor, "w", encoding="utf-8") as stream:
            _hand_over_at_home(descriptor, path.parent)
            stream.write(text)
        fresh.replace(path)
    finally:
        fresh.unlink(missing_ok=True)


def _hand_over_at_home(descriptor: int, directory: Path) -> None:
    owner = calling_user()
    if owner is not None and directory.stat().st_uid == owner[0]:
        hand_over(descriptor)
