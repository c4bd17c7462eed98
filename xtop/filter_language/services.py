# SPDX-License-Identifier: BSD-2-Clause
"""Names of ports, from the system's own list; a short one of ours stands in where there is none."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

SYSTEM_LIST = Path("/etc/services")
MOST_BYTES = 1 << 21

_COMMON = {
    "ftp": 21, "ssh": 22, "telnet": 23, "smtp": 25, "domain": 53, "bootps": 67, "bootpc": 68, "tftp": 69, "http": 80,
    "pop3": 110, "ntp": 123, "imap": 143, "imap2": 143, "snmp": 161, "snmp-trap": 162, "bgp": 179, "ldap": 389,
    "https": 443, "submission": 587, "syslog": 514, "ldaps": 636, "imaps": 993, "mysql": 3306, "postgresql": 5432,
    "sip": 5060, "dns": 53, "rdp": 3389, "vxlan": 4789, "wireguard": 51820,
}  # fmt: skip


@lru_cache(maxsize=1)
def service_ports() -> Mapping[str, frozenset[int]]:
    """Return the ports of each service name, in small letters."""
    ports: dict[str, set[int]] = {}
    for name, port in _listed():
        ports.setdefault(name.lower(), set()).add(port)
    for name, port in _COMMON.items():
        ports.setdefault(name, {port})
    return {name: frozenset(numbers) for name, numbers in ports.items()}


def _listed() -> list[tuple[str, int]]:
    try:
        with SYSTEM_LIST.open("rb") as stream:
            text = stream.read(MOST_BYTES).decode("utf-8", "replace")
    except OSError:
        return []
    found = []
    for line in text.splitlines():
        name, *rest = line.split("#")[0].split() or [""]
        port = rest[0].partition("/")[0] if rest else ""
        if port.isascii() and port.isdigit() and int(port) < 65536:
            found += [(known, int(port)) for known in (name, *rest[1:])]
    return found
