# SPDX-License-Identifier: BSD-2-Clause
"""Where messages go to, as it is written: ``udp://HOST:4739``, ``tcp://``, ``tls://``, ``file:PATH``."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from xtop.export.errors import ExportError
from xtop.export.output_file import is_standard_output, place_of

PORTS = {"udp": 4739, "tcp": 4739, "tls": 4740}  # IANA: ipfix, ipfixs


@dataclass(frozen=True, slots=True)
class Collector:
    """One collector; of a file ``host`` is its path."""

    url: str
    scheme: str  # "udp", "tcp", "tls", "file"
    host: str
    port: int = 0

    @property
    def on_standard_output(self) -> bool:
        """Whether its messages go to standard output."""
        return self.scheme == "file" and is_standard_output(Path(self.host))


def parse_collector(text: str) -> Collector:
    """Return the collector that ``text`` names (ValueError with what is wrong)."""
    if text.startswith("file:"):
        path = text.removeprefix("file:")
        if not path:
            raise ValueError(f"'{text}' names no file")
        return Collector(text, "file", path)
    parts = urlsplit(text)
    if parts.scheme not in PORTS or "://" not in text:
        raise ValueError(f"'{text}' is no collector; one is written udp://HOST:4739, tcp://, tls:// or file:PATH")
    try:
        port = parts.port
    except ValueError:
        raise ValueError(f"'{text}' has no port from 1 to 65535") from None
    if not parts.hostname or port == 0 or parts.username is not None:
        raise ValueError(f"'{text}' names no host" if not parts.hostname else f"'{text}' has no port from 1 to 65535")
    if parts.path.strip("/") or parts.query or parts.fragment:
        raise ValueError(f"'{text}' has something behind the port")
    return Collector(text, parts.scheme, parts.hostname, port or PORTS[parts.scheme])


def check_files_apart(collectors: Iterable[Collector]) -> None:
    """Raise ExportError where two would write the same file, or both to standard output."""
    seen: set[Path | None] = set()
    for collector in collectors:
        if collector.scheme == "file":
            place = None if collector.on_standard_output else place_of(Path(collector.host))
            if place in seen:
                name = "standard output" if place is None else collector.host
                raise ExportError(f"cannot export to {name} twice (messages would be mixed; leave one out)", 2)
            seen.add(place)
