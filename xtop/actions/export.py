# SPDX-License-Identifier: BSD-2-Clause
"""Flows and pictures into files, one at a time, while the screen goes on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from textual import on

from xtop.export_job import PICTURE, ExportJob, ExportOrder, Write
from xtop.exporting import flows_job, picture_job
from xtop.live_app import LiveApp
from xtop.messages import ExportEnded
from xtop.model import Snapshot
from xtop.widgets.export_dialog import ExportDialog, offers

QUIT_PATIENCE_S = 1.0  # for an export to remove what it began


class ExportActions(LiveApp):
    """Asks what goes where, and follows it until it is there."""

    _write: Write
    _now: Callable[[], datetime]
    _job: ExportJob | None = None

    def on_unmount(self) -> None:
        """Let an export that is not done leave nothing."""
        if self._job is not None:
            self._job.call_off(QUIT_PATIENCE_S)

    def action_export(self) -> None:
        """Ask what goes where; or watch the export that is under way."""
        if self._shown is None:
            self.notice("nothing to export yet")
        elif not self._window_open:
            job = None if self._job is None or self._job.over else self._job
            flows = offers(self._shown, self._view, self.playback.live, self._pinned is not None)
            dialog = ExportDialog(flows, self._start_export, job, self._now(), self._settings.screen.keys)
            self.push_screen(dialog, self._dialog_left)

    def action_picture(self) -> None:
        """Write a picture of the screen into the working directory."""
        if not self._window_open:
            self._take_picture(ExportOrder(Path.cwd() / f"xtop-{self._now():%Y%m%d-%H%M%S}.svg", PICTURE))

    def _dialog_left(self, order: ExportOrder | None) -> None:
        if order is not None:
            self.call_after_refresh(self._take_picture, order)  # without the dialog on it
        elif self._job is not None and not self._job.over:
            self.follow(self._progress)

    def _progress(self) -> str | None:
        if self._job is None or self._job.over:
            return None
        return f"export {self._job.progress(16)} · {self._key('export')} watches it"

    def _take_picture(self, order: ExportOrder) -> None:
        self._job = picture_job(order, self.export_screenshot(), self._tell_export)
        self._job.start()

    @property
    def _exported(self) -> Snapshot:
        """What is shown, of a flow's detail that flow alone."""
        assert self._shown is not None
        if self._pinned is None:
            return self._shown
        return replace(self._shown, flows=(self._pinned.flow,), rows_total=1)

    def _start_export(self, order: ExportOrder) -> ExportJob:
        self._job = flows_job(order, self._exported, self._view, self.poller, self._write, self._tell_export)
        self._job.start()
        return self._job

    def _tell_export(self, job: ExportJob) -> None:
        self.post_message(ExportEnded(job))

    @on(ExportEnded)
    def _export_ended(self, message: ExportEnded) -> None:
        """Say in the dialog why not, and on the last line where it went."""
        dialog, job = self.screen, message.job
        if isinstance(dialog, ExportDialog):
            if dialog.ended(job):
                return
            if job.well:
                dialog.dismiss(None)
        self.tell(job.outcome(), str(job.order.path) if job.well else "")
