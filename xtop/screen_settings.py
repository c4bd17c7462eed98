# SPDX-License-Identifier: BSD-2-Clause
"""What the screen begins with: a user's settings as values, with what each is where nothing is said."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from xtop.alerts import AlertLimits
from xtop.keymap import ALL_KEYS, Keymap
from xtop.layout import PANELS
from xtop.model import View
from xtop.picture import Look
from xtop.themes import DEFAULT_THEME

ROW_LIMIT = 1000  # flows that a snapshot brings; who scrolls further wants another order
PANEL_NAMES: tuple[str, ...] = tuple(key.name for key in ALL_KEYS if key.action.startswith("panel("))
GRAPH_WORDS = ("packets", "minutes", "dots")


@dataclass(frozen=True, slots=True)
class ScreenSettings:
    """How the screen begins; all of it can be changed while it runs, but the keys and the limits of alerts."""

    theme: str = DEFAULT_THEME
    units: str = "bits"
    interval: float = 1.0
    sort: str = "bps"
    descending: bool = True
    group: str = "flow"
    directions: bool = False
    ended: bool = False
    filter: str = ""
    names: bool = False
    panels: tuple[str, ...] = PANEL_NAMES
    graph: tuple[str, ...] = ()
    logarithmic: bool = False
    columns: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    keys: Keymap = ALL_KEYS
    alerts_on: bool = True
    alerts_above: float | None = None
    alerts_below: float | None = None
    alerts_top_talker: float = AlertLimits().top_talker
    alerts_hosts: int = AlertLimits().hosts
    alerts_ports: int = AlertLimits().ports

    @property
    def look(self) -> Look:
        """How panels are drawn."""
        packets, minutes, dots = (word in self.graph for word in GRAPH_WORDS)
        return Look(packets, minutes, dots, self.logarithmic)

    @property
    def alerts(self) -> AlertLimits:
        """When there is something to say."""
        return AlertLimits(
            self.alerts_above, self.alerts_below, self.alerts_top_talker, self.alerts_hosts, self.alerts_ports
        )


def first_view(settings: ScreenSettings) -> View:
    """Return the view that the screen begins with."""
    return View(
        top=ROW_LIMIT,
        sort=settings.sort,
        descending=settings.descending,
        ended=settings.ended,
        group=settings.group,
        directions=settings.directions,
        filter=settings.filter,
    )


def hidden_regions(panels: Sequence[str]) -> frozenset[str]:
    """Return the regions of the screen that are not among ``panels``."""
    regions = zip(PANEL_NAMES, PANELS, strict=True)
    return frozenset(region for name, panel in regions if name not in panels for region in panel)
