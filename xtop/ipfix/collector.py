# SPDX-License-Identifier: BSD-2-Clause
"""Where messages go to, as it is written: ``udp://HOST:4739``, ``tcp://``, ``tls://``, ``file:PATH``."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

PORTS = {"udp": 4739, "tcp": 4739, "tls": 4740}  # IANA: ipfix, ipfixs


@dataclass(frozen=True, slots=True)
class Collector:
    """One collector; of a file ``host`` is its path."""

    url: str
    scheme: str  # "udp", "tcp", "tls", "file"
    host: str
    port: int = 0


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
