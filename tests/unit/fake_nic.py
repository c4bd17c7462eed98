# SPDX-License-Identifier: BSD-2-Clause
"""A NIC that does what real drivers do to those who tune them: refuses, rounds, and moves one setting with another."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from tests.unit.sample_link import ixgbe
from xtop.ethtool.ioctl import Rss
from xtop.link_state import LinkState, Value
from xtop.machine_files import MachineFiles


class FakeNic:
    """Read it and write it; ``refused`` are settings it will not change, ``writes`` what it was asked."""

    def __init__(self, **values: Value) -> None:
        start = ixgbe()
        self.values: dict[str, Value] = {**start.values, "coalesce.rx-usecs": 2}
        self.values.update({key.replace("__", "."): value for key, value in values.items()})
        self.custom_table = False
        self.refused: set[str] = set()
        self.writes: list[str] = []

    def read(self) -> LinkState:
        table = tuple(map(int, str(self.values["rss.table"]).split(",")))
        key = bytes.fromhex(str(self.values["rss.key"]).replace(":", ""))
        return replace(ixgbe(), values=dict(self.values), rss=Rss("toeplitz", None, key, table))

    def write(self, state: LinkState, values: Mapping[str, Value], files: MachineFiles) -> dict[str, str]:
        refusals = {}
        for key, value in values.items():
            self.writes.append(key)
            if key in self.refused:
                refusals[key] = "Device or resource busy"
            elif key == "channels.combined":
                if not self._set_queues(int(value)):
                    refusals[key] = "Invalid argument: requested channel counts are too low for the indirection table"
            elif key == "coalesce.rx-usecs":
                self.values[key] = int(value) & ~1  # this hardware counts in steps of 2 µs
            else:
                self.values[key] = value
                if key == "rss.table":
                    self.custom_table = value != self._spread(int(self.values["channels.combined"]))
        return refusals

    def _set_queues(self, queues: int) -> bool:
        table = list(map(int, str(self.values["rss.table"]).split(",")))
        if self.custom_table and max(table) >= queues:
            return False
        self.values["channels.combined"] = queues
        if not self.custom_table:
            self.values["rss.table"] = self._spread(queues)
        self.values["rings.tx"] = 512  # the rings were set up anew
        return True

    @staticmethod
    def _spread(queues: int) -> str:
        return ",".join(str(entry % queues) for entry in range(128))
