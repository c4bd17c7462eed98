# SPDX-License-Identifier: BSD-2-Clause
"""What a link was like before xtop tuned it: one small JSON file an interface, kept until ``--undo``.

A file is named after what the kernel never reuses while it runs: the network namespace and the interface's number in
it. The name may change meanwhile; MAC address and driver say whether it is still the same thing.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from xtop.link_state import LinkState, Value
from xtop.machine_files import MachineFiles

SCHEMA = "xtop.tune-record/1"
_ALONE = ("irq.", "sysctl.")  # other programs move these about at any time; they follow nothing of ours


class RecordError(Exception):
    """The state directory cannot be used. ``str()`` is one line, WHAT (WHY; WHAT TO DO)."""


@dataclass(frozen=True, slots=True)
class Kept:
    """One setting: what it was, what xtop asked for, and what it read back after that."""

    before: Value
    asked: Value
    applied: Value


@dataclass(slots=True)
class Record:
    """What was changed on one interface."""

    boot: str
    namespace: int
    name: str
    index: int
    mac: str
    driver: str
    settings: dict[str, Kept] = field(default_factory=dict)

    def is_of(self, state: LinkState) -> bool:
        """Say whether this is about the very interface of ``state``, whatever its name is now."""
        return (self.index, self.mac, self.driver) == (state.index, state.mac, state.driver.driver)

    def follow(self, before: Mapping[str, Value], after: Mapping[str, Value]) -> None:
        """Take in what changed between two readings along with what xtop changed, as the table does with the queues.

        Else ``--undo`` would take it for somebody else's doing, or not put it back.
        """
        for key in before.keys() & after.keys():
            was, now = before[key], after[key]
            if was == now or key.startswith(_ALONE):
                continue
            kept = self.settings.get(key)
            if kept is None:
                self.settings[key] = Kept(was, now, now)
            elif kept.applied == was:
                self.settings[key] = replace(kept, applied=now)


def state_directory(environment: Mapping[str, str], as_root: bool) -> Path:
    """Return where records are kept: $XDG_STATE_HOME/xtop, /var/lib/xtop for root, ~/.local/state/xtop for others."""
    home = environment.get("XDG_STATE_HOME", "")
    if os.path.isabs(home):
        return Path(home) / "xtop"
    if as_root:
        return Path("/var/lib/xtop")
    return Path(environment.get("HOME", "/")) / ".local" / "state" / "xtop"


class RecordStore:
    """The records of this machine's interfaces."""

    def __init__(self, directory: Path, files: MachineFiles) -> None:
        self._directory = directory / "tune"
        self.boot = files.text("proc/sys/kernel/random/boot_id") or ""
        self.namespace = os.stat("/proc/thread-self/ns/net").st_ino

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Keep every other ``xtop tune`` of this machine out meanwhile; raise RecordError."""
        with self._explained():
            self._directory.mkdir(parents=True, exist_ok=True)
            lock = os.open(self._directory / ".lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        finally:
            os.close(lock)

    def fresh(self, state: LinkState) -> Record:
        """Return an empty record for the interface of ``state``."""
        return Record(self.boot, self.namespace, state.name, state.index, state.mac, state.driver.driver)

    def records(self) -> list[Record]:
        """Return every readable record of this start of the machine. Older ones describe what is no longer set."""
        found = [_read(path) for path in sorted(self._directory.glob("*.json"))]
        return [record for record in found if record is not None and record.boot == self.boot]

    def here(self) -> list[Record]:
        """Return the records of this network namespace."""
        return [record for record in self.records() if record.namespace == self.namespace]

    def keep(self, record: Record) -> None:
        """Write ``record``, whole or not at all; one without settings is removed. Raise RecordError."""
        path = self._directory / f"{record.namespace}-{record.index}.json"
        with self._explained():
            if record.settings:
                _replace(path, json.dumps({"schema": SCHEMA, **asdict(record)}, indent=1) + "\n")
            else:
                path.unlink(missing_ok=True)

    @contextlib.contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise RecordError(
                f"cannot keep what was before in {self._directory} ({error.strerror};"
                " set XDG_STATE_HOME to another place)"
            ) from None


def _read(path: Path) -> Record | None:
    try:
        content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        if content.pop("schema") != SCHEMA:
            return None
        settings = {key: Kept(**kept) for key, kept in content.pop("settings").items()}
        return Record(**content, settings=settings)
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return None


def _replace(path: Path, text: str) -> None:
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(6)}")
    try:
        with open(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644), "w") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
