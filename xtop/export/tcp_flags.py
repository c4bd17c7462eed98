# SPDX-License-Identifier: BSD-2-Clause
"""TCP flags as letters."""

from __future__ import annotations

from functools import lru_cache

LETTERS = "NCEUAPRSF"  # AE (NS), CWR, ECE, URG, ACK, PSH, RST, SYN, FIN: bit 8 down to bit 0, as nfdump orders them


@lru_cache(maxsize=512)
def tcp_flags_text(flags: int) -> str:
    """Return the letters of the flags that are set, high bit first: SYN and ACK are ``AS``, none is empty."""
    return "".join(letter for bit, letter in zip(range(8, -1, -1), LETTERS, strict=True) if flags >> bit & 1)


def tcp_flags_of(text: str) -> int:
    """Return the flags that ``text`` has the letters of; ValueError where a letter is none."""
    flags = 0
    for letter in text:
        if letter not in LETTERS:
            raise ValueError(f"{letter!r} is no letter of a TCP flag")
        flags |= 1 << 8 - LETTERS.index(letter)
    return flags
