# SPDX-License-Identifier: BSD-2-Clause
"""The screen without its keys: takes snapshots from the poller, makes pictures of them, and hands each region the same.

What the user can change (view, units, columns, panels) is kept here; what changes it is in `xtop.actions`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from textual import on
from textual.app import App
from textual.events import Event, Key, Resize
from textual.keys import key_to_character
from textual.screen import ModalScreen
from textual.widget import Widget

from xtop.alert_news import AlertNews
from xtop.column_choice import ColumnMemory
from xtop.held_view import as_viewed
from xtop.history import LossNow
from xtop.kept_rows import as_kept, kept_rows
from xtop.keymap import shown
from xtop.layout import plan
from xtop.messages import SnapshotTaken, SourceFailed
from xtop.model import CaptureState, Flow, Snapshot, View
from xtop.naming import Naming, SystemNaming
from xtop.picture import Picture, Pinned
from xtop.pinning import seen_in
from xtop.playback import Playback
from xtop.poller import FINAL, Poller
from xtop.regions import arrange
from xtop.screen_settings import first_view, hidden_regions
from xtop.settings_file import Settings
from xtop.source import SnapshotSource, SourceError
from xtop.widgets.flow_table import FlowTable
from xtop.widgets.footer_line import FooterLine
from xtop.widgets.line_panel import LinePanel
from xtop.zeroing import counted_since

EXIT_RIGHTS = 3  # of the contract


class LiveApp(App[None]):
    """Shows ``source``, asked every ``interval`` seconds for ``view``; the regions only draw."""

    def __init__(
        self,
        source: SnapshotSource,
        interval: float | None,
        view: View | None,
        settings: Settings,
        columns: ColumnMemory | None,
        naming: Naming | None,
        clock: Callable[[], float],
        playback: Playback | None = None,
    ) -> None:
        """Begin as ``settings`` say, where ``interval`` and ``view`` do not; ``clock`` counts seconds."""
        super().__init__()
        begin = settings.screen
        self._settings = settings
        self._view = replace(view or first_view(begin), activity=begin.alerts_on)
        self._view_is_ours = view is None
        self.poller = Poller(source, self._view, interval or begin.interval, self.post_message)
        self._clock = clock
        self.playback = playback or Playback(clock)
        self._shown: Snapshot | None = None  # as it is on the screen, in the order that is wanted
        self._curves, self._trends = self.playback.curves(), self.playback.trends()  # of the shown moment
        self._news = AlertNews(begin.alerts, begin.alerts_on)
        self._zero: Snapshot | None = None  # counters are shown since then
        self._pinned: Pinned | None = None  # the flow whose detail is open
        self._failure: SourceFailed | None = None
        self._in_bytes = begin.units == "bytes"
        self._columns = columns or ColumnMemory(settings=begin.columns)
        self._naming = naming or SystemNaming()
        self._naming.on = self._naming.on or begin.names
        self._look_of_panels = begin.look
        self._hidden = hidden_regions(begin.panels)
        self._key_event: Key | None = None  # the last that passed, and the one whose outcome is on the last line
        self._answered: Key | None = None
        self._work: Callable[[], str | None] | None = None  # what the last line follows
        self._overdue = False  # an interval's figures are taken and not shown yet
        self._opened_at = self._noted_at = clock()

    @property
    def failure(self) -> SourceError | None:
        """Why there were no further figures when the screen was left; None: there were, or the capture had ended."""
        if self._failure is not None:
            return SourceError(self._failure.text, self._failure.exit_code)
        latest = self.playback.latest
        if latest is None or latest.snapshot.state is not CaptureState.FAILED:
            return None
        return SourceError(latest.snapshot.state_text or "the capture failed", 1)

    def on_mount(self) -> None:
        """Begin."""
        self._arrange(self.size.width, self.size.height)
        self.query_one(FlowTable).focus()
        self.draw()
        if self._settings.complaint:
            self.tell(f"{self._settings.path.name}: {self._settings.complaint}")
        elif self._columns.complaint:
            self.tell(self._columns.complaint)
        self.poller.start()
        self.set_interval(1.0, self._tick)

    def on_unmount(self) -> None:
        """Let the poller's thread go; nobody will see what it has under way."""
        self.poller.stop(0.0)

    def on_resize(self, event: Resize) -> None:
        """Choose the arrangement that fits."""
        self._arrange(event.size.width, event.size.height)

    def _arrange(self, width: int, height: int) -> None:
        fitting = plan(width, height, self._hidden)
        for screen in self.screen_stack:
            arrange(screen, fitting)

    def _tick(self) -> None:
        """Move the clocks that stand on the screen while no snapshot comes."""
        if not self.playback.live or self._shown is None or not self._shown.totals.packets:
            self.draw()

    def picture(self) -> Picture:
        """Return what the screen shows now."""
        frame, latest = self.playback.shown, self.playback.latest
        snapshot, zero = self._shown, self._zero
        if snapshot is not None and zero is not None:
            snapshot = counted_since(zero, snapshot)
        return Picture(
            snapshot=snapshot,
            view=self._view if self.playback.live or frame is None else as_kept(self._view, frame.view),
            kept=None if self.playback.live or frame is None else kept_rows(frame),
            curves=self._curves,
            trends=self._trends,
            loss_now=frame.loss_now if frame else LossNow(),
            last_lost=frame.last_lost if frame else {},
            look=self._look_of_panels,
            in_bytes=self._in_bytes,
            columns=self._columns.choice,
            naming=self._naming,
            keymap=self._settings.screen.keys,
            paused_s=self.playback.held_s,
            behind_s=self.playback.behind_s,
            pinned=self._pinned,
            zeroed_at=None if zero is None else zero.taken_at,
            alerts=self._news.shown(latest.snapshot if latest and self.playback.behind_s is None else None),
            waited_s=int(self._clock() - self._opened_at),
            noted_s=int(self._clock() - self._noted_at),
            failure=None if self._failure is None else self._failure.text,
            rights_missing=self._failure is not None and self._failure.exit_code == EXIT_RIGHTS,
        )

    def draw(self, rows_only: bool = False) -> None:
        """Hand every region the present picture; a snapshot that comes while the screen closes finds none.

        ``rows_only``: those that show nothing of single flows wait for the next interval.
        """
        picture = self.picture()
        for base in self.screen_stack:
            for region in base.walk_children(Widget):  # query(), by way of style sheets, took four times as long
                if isinstance(region, FlowTable) or (
                    isinstance(region, LinePanel) and not (rows_only and region.OF_COUNTERS)
                ):
                    region.show(picture)

    @on(SnapshotTaken)
    def _take(self, message: SnapshotTaken) -> None:
        """Remember a snapshot, and show it unless the screen is held."""
        latest = self.playback.latest
        first = latest is None
        if latest is None or latest.snapshot.source.notes != message.snapshot.source.notes:
            self._noted_at = self._clock()
        if first and self._view_is_ours and message.snapshot.source.kind == "file":
            # A file is read at once: its flows have ended when it is shown.
            self._view = replace(self._view, ended=True)
            self.poller.look(self._view)
        if message.between and not _serves(message.view, self._view):
            self.poller.taken()  # a later one is asked for already
            return
        if message.between:
            self.playback.amend(message.snapshot, message.view)
        else:
            self.playback.take(message.snapshot, message.view)
            self._news.take(message.snapshot, self.playback.latest.loss_now if self.playback.latest else LossNow())
        if message.view != self._view and self.poller.hurried and not self._overdue:
            self._overdue = True  # rows of the new view come at once: to make some of these first would take as long
        elif self.playback.live:
            self._present(message.view, rows_only=message.between and not self._overdue)
            self._overdue = False
        elif self._shown is None:  # a store's screen may begin in the past
            self._present()
        self.poller.taken()
        if message.snapshot.state in FINAL and message.view != self._view:
            self.poller.look(self._view)

    def _present(self, asked: View | None = None, rows_only: bool = False) -> None:
        """Show the moment that is to be shown now; its rows came in the order of ``asked``.

        ``rows_only``: of the moment that stands there already, other rows.
        """
        frame = self.playback.shown
        if frame is not None:
            self._shown = frame.snapshot if asked == self._view else as_viewed(frame.snapshot, self._view)
            if not rows_only:
                self._curves, self._trends = self.playback.curves(), self.playback.trends()
            if self._pinned is not None:
                self._pinned = seen_in(frame.snapshot, self._pinned, self.playback.timeline)
        self.draw(rows_only)

    @on(SourceFailed)
    def _fail(self, message: SourceFailed) -> None:
        """Keep the last figures, and say why there will be no others."""
        self._failure = message
        self.playback.release()
        self._present()

    def look(self, view: View, at_once: bool = False, meanwhile: bool = False) -> None:
        """Show ``view``: at once of the rows at hand, from the next snapshot on of all flows.

        ``at_once``, of all flows as soon as these are looked through, which takes no longer than to draw those at hand;
        ``meanwhile`` these are drawn all the same.
        """
        self._view = view
        if self.poller.look(view, at_once) and self.playback.live and not meanwhile:
            return
        if self._shown is not None and self.playback.shown is not None:
            self._shown = as_viewed(self.playback.shown.snapshot, view)
        self.draw()

    def _key(self, setting: str) -> str:
        return shown(self._settings.screen.keys, setting)

    async def on_event(self, event: Event) -> None:
        """Let the next key take back what a key has brought about.

        A key passes here before what has the focus gets it, and again, where that leaves it alone, before its action is
        done: so messages go in the order of keys, however fast these are typed.
        """
        if isinstance(event, Key):
            self._key_event = event
            if event is not self._answered:  # which a key of priority is on its way
                for footer in self._footers():
                    footer.key_pressed()
        await super().on_event(event)

    async def _check_bindings(self, key: str, priority: bool = False) -> bool:
        """Leave a letter to the line that is typed into, whatever else a user chose it for.

        The framework leaves it the usual letters alone: it puts the user's keys in their place afterwards.
        """
        line = self.focused
        if priority and line is not None and line.check_consume_key(key, key_to_character(key)):
            return False
        return await super()._check_bindings(key, priority)

    def notice(self, text: str) -> None:
        """Say on the last line what a key has brought about, until the next key."""
        self._answered = self._key_event
        for footer in self._footers():
            footer.notice(text)

    def tell(self, text: str, path: str = "") -> None:
        """Say on the last line what no key has just brought about, which keys do not take away."""
        for footer in self._footers():
            footer.notice(text, path, by_key=False)

    def follow(self, work: Callable[[], str | None]) -> None:
        """Show on the last line, of a detail that is opened later, too, what ``work`` says until it says None."""
        self._work = work
        for footer in self._footers():
            footer.follow(work)

    @property
    def _flow(self) -> Flow | None:
        """The flow that keys are meant for: the one whose detail is open, or the selected one."""
        return self._pinned.flow if self._pinned is not None else self.query_one(FlowTable).selected

    @property
    def _window_open(self) -> bool:
        """Whether a window has the keys; a flow's detail is none."""
        return isinstance(self.screen, ModalScreen)

    def _footers(self) -> list[FooterLine]:
        """Return the last lines of the table and of what lies over it."""
        return [footer for screen in self.screen_stack for footer in screen.query(FooterLine)]


def _serves(asked: View, wanted: View) -> bool:
    """Return whether rows of ``asked`` are those of ``wanted``: details that nobody needs any more do no harm."""
    return asked == replace(wanted, details=wanted.details or asked.details)
