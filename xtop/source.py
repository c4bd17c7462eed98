# SPDX-License-Identifier: BSD-2-Clause
"""What the screen and the exporters ask of a source of snapshots; who answers is none of their business."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Protocol

from xtop.model import CaptureState, Snapshot, View

if TYPE_CHECKING:
    from xtop.flow_packets import Bounds  # imports what only the packets of a flow need


class SourceError(Exception):
    """A source cannot start or go on.

    ``str()`` is one line, ``WHAT (WHY; WHAT TO DO)``; ``exit_code`` is the contract's; ``link`` says which of several
    interfaces it is about.
    """

    def __init__(self, text: str, exit_code: int = 1, link: int = 0) -> None:
        super().__init__(text)
        self.exit_code = exit_code
        self.link = link


class PacketSource(Protocol):
    """What a source may offer besides: the packets of one flow."""

    def tap(self, key: bytes, bounds: Bounds) -> socket.socket:
        """Return a socket on which the packets of the flow of ``key`` arrive (OSError)."""

    def untap(self) -> None:
        """Ask for no more packets."""


class SnapshotSource(Protocol):
    """Anything that can be looked at. Methods are called from one thread at a time."""

    def snapshot(self, view: View) -> Snapshot:
        """Return the present moment. Rates are since the previous call. Works after the capture ended, too."""

    def state(self) -> CaptureState:
        """Return where the capture is, at no cost: what a snapshot would say, but nothing is measured."""

    def leave(self) -> None:
        """Say that nobody waits for what is still to come: the end begins now, and `close` waits for it. Never waits.

        What was counted stays to be looked at, as after `stop`. Called from any thread.
        """

    def stop(self) -> None:
        """End the capture and wait until its figures are final; snapshots may still be taken. Idempotent."""

    def close(self) -> None:
        """Stop, and let go of everything. Idempotent."""
