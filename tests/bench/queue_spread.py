# SPDX-License-Identifier: BSD-2-Clause
"""How much more than its share the busiest queue gets: ``python -m tests.bench.queue_spread``.

RSS spreads flows over queues by a hash; a flow has one queue. Flows of Zipf's law, each thrown into a queue by chance,
many times: arithmetic, no measurement. The tail beyond the first flows is shared out evenly.
"""

from __future__ import annotations

import random
from collections.abc import Iterable

FLOWS = 1_000_000
ONE_BY_ONE = 20_000
THROWS = 100
QUEUES = (2, 4, 8, 16)


def busiest(queues: int, exponent: float, draw: random.Random) -> list[float]:
    """Return, in order, the busiest queue's load of each throw, in shares that all would have if they were equal."""
    weights = [1 / rank**exponent for rank in range(1, FLOWS + 1)]
    total, tail = sum(weights), sum(weights[ONE_BY_ONE:])
    loads = []
    for _ in range(THROWS):
        load = [tail / queues] * queues
        for weight in weights[:ONE_BY_ONE]:
            load[draw.randrange(queues)] += weight
        loads.append(max(load) / total * queues)
    return sorted(loads)


def lines() -> Iterable[str]:
    """Yield a table in Markdown."""
    yield "| queues | Zipf 0.8: median | nine of ten throws | Zipf 1.0: median | nine of ten throws |"
    yield "| ---: | ---: | ---: | ---: | ---: |"
    draw = random.Random(1)
    for queues in QUEUES:
        cells = []
        for exponent in (0.8, 1.0):
            loads = busiest(queues, exponent, draw)
            cells += [f"{loads[THROWS // 2]:.2f}", f"{loads[THROWS * 9 // 10]:.2f}"]
        yield f"| {queues} | {' | '.join(cells)} |"


if __name__ == "__main__":
    print("\n".join(lines()))
