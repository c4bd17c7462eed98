# SPDX-License-Identifier: BSD-2-Clause
"""Numbers as the screen writes them: three significant digits, right-aligned, in a width that never changes.

Each function returns text of one fixed width, so that a column of them lines up and a number that grows by a power of
ten never moves its neighbours. Prefixes are SI (1 k = 1000), for bytes too.
"""

from __future__ import annotations

PREFIXES: tuple[str, ...] = (" ", "k", "M", "G", "T", "P", "E")

COUNT_WIDTH = 6  # "1.20 k"
RATE_WIDTH = 11  # "9.41 Gbit/s"
PACKET_RATE_WIDTH = 9  # "14.2 Mpps"
VOLUME_WIDTH = 7  # "12.1 GB"
PERCENT_WIDTH = 6  # "61.2 %"
AGE_WIDTH = 7  # "59m 59s"

NANOSECONDS = 1_000_000_000


def scaled(value: float) -> tuple[str, str]:
    """Return ``value`` as a number of four characters and its prefix of one; a negative value counts as 0.

    An int is a number of things and gets no decimals below 1000; a float is a measure and gets three digits. One that
    is there but rounds to nothing is ``<.01``: a 0 is a 0.
    """
    rest = max(0.0, float(value))
    step = 0
    while rest >= 999.5 and step < len(PREFIXES) - 1:
        rest /= 1000
        step += 1
    if step == 0 and (rest == 0 or isinstance(value, int)):
        return f"{int(rest):4d}", PREFIXES[0]
    if rest < 0.005:
        return "<.01", PREFIXES[0]
    for limit, digits in ((9.995, 2), (99.95, 1)):
        if rest < limit:
            return f"{rest:4.{digits}f}", PREFIXES[step]
    return f"{min(rest, 9999):4.0f}", PREFIXES[step]


def count(value: float) -> str:
    """Return a plain quantity: ``1.20 k``."""
    number, prefix = scaled(value)
    return f"{number} {prefix}"


def rate(bits_per_second: float, in_bytes: bool = False) -> str:
    """Return a rate given in bits per second as ``9.41 Gbit/s``, or as ``1.18 GB/s``."""
    number, prefix = scaled(bits_per_second / 8 if in_bytes else bits_per_second)
    unit = "B/s" if in_bytes else "bit/s"
    return f"{number} {prefix.strip() + unit:<6}"


def packet_rate(packets_per_second: float) -> str:
    """Return packets per second: ``14.2 Mpps``."""
    number, prefix = scaled(packets_per_second)
    return f"{number} {prefix.strip() + 'pps':<4}"


def volume(size: float) -> str:
    """Return a number of bytes: ``12.1 GB``."""
    number, prefix = scaled(size)
    return f"{number} {prefix.strip() + 'B':<2}"


def percent(share: float) -> str:
    """Return a share (0 to 1) as ``61.2 %``; what is there but rounds to nothing is ``<.01 %``."""
    value = max(0.0, share) * 100
    if value == 0:
        return "   0 %"
    if value < 0.01:
        return "<.01 %"
    return f"{scaled(min(value, 999))[0]} %"


def brief_percent(share: float) -> str:
    """Return a share (0 to 1) in four cells, where there is room for no more: `` 61%``, `` <1%``."""
    value = max(0.0, share) * 100
    return " <1%" if 0 < value < 0.5 else f"{min(999, round(value)):>3}%"


def age(nanoseconds: int) -> str:
    """Return a length of time, from ``850 us`` over ``2m 15s`` to ``41d 06h``."""
    seconds = max(0, nanoseconds) / NANOSECONDS
    if seconds < 59.95:
        for unit, factor in (("us", 1e6), ("ms", 1e3)):
            if seconds * factor < 999.5:
                return f"{scaled(seconds * factor)[0]} {unit}"
        return f"{scaled(seconds)[0]} s "
    whole = round(seconds)
    if whole < 3600:
        text = f"{whole // 60}m {whole % 60:02d}s"
    elif whole < 86400:
        text = f"{whole // 3600}h {whole % 3600 // 60:02d}m"
    else:
        days = whole // 86400
        text = f"{days}d {whole % 86400 // 3600:02d}h" if days < 100 else f"{min(days, 99999)} d"
    return f"{text:>{AGE_WIDTH}}"


def clock(seconds: float) -> str:
    """Return a length of time as a clock shows it: ``00:42``, ``1:02:03``."""
    whole = max(0, int(seconds))
    hours, minutes = whole // 3600, whole % 3600 // 60
    return f"{hours}:{minutes:02d}:{whole % 60:02d}" if hours else f"{minutes:02d}:{whole % 60:02d}"


def magnitude(value: float) -> int:
    """Return how many prefixes up ``value`` stands: 0 for units, 1 for thousands, 2 for millions."""
    return PREFIXES.index(scaled(value)[1])


def short(value: float | None) -> str:
    """Return a bound of an axis or a histogram in as few characters as it takes: ``1518``, ``10G``; None is empty."""
    if value is None:
        return ""
    if value < 10_000 and value == int(value):
        return str(int(value))
    rest = float(value)
    for prefix in ("", *PREFIXES[1:]):
        if rest < 1000:
            return f"{rest:.3g}{prefix}"
        rest /= 1000
    return f"{rest * 1000:.0f}E"
