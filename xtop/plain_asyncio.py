# SPDX-License-Identifier: BSD-2-Clause
"""asyncio for a process that speaks no TLS through it: without OpenSSL, 4 MB less. Exporters do TLS on their own."""

from __future__ import annotations

import sys


def import_plain_asyncio() -> None:
    """Import asyncio as it is where Python has no ssl, before Textual or pyroute2 do; no effect if it is there."""
    if "asyncio" in sys.modules or "ssl" in sys.modules:
        return
    sys.modules["ssl"] = None  # type: ignore[assignment]  # the way to make one import fail
    try:
        import asyncio  # noqa: F401
    finally:
        del sys.modules["ssl"]
