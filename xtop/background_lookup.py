# SPDX-License-Identifier: BSD-2-Clause
"""Answers that take long, for somebody who cannot wait: ``get`` returns what is known now, threads find out the rest.

Everything is bounded: threads, questions a second, questions waiting, answers kept and for how long. That there is no
answer is an answer, kept for a shorter time. Threads are daemons: a question that hangs holds no exit.
"""

from __future__ import annotations

import threading
from collections import OrderedDict, deque
from collections.abc import Callable, Hashable
from time import monotonic
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)


class BackgroundLookup(Generic[Key]):
    """A cache before ``look``, which blocks, and raises where it cannot find out."""

    def __init__(
        self,
        look: Callable[[Key], str | None],
        *,
        name: str,
        threads: int,
        per_second: float,
        size: int = 4096,
        waiting: int = 256,
        keep_s: float = 900.0,
        keep_nothing_s: float = 120.0,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        """Keep ``size`` answers for ``keep_s`` seconds, and the lack of one for ``keep_nothing_s``."""
        self._look = look
        self._name = name
        self._threads = threads
        self._spacing = 1 / per_second
        self._size = size
        self._keep_s, self._keep_nothing_s = keep_s, keep_nothing_s
        self._clock = clock
        self._known: OrderedDict[Key, tuple[str | None, float]] = OrderedDict()  # answer, when it is too old
        self._asked: deque[Key] = deque(maxlen=waiting)  # the oldest go first: who still wants them asks again
        self._under_way: set[Key] = set()
        self._running = 0
        self._next_at = 0.0
        self._lock = threading.Lock()

    def get(self, key: Key) -> str | None:
        """Return the answer for ``key``, or None while there is none; never blocks on a question."""
        with self._lock:
            answer, expires = self._known.get(key, (None, 0.0))
            if key in self._known:
                self._known.move_to_end(key)
            if expires <= self._clock() and key not in self._under_way and key not in self._asked:
                self._asked.append(key)
                self._employ()
            return answer

    def _employ(self) -> None:
        """Start a thread more where there may be one."""
        if self._running < self._threads and self._running < len(self._asked) + len(self._under_way):
            self._running += 1
            threading.Thread(target=self._work, name=self._name, daemon=True).start()

    def _work(self) -> None:
        """Answer what is asked until nothing is."""
        while True:
            with self._lock:
                if not self._asked:
                    self._running -= 1
                    return
                key = self._asked.popleft()
                self._under_way.add(key)
                now = self._clock()
                start = max(now, self._next_at)
                self._next_at = start + self._spacing
            if start > now:
                threading.Event().wait(start - now)
            self._answer(key)

    def _answer(self, key: Key) -> None:
        try:
            answer, keep = self._look(key), self._keep_s
        except Exception:  # a resolver's or a strange one's: it must not end the thread and leave its place taken
            answer, keep = None, self._keep_nothing_s
        with self._lock:
            self._under_way.discard(key)
            if answer is None:
                keep = min(keep, self._keep_nothing_s)
            self._known[key] = (answer, self._clock() + keep)
            self._known.move_to_end(key)
            while len(self._known) > self._size:
                self._known.popitem(last=False)
