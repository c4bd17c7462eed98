# SPDX-License-Identifier: BSD-2-Clause
"""xtop's command line as a table: rows from which parsing and help follow, and the settings that come of it."""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from xtop.ipfix.defaults import QUEUE_FLOWS, REFRESH_S
from xtop.model import SORT_KEYS
from xtop.number_list import parse_number_list
from xtop.settings import CPU_LIMIT, MAX_QUEUES, QUEUE_LIMIT, SAMPLING_MOST, CaptureSettings, LinkSettings

if TYPE_CHECKING:  # imported where they are used: few commands need them
    from datetime import datetime

    from xtop.ipfix.collector import Collector
    from xtop.ipfix.settings import ExportSettings

CAPTURES = ("auto", "af_xdp", "ebpf", "af_packet")
FORMATS = ("json", "ndjson", "csv", "text", "parquet", "ipfix")
DEDUP_WINDOW_S = 0.01
U64_MAX = (1 << 64) - 1
SIZE_UNITS = {"": 0, "K": 10, "M": 20, "G": 30, "T": 40}  # powers of two
STORE_LEAST = 1 << 20


class Option(NamedTuple):
    """One row: how it is written, what argparse needs to know, and the options that it cannot stand beside."""

    flags: tuple[str, ...]
    help: str
    keywords: Mapping[str, Any] = {}
    apart: str | None = None  # options with the same word here exclude each other


class _Once(argparse.Action):
    """Keeps a value that only one can be of; a second would take the first one's place without a word."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: Any,
        option_string: str | None = None,
    ) -> None:
        if getattr(namespace, self.dest) is not None:
            parser.error(f"{option_string} is given twice")
        setattr(namespace, self.dest, values)


def _integer(low: int, high: int) -> Callable[[str], int]:
    def parse(text: str) -> int:
        if not (text.isascii() and text.isdigit()) or len(text) > 20 or not low <= int(text) <= high:
            raise argparse.ArgumentTypeError(f"'{text}' is not a whole number from {low} to {high}")
        return int(text)

    return parse


def _seconds(low: float, high: float) -> Callable[[str], float]:
    def parse(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not low <= value <= high:
            raise argparse.ArgumentTypeError(f"'{text}' is not a number of seconds from {low:g} to {high:g}")
        return value

    return parse


def _numbers(limit: int) -> Callable[[str], tuple[int, ...]]:
    def parse(text: str) -> tuple[int, ...]:
        try:
            numbers = parse_number_list(text, limit)
        except ValueError as error:
            raise argparse.ArgumentTypeError(f"{error}; a list is written 0-3,6") from None
        if len(numbers) > MAX_QUEUES:
            raise argparse.ArgumentTypeError(f"{len(numbers)} are too many; {MAX_QUEUES} are the most")
        return numbers

    return parse


def _collector(text: str) -> Collector:
    from xtop.ipfix.collector import parse_collector

    try:
        return parse_collector(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _ipfix_file(path: str) -> Collector:
    return _collector(f"file:{path}")


def _ring(text: str) -> int:
    size = _integer(64, 1 << 20)(text)
    if size & (size - 1):
        raise argparse.ArgumentTypeError(f"{size} is not a power of two")
    return size


def _size(text: str) -> int:
    number, unit = (text[:-1], text[-1:].upper()) if text[-1:].isalpha() else (text, "")
    if not (number.isascii() and number.isdigit()) or len(number) > 12 or unit not in SIZE_UNITS:
        raise argparse.ArgumentTypeError(f"'{text}' is no size (like 500M or 2G)")
    if not STORE_LEAST <= (size := int(number) << SIZE_UNITS[unit]) <= U64_MAX >> 1:
        raise argparse.ArgumentTypeError(f"'{text}' is out of range (1M or more)")
    return size


def _moment(text: str) -> datetime:
    from datetime import datetime

    try:
        moment = datetime.fromisoformat(text)
        moment.timestamp()  # of the year 1 there is none
    except (ValueError, OverflowError):
        raise argparse.ArgumentTypeError(
            f"'{text}' is no time (like 2026-01-31T12:30 or '2026-01-31 12:30:05')"
        ) from None
    return moment


def _name(text: str) -> str:
    """Refuse the empty word: as a path it would be the present directory."""
    if not text:
        raise argparse.ArgumentTypeError("'' names nothing")
    return text


def _takes_name(option: Option) -> bool:
    """Say whether the option's value is a name as it stands; an expression may be empty."""
    keywords = option.keywords
    return "type" not in keywords and keywords.get("action") != "store_const" and keywords.get("metavar") != "EXPR"


def _flag(dest: str, value: object = True) -> dict[str, Any]:
    return {"dest": dest, "action": "store_const", "const": value}


