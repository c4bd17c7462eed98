# SPDX-License-Identifier: BSD-2-Clause
"""The themes that `t` goes through: a choice of Textual's own, and `mono`.

``mono`` sends no colour at all, only bold, dim and reverse, and so is at home on a terminal of any background.
"""

from __future__ import annotations

from xtop.drawing_pace import take_short_steps
from xtop.plain_asyncio import import_plain_asyncio

import_plain_asyncio()  # here, since this is the first that imports Textual
take_short_steps()

from textual.theme import BUILTIN_THEMES, Theme  # noqa: E402

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
    "option-cursor-style": "none",
}

PLAIN = "ansi_default"

MONO = Theme(
    name="mono",
    ansi=True,
    primary=PLAIN,
    secondary=PLAIN,
    warning=PLAIN,
    error=PLAIN,
    success=PLAIN,
    accent=PLAIN,
    foreground=PLAIN,
    background=PLAIN,
    surface=PLAIN,
    panel=PLAIN,
    boost=PLAIN,
    variables={
        **dict.fromkeys(BUILTIN_THEMES["ansi-dark"].variables, PLAIN),
        **dict.fromkeys(("border", "scrollbar", "scrollbar-hover", "scrollbar-active"), PLAIN),
        **dict.fromkeys(("scrollbar-background", "footer-key-foreground", "link-color"), PLAIN),
        "block-cursor-text-style": "reverse",
        "input-cursor-text-style": "reverse",
        "ink-dim-style": "dim",
        "ink-loss-style": "bold reverse",
        "ink-warn-style": "bold",
        "ink-title-style": "bold",
        "ink-key-style": "bold",
        "ink-selected-style": "reverse",
        "ink-faint-style": "dim",
        "option-cursor-style": "bold underline",  # in a list of options the framework turns reverse into colours
    },
)


def theme_names() -> tuple[str, ...]:
    """Return every theme there is."""
    return (*sorted(BUILTIN_THEMES), MONO.name)


def following(theme: str) -> str:
    """Return the theme after ``theme``; one that is not in the cycle is followed by the first."""
    return CYCLE[(CYCLE.index(theme) + 1) % len(CYCLE)] if theme in CYCLE else CYCLE[0]
