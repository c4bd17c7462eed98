# SPDX-License-Identifier: BSD-2-Clause
"""What a capture is asked to do, and how xtop-capture is told so: its command line is its only configuration."""

from __future__ import annotations

from dataclasses import dataclass

from xtop.model import View
from xtop.number_list import format_number_list

MAX_QUEUES = 256  # at once: XTOP_MAX_QUEUES of capture/flow_abi.h
MAX_LINKS = 16  # interfaces at once: XTOP_MAX_LINKS
QUEUE_LIMIT = 65536  # queue numbers are 16 bits wide
CPU_LIMIT = 4096
SAMPLING_MOST = 1 << 24  # OPTIONS_SAMPLING_MOST of capture/options.h
STANDARD_INPUT = "-"


@dataclass(frozen=True, slots=True)
class LinkSettings:
    """One interface, and how it is captured."""

    interface: str
    captures: tuple[str, ...] = ()  # what to try, best first; the first that is granted becomes ``capture``
    capture: str | None = None  # "af_xdp", "ebpf", "af_packet"
    reason: str | None = None  # why that one, a clause


@dataclass(frozen=True, slots=True)
class CaptureSettings:
    """One capture of interfaces, a file or the demo. None and () leave the choice to xtop-capture."""

    links: tuple[LinkSettings, ...] = ()
    file: str | None = None  # "-" = standard input
    demo: bool = False

    filter: str | None = None  # capture filter, pcap syntax
    netns_fd: int | None = None  # the interfaces lie in this network namespace
    queues: tuple[int, ...] = ()  # () = all
    threads: int | None = None
    cpus: tuple[int, ...] = ()
    xdp: str | None = None  # "generic", "native"
    copy: str | None = None  # "zero", "copy"
    busy_poll: bool = False
    no_keep_host: bool = False  # AF_XDP takes the frames that the host itself needs, too
    ring: int | None = None  # descriptors

    max_flows: int | None = None
    idle_timeout: float | None = None  # seconds
    active_timeout: float | None = None  # seconds

    sample: int | None = None  # one packet in so many, by count
    sample_random: int | None = None  # the same, by chance
    byte_histogram: bool = False  # count payload bytes by value
    dedup_window: float | None = None  # seconds: a frame that comes again within it is dropped; None = off
    decap: bool = True  # key flows on the innermost IP header of tunnels

    realtime: bool = False
    lossless_ended: bool = False  # wait for the reader of ended flows rather than lap it
    keep_ended: int | None = None  # ended flows that snapshots know; None: all of a file, the last ones else
    expected: View | None = None  # the one view that asks for ended flows: of them no more is kept than it shows

    seed: int | None = None
    demo_flows: int | None = None
    demo_head: int | None = None  # packets before the rate holds
    demo_packets: int | None = None
    demo_rate: int | None = None


# Settings that are passed on as "OPTION VALUE" where they are given.
_VALUES = (
    ("threads", "-t"),
    ("ring", "--ring"),
    ("max_flows", "--max-flows"),
    ("idle_timeout", "--idle-timeout"),
    ("sample", "--sample"),
    ("sample_random", "--sample-random"),
    ("dedup_window", "--dedup"),
    ("active_timeout", "--active-timeout"),
    ("netns_fd", "--netns-fd"),
    ("seed", "--seed"),
    ("demo_flows", "--demo-flows"),
    ("demo_head", "--demo-head"),
    ("demo_packets", "--demo-packets"),
    ("demo_rate", "--demo-rate"),
)
_FLAGS = (
    ("busy_poll", "--busy-poll"),
    ("no_keep_host", "--no-keep-host"),
    ("byte_histogram", "--byte-histogram"),
    ("realtime", "--realtime"),
    ("lossless_ended", "--lossless-ended"),
)
_XDP = {"generic": "-S", "native": "-N"}
_COPY = {"zero": "-z", "copy": "-c"}


def capture_arguments(settings: CaptureSettings, *, control_fd: int, file_fd: int | None = None) -> list[str]:
    """Return the arguments of xtop-capture (without its name) for ``settings``."""
    arguments = _what(settings, file_fd)
    arguments += ["--control-fd", str(control_fd)]
    for name, option in _VALUES:
        value = getattr(settings, name)
        if value is not None:
            arguments += [option, _number(value)]
    if settings.filter is not None:
        arguments += ["--filter", settings.filter]
    arguments += [option for name, option in _FLAGS if getattr(settings, name)]
    if not settings.decap:
        arguments.append("--no-decap")
    if settings.queues:
        arguments += ["-q", format_number_list(settings.queues)]
    if settings.cpus:
        arguments += ["--cpus", format_number_list(settings.cpus)]
    if settings.xdp:
        arguments.append(_XDP[settings.xdp])
    if settings.copy:
        arguments.append(_COPY[settings.copy])
    return arguments


def _what(settings: CaptureSettings, file_fd: int | None) -> list[str]:
    if settings.links:
        return [argument for link in settings.links for argument in _link(link)]
    if settings.file is not None:
        if file_fd is None:
            raise ValueError("a file is passed on open")
        return ["--file-fd", str(file_fd), "--file-name", settings.file]
    if settings.demo:
        return ["--demo"]
    raise ValueError("nothing to capture")


def _link(link: LinkSettings) -> list[str]:
    """Return the interface and what is about it: xtop-capture takes that for the one before it."""
    arguments = ["-i", link.interface]
    for option, word in (("--capture", link.capture), ("--reason", link.reason)):
        if word is not None:
            arguments += [option, word]
    return arguments


def _number(value: float) -> str:
    # repr of a float may be 1e-07, which a plain C parser need not read.
    return f"{value:.9f}".rstrip("0").rstrip(".") if isinstance(value, float) else str(value)