INTERFACE = Option(
    ("-i", "--interface"), "watch this interface; may repeat", {"metavar": "IF", "action": "append"}, "what"
)
ATTACHED = Option(
    ("name",), "interface or process number of the capture (default: the only one)", {"nargs": "?", "metavar": "NAME"}
)
FILE = Option(
    ("-r", "--read"), "read a pcap or pcapng file (- = standard input)", {"metavar": "FILE", "action": _Once}, "what"
)
DEMO = Option(("--demo",), "built-in traffic", _flag("demo"), "what")
SEED = Option(("--seed",), "seed of the built-in traffic", {"type": _integer(0, U64_MAX), "metavar": "N"})
IN_PROCESS = Option(("--in-process",), "generate inside xtop-capture, without a veth pair", _flag("in_process"))

FILTER = Option(("--filter",), "capture filter in pcap syntax, like tcpdump's", {"metavar": "EXPR"})

XDP = (
    Option(("-S", "--xdp-skb"), "generic XDP (default: the best that attaches)", _flag("xdp", "generic"), "xdp"),
    Option(("-N", "--xdp-native"), "driver XDP", _flag("xdp", "native"), "xdp"),
    Option(("-z", "--zero-copy"), "zero copy (default: the best that binds)", _flag("copy", "zero"), "copy"),
    Option(("-c", "--copy"), "copy", _flag("copy", "copy"), "copy"),
    Option(("-p", "--poll"), "wait in poll(2) (the default)", _flag("busy_poll", False), "poll"),
    Option(("--busy-poll",), "preferred busy polling", _flag("busy_poll"), "poll"),
    Option(("--ring",), "ring size, descriptors (16384, where memory allows)", {"type": _ring, "metavar": "N"}),
)
LINK = (
    Option(
        ("--capture",),
        "af_xdp: redirect to AF_XDP; ebpf: count in the kernel; af_packet: copies; auto (the default): by what the host"
        " uses the link for",
        {"choices": CAPTURES, "metavar": "HOW", "default": "auto"},
    ),
    Option(("-q", "--queue"), "RX queues, like 0-3,6 (all)", {"type": _numbers(QUEUE_LIMIT), "metavar": "LIST"}),
    Option(("-t", "--threads"), "capture threads (one a queue)", {"type": _integer(1, MAX_QUEUES), "metavar": "N"}),
    Option(("--cpus",), "CPUs to pin them to (near the NIC)", {"type": _numbers(CPU_LIMIT), "metavar": "LIST"}),
    *XDP,
    FILTER,
    Option(("--keep-host",), "frames to this host pass on to its stack (the default)", _flag("keep_host"), "keep host"),
    Option(("--no-keep-host",), "redirect these, too", _flag("keep_host", False), "keep host"),
    Option(("--force",), "redirect on an interface that this host itself uses", _flag("force")),
)
DECODE = (
    Option(("--dedup",), "drop frames that a mirror port delivers twice", {**_flag("dedup_window", DEDUP_WINDOW_S)}),
    Option(
        ("--dedup-window",),
        f"the same, within so many seconds ({DEDUP_WINDOW_S})",
        {"type": _seconds(1e-6, 60), "metavar": "S", "dest": "dedup_window"},
    ),
    Option(
        ("--byte-histogram",), "count payload bytes by value, 256 bins a flow and direction", _flag("byte_histogram")
    ),
    Option(("--decap",), "key flows on the innermost IP header of tunnels (the default)", _flag("decap"), "decap"),
    Option(("--no-decap",), "key flows on the outermost IP header", _flag("decap", False), "decap"),
)
SAMPLING = (
    Option(
        ("--sample",),
        "look at one packet in N, by count (all)",
        {"type": _integer(1, SAMPLING_MOST), "metavar": "N"},
        "sampling",
    ),
    Option(
        ("--sample-random",),
        "the same, each packet by chance",
        {"type": _integer(1, SAMPLING_MOST), "metavar": "N"},
        "sampling",
    ),
)
FLOWS = (
    Option(("--max-flows",), "flow cache size (1048576)", {"type": _integer(1, 1 << 27), "metavar": "N"}),
    Option(("--idle-timeout",), "end a flow after this silence (30)", {"type": _seconds(0.001, 1e6), "metavar": "S"}),
    Option(("--active-timeout",), "end a flow of this age (300)", {"type": _seconds(0.001, 1e6), "metavar": "S"}),
    *SAMPLING,
    *DECODE,
)
REALTIME = Option(("--realtime",), "replay a file at its own pace", _flag("realtime"))
INTERVAL = Option(
    ("-n", "--interval"),
    "refresh interval, seconds (1)",
    {"type": _seconds(0.05, 3600), "metavar": "S"},
)
RECORD_INTERVAL = Option(
    ("-n", "--interval"), "a moment of the store, and rates of --metrics, every S seconds (1)", INTERVAL.keywords
)
RATES_OVER = Option(
    ("-n", "--interval"),
    "rates are over the last S seconds before a snapshot (over --duration, or since the one before; a file: its span)",
    INTERVAL.keywords,
)
PROFILE = Option(("--profile",), "begin with this profile of the settings file", {"metavar": "NAME"})
OVERWRITE = Option(("--overwrite",), "replace the file if there is one", _flag("overwrite"))
OUTPUT = (
    Option(("-o", "--output"), "write to this file (- = standard output)", {"metavar": "PATH", "action": _Once}),
    Option(
        ("--format",), " ".join(FORMATS) + " (by the suffix of PATH, else json)", {"choices": FORMATS, "metavar": "F"}
    ),
    OVERWRITE,
)
ANONYMIZE = (
    Option(("--anonymize",), "what is written bears other addresses, prefixes kept", _flag("anonymize")),
    Option(
        ("--anonymize-key",),
        "the same under the key in this file, 32 bytes or 64 hex digits ($XTOP_ANONYMIZE_KEY, or one for this run)",
        {"metavar": "FILE"},
    ),
)
SERIES = (
    Option(("--duration",), "watch for this long (1; a file: to its end)", {"type": _seconds(0, 1e9), "metavar": "S"}),
    Option(("--every",), "a series: one every S seconds, as NDJSON", {"type": _seconds(0.05, 1e6), "metavar": "S"}),
    Option(("--count",), "so many snapshots (until it is stopped)", {"type": _integer(1, 1 << 31), "metavar": "N"}),
)
EVERY = Option(
    ("--every",),
    "a status line on standard error every S seconds (on a terminal: one that is written over)",
    {"type": _seconds(0.05, 1e6), "metavar": "S"},
)
METRICS = Option(
    ("--metrics",),
    "serve counters to Prometheus at http://ADDR:PORT/metrics, like 127.0.0.1:9101",
    {"metavar": "ADDR:PORT"},
)
STORE = (
    Option(
        ("--store",),
        "keep what a screen would show, every moment, in this directory (see xtop replay)",
        {"metavar": "DIR"},
    ),
    Option(
        ("--store-size",),
        "at most so much of it, then the earliest files go (1G)",
        {"type": _size, "metavar": "SIZE"},
    ),
)
STORED = (
    Option(("path",), "a directory that `xtop record --store` wrote, or one file of it", {"metavar": "PATH"}),
    Option(
        ("--at",),
        "begin at this moment, like 2026-01-31T12:30, local time (default: the last)",
        {"type": _moment, "metavar": "TIME"},
    ),
)
IPFIX = (
    Option(
        ("--ipfix",),
        "export flows as they end: udp://HOST:4739, tcp://, tls:// (port 4740), file:PATH; may repeat",
        {"type": _collector, "metavar": "URL", "action": "append"},
    ),
    Option(
        ("--ipfix-refresh",),
        f"templates over UDP and statistics again every S seconds ({REFRESH_S:g})",
        {"type": _seconds(0.1, 86400), "metavar": "S"},
    ),
    Option(
        ("--ipfix-queue",),
        f"flows that may wait for each collector over TCP ({QUEUE_FLOWS})",
        {"type": _integer(1, 1 << 27), "metavar": "N"},
    ),
    Option(("--ipfix-ca",), "believe certificates of these authorities, PEM (the system's)", {"metavar": "FILE"}),
    Option(("--ipfix-cert",), "show this certificate to collectors, PEM", {"metavar": "FILE"}),
    Option(("--ipfix-key",), "its key (it is in the same file)", {"metavar": "FILE"}),
    Option(("--ipfix-no-verify",), "take any certificate of a collector", _flag("ipfix_no_verify")),
)
UNIFLOW_RECORDS = Option(
    ("--uniflow",), "a record for each direction, for collectors without RFC 5103", _flag("uniflow")
)
UNIFLOW_ROWS = Option(("--uniflow",), "each direction as a row of its own", _flag("uniflow"))
UNIFLOW = Option(
    ("--uniflow",), "each direction as a row of its own, and with --ipfix as a record of its own", _flag("uniflow")
)
IPFIX_FILE = Option(
    ("-o", "--output"),
    "export flows as they end to this IPFIX file, as --ipfix file:PATH does (- = standard output)",
    {"type": _ipfix_file, "metavar": "PATH", "action": _Once},
)
REPORT_FORMAT = Option(
    ("--format",), "text or json (text)", {"choices": ("text", "json"), "metavar": "F", "default": "text"}
)
TUNED = Option(("-i", "--interface"), "this interface", {"metavar": "IF", "action": "append"})
TUNE = (
    Option(("--apply",), "do it, and keep what was before", _flag("apply"), "action"),
    Option(("--undo",), "put back what was before", _flag("undo"), "action"),
    Option(("--force",), "with --undo: settings that somebody else changed since, too", _flag("force")),
)
FLOW_FILTER = Option(
    ("--flow-filter",),
    "only flows that match, like 'port 443 and bps > 1M'; totals stay whole (words: README, or ? on the screen)",
    {"metavar": "EXPR", "default": ""},
)
VIEW = (
    Option(("--top",), "at most so many flows (0 = all)", {"type": _integer(0, 1 << 31), "metavar": "N", "default": 0}),
    Option(("--sort",), "order: " + ", ".join(SORT_KEYS), {"choices": SORT_KEYS, "metavar": "KEY", "default": "bytes"}),
    Option(("--ended",), "flows that ended, too", _flag("ended")),
    UNIFLOW_ROWS,
    FLOW_FILTER,
)


