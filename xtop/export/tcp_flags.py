# SPDX-License-Identifier: BSD-2-Clause
"""TCP flags as letters."""

from __future__ import annotations

LETTERS = "NCEUAPRSF"  # AE (NS), CWR, ECE, URG, ACK, PSH, RST, SYN, FIN: bit 8 down to bit 0, as nfdump orders them

_TEXT = tuple(
    "".join(letter for bit, letter in zip(range(8, -1, -1), LETTERS, strict=True) if flags >> bit & 1)
    for flags in range(512)
)


def tcp_flags_text(flags: int) -> str:
    """Return the letters of the flags that are set, high bit first: SYN and ACK are ``AS``, none is empty."""
    return _TEXT[flags & 511]
