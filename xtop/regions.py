# SPDX-License-Identifier: BSD-2-Clause
"""Puts a plan of the screen's regions into force; the style sheet has the rest."""

from __future__ import annotations

from textual.screen import Screen
from textual.widget import Widget

from xtop.layout import SHAPE_ORDER, Layout, Plan


def arrange(screen: Screen[object], plan: Plan) -> None:
    """Give every region of ``screen`` its place and size; regions that it has not are left out."""
    for layout in Layout:
        screen.set_class(layout is plan.layout, layout.value)
    if plan.layout is Layout.TINY:
        return
    _container(screen, "#above", plan.above, plan.above_beside)
    _container(screen, "#below", plan.below, plan.below_beside)
    _region(screen, "#throughput", plan.throughput)
    _region(screen, "#queues", plan.queues)
    _region(screen, "#shapes", plan.shapes)
    for name in SHAPE_ORDER:
        _region(screen, f"#{name}", plan.shapes if name in plan.shown_shapes else 0)
    loss = _region(screen, "#loss", plan.loss)
    if loss is not None:
        loss.styles.width = plan.loss_width or "1fr"


def _container(screen: Screen[object], name: str, height: int, beside: bool) -> None:
    container = _region(screen, name, height)
    if container is not None:
        container.styles.layout = "horizontal" if beside else "vertical"


def _region(screen: Screen[object], name: str, height: int) -> Widget | None:
    for region in screen.query(name).results(Widget):
        region.display = height > 0
        if height:
            region.styles.height = height
        return region
    return None
