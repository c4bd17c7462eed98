# SPDX-License-Identifier: BSD-2-Clause
"""`xtop.interfaces` asked in a process of its own, which is gone when it has answered.

pyroute2 takes 10 MB of who imports it, and a screen of a million flows has a use for them.
"""

from __future__ import annotations

import pickle
import subprocess
import sys
from collections.abc import Iterable
from typing import Any

from xtop.capture_choice import LinkFacts
from xtop.interface import Interface
from xtop.plain_asyncio import import_plain_asyncio
from xtop.source import SourceError

# Modules come from where ours do, and not from a working directory that is anybody's.
_CHILD = "import sys; sys.path[:] = sys.argv.pop(1).split('\\n'); from xtop.interfaces_apart import answer; answer()"


def facts_of_links(interfaces: Iterable[str]) -> list[LinkFacts | None]:
    """Return what the choice of a capture depends on, for each of ``interfaces``; None where there is none such."""
    return list(_ask("facts_of_links", *interfaces))


def list_interfaces() -> list[Interface]:
    """Return every interface of this network namespace, in the kernel's order."""
    return list(_ask("list_interfaces"))


def answer() -> None:
    """Be the other process: answer what the command line asks."""
    import_plain_asyncio()
    from xtop import interfaces

    told: Any
    try:
        told = getattr(interfaces, sys.argv[1])(*sys.argv[2:])
    except OSError as error:
        told = OSError(error.errno, error.strerror, error.filename)
    except Exception as error:  # pyroute2 raises its own kinds, which nobody else knows
        told = SourceError(f"the kernel does not tell of its interfaces ({type(error).__name__}: {error})", 1)
    sys.stdout.buffer.write(pickle.dumps(told))


def _ask(*question: str) -> Any:
    command = [sys.executable, "-c", _CHILD, "\n".join(sys.path), *question]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    if done.returncode:
        raise SourceError(f"the interfaces cannot be asked for (the process that should do so: {done.returncode})", 1)
    told = pickle.loads(done.stdout)  # written by our own process
    if isinstance(told, Exception):
        raise told
    return told
