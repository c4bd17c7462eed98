# SPDX-License-Identifier: BSD-2-Clause
"""Fuzzer inputs out of captures: every frame of every file, in the form that fuzz_parse.c reads.

``python tests/fuzz/seeds.py DIR FILE...``; then ``fuzz_parse -merge=1 tests/fuzz/corpus/fuzz_parse DIR`` keeps those
that reach code which no other seed reaches.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterator
from pathlib import Path

from scapy.utils import RawPcapNgReader, RawPcapReader

# LINKTYPE_ numbers of pcap files -> enum link_type of capture/parse.h.
LINK_TYPES = {1: 0, 101: 1, 113: 2, 276: 3, 0: 4}
FRAME_LIMIT = 256  # headers are what is parsed; the rest of the frame becomes "on the wire only"


def frames(path: Path) -> Iterator[bytes]:
    """Yield each frame of a capture as a fuzzer input."""
    with RawPcapReader(str(path)) as reader:
        for data, metadata in reader:
            link: int = getattr(metadata if isinstance(reader, RawPcapNgReader) else reader, "linktype")  # noqa: B009
            kept = data[:FRAME_LIMIT]
            beyond = min(metadata.wirelen - len(kept), 65535)
            yield bytes([LINK_TYPES.get(link, 0)]) + beyond.to_bytes(2, "big") + kept


def main(arguments: list[str]) -> None:
    """Write the inputs, named by their hash so that equal frames fall together."""
    directory = Path(arguments[0])
    directory.mkdir(parents=True, exist_ok=True)
    for name in arguments[1:]:
        for seed in frames(Path(name)):
            (directory / hashlib.sha1(seed).hexdigest()).write_bytes(seed)


if __name__ == "__main__":
    main(sys.argv[1:])
