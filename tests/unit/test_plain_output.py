# SPDX-License-Identifier: BSD-2-Clause
from __future__ import annotations

import io

from xtop.plain_output import encodes, write_text


def written(text: str, encoding: str) -> bytes:
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding=encoding)
    write_text(stream, text)
    stream.flush()
    return raw.getvalue()


def test_an_encoding_that_lacks_a_character_ends_nothing() -> None:
    assert written("4 → 2, 8 µs", "utf-8") == "4 → 2, 8 µs".encode()
    assert written("4 → 2, 8 µs ☃", "ascii") == b"4 -> 2, 8 us ?"
    assert written("8 µs", "latin-1") == "8 µs".encode("latin-1")


def test_what_a_stream_can_carry() -> None:
    assert encodes(io.TextIOWrapper(io.BytesIO(), encoding="utf-8"), "✓")
    assert not encodes(io.TextIOWrapper(io.BytesIO(), encoding="latin-1"), "✓")
