# SPDX-License-Identifier: BSD-2-Clause
"""The screen's place among other programs.

Where the kernel shares CPUs out by session (autogroup), a capture whose session comes first, and programs that take all
they get, leave a screen of everybody's weight a few ms of a hundred: a filter stands a third of a second after its key.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

AUTOGROUP = Path("/proc/self/autogroup")  # sched(7)
NICE = -10  # nine times the weight of others, and a ninth of the capture's, which loses frames where it waits


def come_before_other_sessions() -> None:
    """Put the session before others, where xtop leads it and has the right to.

    A shell's session is left as it is: all that the shell runs would come first, and go on to when xtop has gone.
    """
    if os.getsid(0) == os.getpid():
        with suppress(OSError):  # no right to, or a kernel without
            AUTOGROUP.write_text(str(NICE))
