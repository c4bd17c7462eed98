# SPDX-License-Identifier: BSD-2-Clause
"""Which moment is shown, and since when is counted."""

from __future__ import annotations

from xtop.live_app import LiveApp


class MomentActions(LiveApp):
    """Holds the screen, goes through the past, counts from here."""

    def action_pause(self) -> None:
        """Hold the screen, or show the present again."""
        if self.playback.live and self._failure is None:
            self.playback.hold()
            self.draw()
        else:
            self.playback.release()
            self._present()

    def action_step(self, frames: int) -> None:
        """Show the moment before or after."""
        self._moved(self.playback.step(frames), frames)

    def action_jump(self, seconds: int) -> None:
        """Show a moment so many seconds before or after."""
        self._moved(self.playback.jump(seconds), seconds)

    def _moved(self, moved: bool, direction: int) -> None:
        if moved:
            self._present()
        else:
            self.notice("nothing earlier is kept" if direction < 0 else "this is the present")

    def action_zero(self) -> None:
        """Count from here, on the screen only."""
        frame = self.playback.shown
        if frame is not None:
            self._zero = frame.snapshot
            key = self._key("unzero")
            self.notice(f"counters are shown from here on; {key} shows them from the start again")
            self.draw()

    def action_unzero(self) -> None:
        """Show the counters from the start of the capture again."""
        self._zero = None
        self.draw()
