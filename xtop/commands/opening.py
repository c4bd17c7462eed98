# SPDX-License-Identifier: BSD-2-Clause
"""From parsed options to a running source: what every capturing command does first."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from xtop.options import capture_settings, xdp_options_given
from xtop.settings import MAX_LINKS, CaptureSettings, LinkSettings
from xtop.source import SnapshotSource, SourceError

if TYPE_CHECKING:  # imported where they are used: what is read of a file needs none of them
    from xtop.anonymizer import Anonymizer
    from xtop.capture_choice import LinkFacts
    from xtop.ipfix.exporting_source import ExportingSource
    from xtop.ipfix.settings import ExportSettings
    from xtop.running_captures import RunningCapture
    from xtop.switchable_source import SwitchableSource


def requested_capture(options: argparse.Namespace) -> CaptureSettings:
    """Return the settings of ``options``; raise SourceError where they ask for nothing, or for what must not be.

    For each interface, ``captures`` is filled: what to try, best first.
    """
    settings = capture_settings(options)
    if not settings.links and settings.file is None and not settings.demo:
        raise SourceError(
            "nothing to watch (name an interface with -i or a file with -r; `xtop demo` needs neither)", 2
        )
    if len(settings.links) > MAX_LINKS:
        raise SourceError(f"cannot watch {len(settings.links)} interfaces ({MAX_LINKS} are possible)", 2)
    if settings.links:
        settings = replace(settings, links=_chosen(settings.links, options))
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

    Of each link's ``captures`` the first that the kernel grants is taken; where it grants none, the first refusal is
    raised, which is about what was wanted most.
    """
    from xtop.shm_source import ShmSource

    others = _others(settings)
    trials = [_Trial(link) for link in settings.links]
    while True:
        try:
            source = ShmSource.start(replace(settings, links=tuple(trial.asked() for trial in trials)))
        except SourceError as refusal:
            if refusal.link >= len(trials):
                raise
            if not trials[refusal.link].refused(refusal):
                raise _refusal(*trials[refusal.link].refusals[0], others) from None
        else:
            return _beside_others(source, others)


class _Trial:
    """How far the captures of one link were tried."""

    def __init__(self, link: LinkSettings) -> None:
        self._link = link
        self.refusals: list[tuple[str | None, SourceError]] = []

    def asked(self) -> LinkSettings:
        """Return the link with the capture that is to be tried next, and why."""
        captures, reason = self._link.captures, self._link.reason
        clauses = [f"{name} refused: {why}" for name, why in self.refusals]
        return replace(
            self._link,
            capture=captures[len(self.refusals)] if captures else None,
            reason="; ".join([reason, *clauses]) if reason else None,
        )

    def refused(self, refusal: SourceError) -> bool:
        """Note ``refusal``; False where there is nothing else to try."""
        self.refusals.append((self.asked().capture, refusal))
        return len(self.refusals) < len(self._link.captures)


def _others(settings: CaptureSettings) -> list[RunningCapture]:
    """Return the captures of one of the interfaces that run already."""
    names = {link.interface for link in settings.links}
    if not names or settings.netns_fd is not None:
        return []
    from xtop.machine_files import MachineFiles
    from xtop.running_captures import running_captures

    return [capture for capture in running_captures(MachineFiles()) if names & set(capture.interfaces)]


def _beside_others(source: SnapshotSource, others: list[RunningCapture]) -> SnapshotSource:
    """Return ``source`` with a note where its interface was captured before: once would have been enough."""
    if not others:
        return source
    from xtop.noted_source import NotedSource

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
    from xtop.ipfix.collector import check_files_apart
    from xtop.ipfix.exporting_source import ExportingSource
    from xtop.ipfix.starting import start_exporters, transport_to
    from xtop.ipfix.tls import check_tls

    check_tls(exports.collectors, exports.tls)
    check_files_apart(exports.collectors)
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

    def switch(name: str) -> None:
        asked = {**vars(options), "interface": [name], "read": None, "demo": None, "realtime": None}
        source.switch(start(requested_capture(argparse.Namespace(**asked))))

    return switch


def _chosen(links: tuple[LinkSettings, ...], options: argparse.Namespace) -> tuple[LinkSettings, ...]:
    """Return ``links`` with how to capture each."""
    from xtop.interfaces_apart import facts_of_links

    facts = facts_of_links(link.interface for link in links)
    return tuple(chosen_for(link, known, options) for link, known in zip(links, facts, strict=True))


def chosen_for(link: LinkSettings, facts: LinkFacts | None, options: argparse.Namespace) -> LinkSettings:
    """Return ``link``, of which ``facts`` are known, with how ``options`` have it captured (SourceError)."""
    if facts is None:
        raise SourceError(f"no interface {link.interface} (see: ip link)", 2)
    from xtop.capture_choice import choose_capture

    choice = choose_capture(
        facts,
        options.capture,
        xdp_options=xdp_options_given(options),
        filtered=options.filter is not None,
        byte_histogram=bool(getattr(options, "byte_histogram", False)),
        dedup=getattr(options, "dedup_window", None) is not None,
        force=bool(options.force),
    )
    return replace(link, captures=choice.captures, reason=choice.reason)