def add_options(parser: argparse.ArgumentParser, title: str, options: tuple[Option, ...]) -> None:
    """Add rows to ``parser`` under ``title``."""
    group = parser.add_argument_group(title)
    apart: dict[str, Any] = {}
    for option in options:
        where = group
        if option.apart is not None:
            where = apart.setdefault(option.apart, None) or group.add_mutually_exclusive_group()
            apart[option.apart] = where
        kind: dict[str, Any] = {"type": _name} if _takes_name(option) else {}
        where.add_argument(*option.flags, help=option.help.replace("%", "%%"), **kind, **option.keywords)


def xdp_options_given(options: argparse.Namespace) -> list[str]:
    """Return those of the parsed ``options`` that only AF_XDP has, as they are written."""
    given = (
        ("-q", options.queue),
        ("-S", options.xdp == "generic"),
        ("-N", options.xdp == "native"),
        ("-z", options.copy == "zero"),
        ("-c", options.copy == "copy"),
        ("--busy-poll", options.busy_poll),
        ("--no-keep-host", options.keep_host is False),
    )
    return [flag for flag, there in given if there]


def link_options_given(options: argparse.Namespace) -> list[str]:
    """Return those of the parsed ``options`` that say how a link is to be captured, as they are written."""
    capture = [f"--capture {options.capture}"] if options.capture != "auto" else []
    return [*capture, *xdp_options_given(options), *(["--force"] if options.force else [])]


