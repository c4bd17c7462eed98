# SPDX-License-Identifier: BSD-2-Clause
"""Counters for Prometheus: what the last snapshot says, over HTTP. A scrape reads it and measures nothing itself."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily, Metric
from prometheus_client.registry import Collector

from xtop.model import Accounting, Lost, Snapshot
from xtop.source import SourceError

LOSSES = tuple(name for name in Lost.__dataclass_fields__)
TERMS = tuple(name for name in Accounting.__dataclass_fields__ if name != "received")

Rows = Iterable[tuple[tuple[str, ...], float]]  # the labels' values, the number


@dataclass(frozen=True, slots=True)
class MetricsAddress:
    """Where to listen."""

    host: str
    port: int


def parse_metrics_address(text: str) -> MetricsAddress:
    """Return the address that ``ADDR:PORT`` is; ``[::1]:9101`` for IPv6 (ValueError)."""
    host, colon, port = text.rpartition(":")
    if not colon or not host or not (port.isascii() and port.isdigit()) or not 0 < int(port) < 65536:
        raise ValueError(f"'{text}' is no address; one is written 127.0.0.1:9101")
    return MetricsAddress(host.removeprefix("[").removesuffix("]"), int(port))


class Metrics:
    """Serves the snapshot that was shown last, until it is closed."""

    def __init__(self, address: MetricsAddress) -> None:
        registry = CollectorRegistry()
        self._snapshots = _Snapshots()
        registry.register(self._snapshots)
        try:
            self._server, self._thread = start_http_server(address.port, address.host, registry)
        except OSError as error:
            why = (error.strerror or str(error)).lower()
            raise SourceError(
                f"cannot serve metrics on {address.host}:{address.port} ({why}; name an address of this host)", 2
            ) from None

    def show(self, snapshot: Snapshot) -> None:
        """Serve ``snapshot`` from now on."""
        self._snapshots.last = snapshot

    def close(self) -> None:
        """Listen no more. Idempotent."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Snapshots(Collector):
    def __init__(self) -> None:
        self.last: Snapshot | None = None

    def collect(self) -> Iterator[Metric]:
        snapshot = self.last
        if snapshot is not None:
            yield from metrics_of(snapshot)


def metrics_of(snapshot: Snapshot) -> Iterator[Metric]:
    """Yield the metrics of a snapshot."""
    source, totals, queues = snapshot.source, snapshot.totals, snapshot.queues
    yield InfoMetricFamily("xtop_source", "What is watched", value={"name": source.name, "capture": source.capture})
    by_queue = ("interface", "queue")
    each = [((queue.interface or "", str(queue.queue)), queue) for queue in queues]
    yield _counter("packets", "Packets received", by_queue, ((name, one.packets) for name, one in each))
    yield _counter("bytes", "Frame bytes received, no FCS", by_queue, ((name, one.bytes) for name, one in each))
    yield _gauge("packets_per_second", "Over the last interval", by_queue, ((name, one.pps) for name, one in each))
    yield _gauge("bits_per_second", "Over the last interval", by_queue, ((name, one.bps) for name, one in each))
    yield _gauge("busy_ratio", "Time of the worker spent on frames", by_queue, ((name, one.busy) for name, one in each))
    links = [(link.name, link.lost) for link in source.links] or [("", snapshot.lost)]
    lost = (((name, cause), getattr(causes, cause)) for name, causes in links for cause in LOSSES)
    yield _counter("lost_packets", "Never reached xtop", ("interface", "cause"), lost)
    terms = snapshot.accounting
    yield _counter("accounted_packets", "What became of these", ("term",), (((t,), getattr(terms, t)) for t in TERMS))
    yield GaugeMetricFamily("xtop_flows_live", "Flows in the table", value=totals.flows_live)
    yield CounterMetricFamily("xtop_flows_created", "Flows that began", value=totals.flows_created)
    yield CounterMetricFamily("xtop_flows_ended", "Flows that ended", value=totals.flows_ended)
    yield CounterMetricFamily("xtop_flows_evicted", "Of these, because the table was full", value=totals.flows_evicted)
    yield from _exports(snapshot)


def _exports(snapshot: Snapshot) -> Iterator[Metric]:
    exporters = [((one.url,), one) for one in snapshot.exporters]
    label = ("collector",)
    if exporters:
        yield _counter("export_flows", "Flows sent", label, ((url, one.flows) for url, one in exporters))
        yield _counter("export_messages", "Messages sent", label, ((url, one.messages) for url, one in exporters))
        yield _counter("export_bytes", "Octets sent", label, ((url, one.octets) for url, one in exporters))
        yield _counter("export_lost_flows", "Never sent", label, ((url, one.lost) for url, one in exporters))
        yield _gauge("export_queued_flows", "Flows that wait", label, ((url, one.queued) for url, one in exporters))


def _counter(name: str, text: str, labels: Sequence[str], rows: Rows) -> Metric:
    family = CounterMetricFamily(f"xtop_{name}", text, labels=labels)
    for values, number in rows:
        family.add_metric(values, number)
    return family


def _gauge(name: str, text: str, labels: Sequence[str], rows: Rows) -> Metric:
    family = GaugeMetricFamily(f"xtop_{name}", text, labels=labels)
    for values, number in rows:
        family.add_metric(values, number)
    return family
