# SPDX-License-Identifier: BSD-2-Clause
"""The settings of the screen as a table: rows from which the file is read, checked and documented."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from xtop.keymap import ALL_KEYS
from xtop.model import GROUP_SORT_KEYS, GROUPS
from xtop.screen_settings import GRAPH_WORDS, PANEL_NAMES, ScreenSettings
from xtop.setting_values import column_lists, flow_filter, key_lists, number, one_of, rate, some_of, switch
from xtop.themes import theme_names

LEAST_INTERVAL_S, MOST_INTERVAL_S = 0.05, 3600.0
_CONTACTS = number(0, 1 << 31, whole=True)


@dataclass(frozen=True, slots=True)
class Setting:
    """One row. ``read`` makes the field's value of the file's, or says in a ValueError what is wrong."""

    key: str
    takes: str
    about: str
    read: Callable[[Any], Any]

    @property
    def field(self) -> str:
        """The field of :class:`ScreenSettings`."""
        return self.key.replace(".", "_")


SETTINGS: tuple[Setting, ...] = (
    Setting("theme", '"mono", "nord" …', "colours: any theme of the palette (ctrl+p)", one_of(theme_names())),
    Setting("units", '"bits", "bytes"', "of rates", one_of(("bits", "bytes"))),
    Setting(
        "interval", "seconds", "between refreshes; `-n` comes before it", number(LEAST_INTERVAL_S, MOST_INTERVAL_S)
    ),
    Setting(
        "sort",
        '"bps", "packets" …',
        "a column, by the names of `--sort`",
        one_of(GROUP_SORT_KEYS),
    ),
    Setting("descending", "true, false", "the greatest first", switch),
    Setting("group", '"flow", "host" …', f"added up by: {', '.join(GROUPS)}", one_of(GROUPS)),
    Setting("directions", "true, false", "each direction as a row of its own", switch),
    Setting("ended", "true, false", "ended flows, too", switch),
    Setting("filter", '"port 443" …', "a flow filter", flow_filter),
    Setting("names", "true, false", "names of hosts and services: asks the name server for every host seen", switch),
    Setting("panels", '["queues", "loss"]', f"those shown: {', '.join(PANEL_NAMES)}", some_of(PANEL_NAMES)),
    Setting(
        "graph",
        '["dots", "minutes"]',
        "packets (not bits), minutes (ten, not one), dots (not blocks)",
        some_of(GRAPH_WORDS),
    ),
    Setting("logarithmic", "true, false", "bars of histograms", switch),
    Setting(
        "columns",
        'flow = ["bps", "rtt"]',
        "of each table (flow, host …), after those that name its rows; `c` shows them",
        column_lists,
    ),
    Setting("keys", 'export = ["e", "f2"]', "other keys than the usual for an action", key_lists),
    Setting("alerts.on", "true, false", "whether anything is said at all", switch),
    Setting("alerts.above", '"9G", "100MB/s"', "throughput that is too much", rate),
    Setting("alerts.below", '"1M"', "throughput that is too little", rate),
    Setting(
        "alerts.top_talker",
        "0 to 1",
        "share of the throughput from which a new first host is news; 0: never",
        number(0, 1),
    ),
    Setting("alerts.hosts", "number", "hosts that one host may touch at a time; 0: any number", _CONTACTS),
    Setting("alerts.ports", "number", "ports that one host may touch at a time; 0: any number", _CONTACTS),
)


def documentation() -> str:
    """Return the table as Markdown, and the names that its rows refer to."""
    lines = ["| key | takes | without it | what it is |", "| --- | --- | --- | --- |"]
    for setting in SETTINGS:
        without = _written(getattr(ScreenSettings(), setting.field))
        lines.append(f"| `{setting.key}` | {setting.takes} | {without} | {setting.about} |")
    actions = ", ".join(f"`{key.setting}` {key.shown.split()[0]}" for key in ALL_KEYS)
    return "\n".join([*lines, "", f"Actions for `keys`, and their usual keys: {actions}."])


def _written(value: Any) -> str:
    if value is None or value == "" or isinstance(value, dict):
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return "all" if value == PANEL_NAMES else ""
    return f"{value:g}" if isinstance(value, (int, float)) else f'"{value}"'


if __name__ == "__main__":
    print(documentation())
