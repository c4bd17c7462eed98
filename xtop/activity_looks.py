# SPDX-License-Identifier: BSD-2-Clause
"""When a look into the segment finds hosts that stand out, and what it found."""

from __future__ import annotations

import time
from typing import Any

from xtop._native import ffi, lib
from xtop.flow_rows import address_text
from xtop.model import Activity, View

EVERY_S = 5.0  # at least: hosts that stand out are looked for this often
PACE = 50_000  # live flows for each second between, so that the two looks cost the same share at any number
MOST_HOSTS = 9  # the first by rate, and those that began most flows


class ActivityLooks:
    """Which of the looks of ``reader`` do it: every few seconds two in a row."""

    def __init__(self, reader: Any) -> None:
        self._reader = reader
        self._begun_at = 0.0  # monotonic seconds
        self._phase = int(lib.READER_ACTIVITY_NONE)

    def next_phase(self, view: View, over: bool, flows_live: int) -> int:
        """Return what the next look does about it, READER_ACTIVITY_; ``flows_live`` of the look before."""
        self._phase = self._phase_after(self._phase, view, over, flows_live)
        return self._phase

    def _phase_after(self, phase: int, view: View, over: bool, flows_live: int) -> int:
        if not view.activity or view.between or over:
            return int(lib.READER_ACTIVITY_NONE)
        if phase == lib.READER_ACTIVITY_COUNT:
            return int(lib.READER_ACTIVITY_NAME)
        if time.monotonic() - self._begun_at < max(EVERY_S, flows_live / PACE):
            return int(lib.READER_ACTIVITY_NONE)
        self._begun_at = time.monotonic()
        return int(lib.READER_ACTIVITY_COUNT)

    def found(self, interval_ns: int) -> Activity | None:
        """Return who stands out, where the last look has found it."""
        if self._phase != lib.READER_ACTIVITY_NAME:
            return None
        from xtop.activity import ActiveHost, activity_of  # here, since a snapshot asks for no hosts

        hosts = ffi.new("struct reader_host[]", MOST_HOSTS)
        count = lib.reader_active_hosts(self._reader, hosts, MOST_HOSTS)
        found = [
            ActiveHost(_address(host), host.flows, host.host_bits, host.port_bits, host.rate_bytes)
            for host in hosts[0:count]
        ]
        return activity_of(found, interval_ns)


def _address(host: Any) -> str:
    return address_text(host.ip_version, bytes(ffi.buffer(host.address)))
