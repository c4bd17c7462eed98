# SPDX-License-Identifier: BSD-2-Clause
"""Text on standard output, whatever encoding it has: what it lacks is replaced and never ends the command."""

from __future__ import annotations

from typing import TextIO


def encodes(stream: TextIO, text: str) -> bool:
    """Say whether ``stream`` can carry ``text`` as it is."""
    try:
        text.encode(stream.encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return False
    return True


def write_text(stream: TextIO, text: str) -> None:
    """Write ``text``; of what ``stream`` cannot encode arrows and the micro sign keep a meaning in ASCII."""
    if not encodes(stream, text):
        for character, plain in (("→", "->"), ("µ", "u"), ("…", "...")):
            text = text.replace(character, plain)
        encoding = stream.encoding or "ascii"
        text = text.encode(encoding, "replace").decode(encoding)
    stream.write(text)
