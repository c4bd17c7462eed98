# SPDX-License-Identifier: BSD-2-Clause
"""What a screen does without: libraries of some megabytes each that nobody has asked for yet."""

from __future__ import annotations

import subprocess
import sys

NOT_YET = ("pyroute2", "ssl", "lark", "pyarrow", "prometheus_client")
SCREEN = """
import sys
import xtop.commands.watch
from xtop.commands.screen import screen_settings
screen_settings(None)
import xtop.app, xtop.local_processes, xtop.naming
print(*(name for name in sys.argv[1:] if name in sys.modules))
import ssl, asyncio
asyncio.run(asyncio.sleep(0))
ssl.create_default_context()
"""


def test_a_screen_begins_without_what_it_may_never_need() -> None:
    """And TLS is there all the same for exporters, beside an asyncio that knows nothing of it."""
    done = subprocess.run([sys.executable, "-c", SCREEN, *NOT_YET], capture_output=True, text=True, timeout=40)
    assert (done.returncode, done.stderr, done.stdout) == (0, "", "\n")