def export_options_given(options: argparse.Namespace) -> list[str]:
    """Return those of the parsed ``options`` that are about exports to collectors, as they are written."""
    given = (
        ("--uniflow", options.uniflow),
        ("--flow-filter", options.flow_filter),
        ("--ipfix-refresh", options.ipfix_refresh),
        ("--ipfix-queue", options.ipfix_queue),
        ("--ipfix-ca", options.ipfix_ca),
        ("--ipfix-cert", options.ipfix_cert),
        ("--ipfix-key", options.ipfix_key),
        ("--ipfix-no-verify", options.ipfix_no_verify),
    )
    return [flag for flag, there in given if there]


def export_settings(options: argparse.Namespace) -> ExportSettings:
    """Return what the parsed ``options`` ask of exporters."""
    from xtop.ipfix.settings import ExportSettings, TlsSettings

    return ExportSettings(
        collectors=tuple(options.ipfix or ()),
        flow_filter=getattr(options, "flow_filter", ""),
        uniflow=bool(options.uniflow),
        refresh=options.ipfix_refresh or REFRESH_S,
        queue=options.ipfix_queue or QUEUE_FLOWS,
        tls=TlsSettings(options.ipfix_ca, options.ipfix_cert, options.ipfix_key, not options.ipfix_no_verify),
        overwrite=bool(options.overwrite),
    )


def capture_settings(options: argparse.Namespace) -> CaptureSettings:
    """Return what the parsed ``options`` ask xtop-capture for; an option that a command lacks is not given."""

    def given(name: str) -> Any:
        return getattr(options, name, None)

    return CaptureSettings(
        links=tuple(LinkSettings(name) for name in dict.fromkeys(given("interface") or ())),
        file=given("read"),
        demo=bool(given("demo")),
        queues=given("queue") or (),
        threads=given("threads"),
        cpus=given("cpus") or (),
        xdp=given("xdp"),
        copy=given("copy"),
        busy_poll=bool(given("busy_poll")),
        no_keep_host=given("keep_host") is False,
        ring=given("ring"),
        max_flows=given("max_flows"),
        idle_timeout=given("idle_timeout"),
        active_timeout=given("active_timeout"),
        sample=given("sample"),
        sample_random=given("sample_random"),
        dedup_window=given("dedup_window"),
        decap=given("decap") is not False,
        byte_histogram=bool(given("byte_histogram")),
        realtime=bool(given("realtime")),
        filter=given("filter"),
        seed=given("seed"),
    )
