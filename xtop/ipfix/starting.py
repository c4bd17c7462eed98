# SPDX-License-Identifier: BSD-2-Clause
"""From settings to exporters at work."""

from __future__ import annotations

from pathlib import Path

from xtop.ended_flows import EndedFlows, Rekey
from xtop.export.ipfix_format import stream_settings
from xtop.ipfix.collector import Collector
from xtop.ipfix.exporter import IpfixExporter
from xtop.ipfix.file import FileTransport
from xtop.ipfix.session import Transport
from xtop.ipfix.settings import ExportSettings
from xtop.ipfix.stream import StreamTransport
from xtop.ipfix.tls import tls_context
from xtop.ipfix.udp import UdpTransport
from xtop.model import View
from xtop.native_ipfix import FORCED_END
from xtop.source import SnapshotSource


def transport_to(collector: Collector, settings: ExportSettings) -> Transport:
    """Return the way to ``collector``, not opened yet (ExportError: a certificate that cannot be used)."""
    if collector.scheme == "udp":
        return UdpTransport(collector)
    if collector.scheme == "file":
        return FileTransport(Path(collector.host), settings.overwrite)
    context = tls_context(settings.tls) if collector.scheme == "tls" else None
    return StreamTransport(collector, context, settings.queue)


def start_exporters(
    source: SnapshotSource,
    transports: list[tuple[Collector, Transport]],
    settings: ExportSettings,
    rekey: Rekey | None = None,
) -> list[IpfixExporter]:
    """Start an exporter for each transport, of flows by ``rekey``'s keys; none stays where one fails (ExportError)."""
    about = stream_settings(source.snapshot(View(top=1)).source, FORCED_END, settings.uniflow)
    started: list[IpfixExporter] = []
    try:
        for collector, transport in transports:
            # Only captures can do this.
            ended: EndedFlows = source.ended_flows(settings.flow_filter, rekey)  # type: ignore[attr-defined]
            exporter = IpfixExporter(collector.url, transport, ended, about, settings.refresh)
            exporter.start()
            started.append(exporter)
    except BaseException:
        for exporter in started:
            exporter.call_off()
        raise
    return started
