# SPDX-License-Identifier: BSD-2-Clause
"""Terminals for the tests, ended with them."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.terminal.tmux_terminal import TmuxTerminal

OpenTerminal = Callable[[int, int], TmuxTerminal]


@pytest.fixture
def directory() -> Iterator[Path]:
    """Yield where the shell stands; its path is short, so that 80 columns can show it with a message around it."""
    with tempfile.TemporaryDirectory(prefix="xtop") as name:
        yield Path(name)


@pytest.fixture
def open_terminal(directory: Path) -> Iterator[OpenTerminal]:
    """Return a function that opens a terminal of so many columns and rows."""
    if shutil.which("tmux") is None:
        pytest.skip("tmux is missing: the screen was not tried in a real terminal (run: sudo apt-get install tmux)")
    opened: list[TmuxTerminal] = []

    def open_one(columns: int, rows: int) -> TmuxTerminal:
        opened.append(TmuxTerminal(columns, rows, directory))
        return opened[-1]

    yield open_one
    for terminal in opened:
        terminal.close()
