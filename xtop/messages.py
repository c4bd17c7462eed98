# SPDX-License-Identifier: BSD-2-Clause
"""What the poller's thread tells the screen."""

from __future__ import annotations

from textual.message import Message

from xtop.export_job import ExportJob
from xtop.flow_packets import FlowPackets
from xtop.model import Snapshot, View


class SnapshotTaken(Message):
    """A source answered ``view`` with ``snapshot``, ``between`` two intervals where it was asked for at once."""

    def __init__(self, snapshot: Snapshot, view: View, between: bool = False) -> None:
        super().__init__()
        self.snapshot = snapshot
        self.view = view
        self.between = between


class SourceFailed(Message):
    """The source answers no more; ``text`` is one line, ``exit_code`` the contract's."""

    def __init__(self, text: str, exit_code: int = 1) -> None:
        super().__init__()
        self.text = text
        self.exit_code = exit_code


class ExportEnded(Message):
    """An export came to its end, well or not."""

    def __init__(self, job: ExportJob) -> None:
        super().__init__()
        self.job = job


class PacketsEnded(Message):
    """The writing of a flow's packets came to its end, well or not."""

    def __init__(self, packets: FlowPackets) -> None:
        super().__init__()
        self.packets = packets
