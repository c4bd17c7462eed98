# SPDX-License-Identifier: BSD-2-Clause
"""The themes that `t` goes through: a choice of Textual's own, and `mono`.

``mono`` sends no colour at all, only bold, dim and reverse, and so is at home on a terminal of any background.
"""

from __future__ import annotations

from textual.theme import Theme

DEFAULT_THEME = "tokyo-night"
CYCLE: tuple[str, ...] = (
    "tokyo-night", "textual-dark", "nord", "gruvbox", "catppuccin-mocha", "dracula",
    "textual-light", "solarized-light", "catppuccin-latte", "mono",
)  # fmt: skip

# How an ink is set besides its colour. Colours say all in the other themes; mono has but these.
INK_DEFAULTS: dict[str, str] = {
    "ink-dim-style": "none",
    "ink-loss-style": "bold",
    "ink-warn-style": "bold",
    "ink-title-style": "none",
    "ink-key-style": "bold",
    "ink-selected-style": "none",
    "ink-faint-style": "none",
}

MONO = Theme(
    name="mono",
    ansi=True,
    dark=True,
    **dict.fromkeys(
        (
            "primary", "secondary", "warning", "error", "success", "accent", "foreground", "background", "surface",
            "panel", "boost",
        ),
        "ansi_default",
    ),
    variables={
        **dict.fromkeys(
            (
                "border", "border-blurred", "block-cursor-background", "block-cursor-foreground", "scrollbar",
                "scrollbar-hover", "scrollbar-active", "scrollbar-background", "scrollbar-background-hover",
                "scrollbar-background-active", "input-cursor-background", "input-selection-background",
                "link-background-hover", "link-color", "link-color-hover", "footer-key-foreground",
            ),
            "ansi_default",
        ),
        "block-cursor-text-style": "reverse",
        "input-cursor-text-style": "reverse",
        "ink-dim-style": "dim",
        "ink-loss-style": "bold reverse",
        "ink-warn-style": "bold underline",
        "ink-title-style": "bold",
        "ink-key-style": "bold",
        "ink-selected-style": "reverse",
        "ink-faint-style": "dim",
    },
)  # fmt: skip


def following(theme: str) -> str:
    """Return the theme after ``theme``; one that is not in the cycle is followed by the first."""
    return CYCLE[(CYCLE.index(theme) + 1) % len(CYCLE)] if theme in CYCLE else CYCLE[0]
