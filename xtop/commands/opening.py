# SPDX-License-Identifier: BSD-2-Clause
"""From parsed options to a running source: what every capturing command does first."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from xtop.capture_choice import CaptureChoice, choose_capture
from xtop.ipfix.settings import ExportSettings
from xtop.machine_files import MachineFiles
from xtop.noted_source import NotedSource
from xtop.options import capture_settings, xdp_options_given
from xtop.running_captures import RunningCapture, running_captures
from xtop.settings import CaptureSettings
from xtop.source import SnapshotSource, SourceError
from xtop.switchable_source import SwitchableSource

if TYPE_CHECKING:
    from xtop.anonymizer import Anonymizer  # imports what only this needs
    from xtop.ipfix.exporting_source import ExportingSource  # imports what only exporting needs


def requested_capture(options: argparse.Namespace) -> CaptureSettings:
    """Return the settings of ``options``; raise SourceError where they ask for nothing, or for what must not be.

    For an interface, ``captures`` is filled: what to try, best first.
    """
    settings = capture_settings(options)
    if settings.interface is None and settings.file is None and not settings.demo:
        raise SourceError(
            "nothing to watch (name an interface with -i or a file with -r; `xtop demo` needs neither)", 2
        )
    if settings.interface is not None:
        choice = _choose(options)
        settings = replace(settings, captures=choice.captures, reason=choice.reason)
    if settings.realtime and settings.file is None:
        raise SourceError("--realtime is for files (give one with -r)", 2)
    return settings


def asked_anonymizer(options: argparse.Namespace) -> Anonymizer | None:
    """Return what replaces addresses in all that is written, or None where they may be seen (SourceError)."""
    if not options.anonymize and options.anonymize_key is None:
        return None
    from xtop.anonymizer import make_anonymizer

    return make_anonymizer(options.anonymize_key)


def checked_filter(text: str) -> str:
    """Return ``text`` where it is a flow filter; raise SourceError with the word at fault where it is none."""
    if not text.strip():
        return ""
    from xtop.filter_language.compiler import compile_filter
    from xtop.filter_language.errors import FilterError

    try:
        compile_filter(text)
    except FilterError as error:
        raise SourceError(
            f"cannot read the flow filter '{text}' (column {error.start + 1}: {error}; see the words in the README)", 2
        ) from None
    return text


def start_capture(settings: CaptureSettings) -> SnapshotSource:
    """Start xtop-capture and return the source that looks at what it sees.

    Of ``settings.captures`` the first that the kernel grants is taken; where it grants none, the first refusal is
    raised, which is about what was wanted most.
    """
    from xtop.shm_source import ShmSource

    others = _others(settings)
    refusals: list[tuple[str | None, SourceError]] = []
    for capture in settings.captures or (None,):
        clauses = [f"{name} refused: {why}" for name, why in refusals]
        reason = "; ".join([settings.reason, *clauses]) if settings.reason else None
        try:
            source = ShmSource.start(replace(settings, capture=capture, reason=reason))
        except SourceError as refusal:
            refusals.append((capture, refusal))
        else:
            return _beside_others(source, others)
    raise _refusal(*refusals[0], others)


def _others(settings: CaptureSettings) -> list[RunningCapture]:
    """Return the captures of the same interface that run already."""
    if settings.interface is None or settings.netns_fd is not None:
        return []
    return [capture for capture in running_captures(MachineFiles()) if capture.name == settings.interface]


def _beside_others(source: SnapshotSource, others: list[RunningCapture]) -> SnapshotSource:
    """Return ``source`` with a note where its interface was captured before: once would have been enough."""
    if not others:
        return source
    pid = others[0].pid
    return NotedSource(source, f"process {pid} captures {others[0].name}, too: xtop attach {pid} shows what it sees")


def _refusal(capture: str | None, refusal: SourceError, others: list[RunningCapture]) -> SourceError:
    """Return ``refusal``, or what to do where the XDP program in the way is another xtop's."""
    if capture != "af_xdp" or not others or "already has an XDP program" not in str(refusal):
        return refusal
    name, pid = others[0].name, others[0].pid
    return SourceError(f"another xtop captures {name} (process {pid}; to see what it sees: xtop attach {pid})", 2)


def start_exporting(
    settings: CaptureSettings, exports: ExportSettings, patience: float, anonymizer: Anonymizer | None
) -> ExportingSource:
    """Start a capture whose ended flows go to collectors; ``patience`` as of ``IpfixExporter.finish``."""
    from xtop.ipfix.exporting_source import ExportingSource
    from xtop.ipfix.starting import start_exporters, transport_to

    transports = [(collector, transport_to(collector, exports)) for collector in exports.collectors]
    source = start_capture(settings)
    try:
        rekey = None if anonymizer is None else anonymizer.flow_key
        return ExportingSource(source, start_exporters(source, transports, exports, rekey), patience)
    except BaseException:
        source.close()
        raise


def switching(
    source: SwitchableSource,
    options: argparse.Namespace,
    start: Callable[[CaptureSettings], SnapshotSource] = start_capture,
) -> Callable[[str], None]:
    """Return what makes ``source`` watch another interface, captured as ``options`` ask; SourceError: all stays."""
    nothing = {"capture": "auto", "filter": None, "force": None}  # of a command that has no such options

    def switch(name: str) -> None:
        asked = {**nothing, **vars(options), "interface": [name], "read": None, "demo": None, "realtime": None}
        source.switch(start(requested_capture(argparse.Namespace(**asked))))

    return switch


def _choose(options: argparse.Namespace) -> CaptureChoice:
    names = options.interface
    if len(names) > 1:
        raise SourceError(
            f"cannot watch {' and '.join(names)} (this version watches one interface; start one xtop each)", 2
        )
    from xtop.interfaces import link_facts

    facts = link_facts(names[0])
    if facts is None:
        raise SourceError(f"no interface {names[0]} (see: ip link)", 2)
    return choose_capture(
        facts,
        options.capture,
        xdp_options=xdp_options_given(options),
        filtered=options.filter is not None,
        byte_histogram=bool(getattr(options, "byte_histogram", False)),
        force=bool(options.force),
    )
