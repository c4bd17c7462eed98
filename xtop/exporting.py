# SPDX-License-Identifier: BSD-2-Clause
"""From what the user asked for to a job that does it: which snapshot, which of its flows, which writer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import TimeoutError as FutureTimeoutError
from dataclasses import replace
from pathlib import Path

from xtop.export_job import PICTURE, ExportJob, ExportOrder, Progress, Write
from xtop.model import Flow, Snapshot, View
from xtop.poller import Poller

LOOK_EVERY_S = 0.1  # whether a job that waits for its snapshot was called off


def write_file(snapshot: Snapshot, path: Path, format: str, overwrite: bool, progress: Progress) -> None:
    """Write ``snapshot`` whole or not at all (ExportError)."""
    from xtop.export import write_snapshot  # only who exports pays for the exporters

    write_snapshot(snapshot, path, format, overwrite, progress)


def write_picture(svg: str, order: ExportOrder) -> None:
    """Write the picture, whole or not at all (ExportError)."""
    from xtop.export import open_output

    with open_output(order.path, order.overwrite) as stream:
        stream.write(svg.encode())


def flows_job(
    order: ExportOrder, shown: Snapshot, view: View, poller: Poller, write: Write, ended: Callable[[ExportJob], object]
) -> ExportJob:
    """Return the job that writes the flows of ``shown``, or of a whole snapshot that the poller takes in its turn."""

    def work(job: ExportJob) -> None:
        snapshot = shown if order.include == "shown" else _whole(job, view, poller)
        if order.include == "ended":
            snapshot = replace(snapshot, flows=only_ended(snapshot.flows))
        job.total = len(snapshot.flows)
        job.there_are = max(snapshot.rows_total, job.total) if order.include == "shown" else job.total
        write(snapshot, order.path, order.format, order.overwrite, job.heard)

    return ExportJob(order, work, ended)


def picture_job(order: ExportOrder, svg: str, ended: Callable[[ExportJob], object]) -> ExportJob:
    """Return the job that writes a picture."""
    assert order.format == PICTURE
    return ExportJob(order, lambda job: write_picture(svg, order), ended)


def only_ended(flows: Sequence[Flow]) -> Sequence[Flow]:
    """Return the flows that have ended."""
    from xtop.flow_rows import FlowRows

    return flows.ended() if isinstance(flows, FlowRows) else [flow for flow in flows if flow.end_reason is not None]


def _whole(job: ExportJob, view: View, poller: Poller) -> Snapshot:
    """Wait for a snapshot of all flows; the poller takes it in its turn, so that the rates of the screen stay right."""
    coming = poller.whole(replace(view, top=0, ended=job.order.include != "live", group="flow"))
    while True:
        job.heard(0)
        try:
            return coming.result(LOOK_EVERY_S)
        except FutureTimeoutError:
            continue
