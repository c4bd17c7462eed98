# SPDX-License-Identifier: BSD-2-Clause
"""The selected flow's packets into a file."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from textual import on

from xtop.flow_packets import Bounds, FlowPackets, Rewrite
from xtop.live_app import LiveApp
from xtop.messages import PacketsEnded
from xtop.packets_choice import no_packets, packets_path

QUIT_PATIENCE_S = 1.0  # for the file to be closed


class PacketActions(LiveApp):
    """Begins and ends the copying of one flow."""

    _source: Any  # a PacketSource, too, where `tap` is there
    _rewrite: Rewrite | None  # what of packets may be written
    _now: Callable[[], datetime]
    _packets: FlowPackets | None = None

    def on_unmount(self) -> None:
        """Let the copying end; what came so far is kept."""
        if self._packets is not None and not self._packets.over:
            self._source.untap()
            self._packets.wait(QUIT_PATIENCE_S)

    def action_packets(self) -> None:
        """Write the packets of the selected flow, or of the one in detail, to a file; or end that."""
        if self._packets is not None and not self._packets.over:
            self._source.untap()
            return
        flow = self._flow
        why = no_packets(flow, self._shown, self._view, self._source)
        if why is not None:
            self.notice(why)
            return
        assert flow is not None
        assert self._shown is not None
        bounds, path = Bounds(), packets_path(flow, self._now())
        try:
            tap = self._source.tap(flow.key, bounds)
        except OSError as error:
            self.notice(f"the capture does not answer ({error.strerror or error})")
            return
        self._packets = FlowPackets(tap, path, self._shown.source.name, self._tell_packets, self._rewrite)
        self._packets.start()
        self.follow(self._packets_progress)

    def _packets_progress(self) -> str | None:
        if self._packets is None or self._packets.over:
            return None
        return f"{self._packets.packets:,} packets of the flow written · {self._key('packets')} ends it"

    def _tell_packets(self, packets: FlowPackets) -> None:
        self.post_message(PacketsEnded(packets))

    @on(PacketsEnded)
    def _packets_ended(self, message: PacketsEnded) -> None:
        packets = message.packets
        path = str(packets.path) if packets.kept else ""
        self.tell(packets.outcome(), path)
