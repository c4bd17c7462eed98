# SPDX-License-Identifier: BSD-2-Clause
"""What the numbers and bits of IP and TCP headers are called (IANA's registries), as short as the field says them."""

from __future__ import annotations

from collections.abc import Mapping

DSCP: Mapping[int, str] = {
    0: "CS0", 1: "LE", 8: "CS1", 10: "AF11", 12: "AF12", 14: "AF13", 16: "CS2", 18: "AF21", 20: "AF22", 22: "AF23",
    24: "CS3", 26: "AF31", 28: "AF32", 30: "AF33", 32: "CS4", 34: "AF41", 36: "AF42", 38: "AF43", 40: "CS5",
    44: "VA", 46: "EF", 48: "CS6", 56: "CS7",
}  # fmt: skip
TCP_OPTIONS: Mapping[int, str] = {
    2: "MSS", 3: "WScale", 4: "SACK-ok", 5: "SACK", 8: "TS", 14: "AltSum", 19: "MD5", 27: "QS", 28: "UTO", 29: "AO",
    30: "MPTCP", 34: "TFO",
}  # fmt: skip
TCP_PADDING = 0b11  # end of options, no operation: said of every other segment, telling nothing
IPV4_OPTIONS: Mapping[int, str] = {
    1: "NOP", 2: "SEC", 3: "LSRR", 4: "TS", 5: "E-SEC", 6: "CIPSO", 7: "RR", 8: "SID", 9: "SSRR", 18: "TR",
    20: "RTRALT",
}  # fmt: skip
IPV6_EXTENSIONS: Mapping[int, str] = {
    0: "hop-by-hop", 1: "routing", 2: "fragment", 3: "dest-opts", 4: "AH", 5: "ESP", 6: "mobility", 7: "HIP",
    8: "shim6", 9: "no-next",
}  # fmt: skip
IP_FLAGS: Mapping[int, str] = {0: "DF", 1: "MF", 2: "reserved", 3: "fragments", 4: "sent by this host"}


def dscp_name(value: int) -> str:
    """Return ``46 EF``, or the number alone where it has no name."""
    return f"{value} {DSCP[value]}" if value in DSCP else str(value)


def bit_names(bits: int, names: Mapping[int, str]) -> str:
    """Return the names of the bits that are set, lowest first; a bit without a name is its number."""
    return " ".join(names.get(bit, str(bit)) for bit in range(bits.bit_length()) if bits >> bit & 1)
