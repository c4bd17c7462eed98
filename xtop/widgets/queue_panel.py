# SPDX-License-Identifier: BSD-2-Clause
"""Packets per second per RX queue, and what each queue's rings lost.

As many queues as there are lines get one each; more get several columns; still more get one cell each, above the lines
of those that need looking at: the ones that lose, then the busiest. Folded, the cells and the worst queue are one line.
"""

from __future__ import annotations

from xtop import units
from xtop.blocks import bar, column
from xtop.ink import Line, fitted, framed, length, spread
from xtop.model import Queue
from xtop.picture import Picture
from xtop.widgets.line_panel import LinePanel

DETAIL = 43  # cells of a queue's line besides its bar
BRIEF_WIDTH = 25  # cells of a queue's entry where several share a line


class QueuePanel(LinePanel):
    """All queues at any number."""

    def lines(self, picture: Picture, width: int, height: int) -> list[Line]:
        """Return the framed queues, or the one line."""
        queues = picture.snapshot.queues if picture.snapshot else ()
        if height == 1:
            return [_folded(picture, queues, width)]
        inner, room = width - 2, height - 2
        per_line = inner // BRIEF_WIDTH
        if len(queues) <= room:
            body = [_detail(picture, queue, inner) for queue in queues]
        elif len(queues) <= room * per_line:
            body = _in_columns(picture, queues, inner, room)
        else:
            body = _crowd(picture, queues, inner, room)
        return framed(f"Queues · {len(queues)}" if queues else "Queues", _note(picture), body, width, height)


def _note(picture: Picture) -> Line:
    if picture.snapshot is None or len(picture.snapshot.queues) < 2:
        return []
    rates = [queue.pps for queue in picture.snapshot.queues]
    mean = sum(rates) / len(rates)
    if mean <= 0:
        return []
    return [("busiest ", "dim"), (f"{max(rates) / mean:.2f}", "base"), (" x mean", "dim")]


def _top(picture: Picture) -> float:
    return max((queue.pps for queue in picture.snapshot.queues), default=0.0) if picture.snapshot else 0.0


def _fill(picture: Picture, queue: Queue) -> float:
    top = _top(picture)
    return queue.pps / top if top > 0 else 0.0


def _lost(picture: Picture, queue: Queue) -> Line:
    if not queue.lost:
        return [(" lost    0   ", "dim")]
    rising = picture.loss_now.by_queue.get(queue.queue, 0) > 0
    return [(" ", "base"), (f"lost {units.count(queue.lost)}{'▲' if rising else ' '}", "loss")]


def _detail(picture: Picture, queue: Queue, width: int) -> Line:
    """Return `` 0 cpu2  ███▊ 3.61 Mpps 2.40 Gbit/s  71 % lost 0``; what a narrow panel lacks is the bit rate."""
    cpu = "" if queue.cpu is None else f"cpu{queue.cpu}"
    line: Line = [(f" {queue.queue:>2} ", "strong"), (f"{cpu:<6}", "dim")]
    figures: Line = [(f" {units.packet_rate(queue.pps)}", "base")]
    if width >= 62:
        figures.append((f" {units.rate(queue.bps, picture.in_bytes)}", "base"))
    figures += [(f" busy {round(queue.busy * 100):>3} %", "base"), *_lost(picture, queue)]
    room = max(0, width - length(line) - length(figures))
    return [*line, (bar(_fill(picture, queue), room), "bar"), *figures]


def _in_columns(picture: Picture, queues: tuple[Queue, ...], width: int, room: int) -> list[Line]:
    columns = -(-len(queues) // room)
    each = width // columns
    rows: list[Line] = []
    for row in range(room):
        line: Line = []
        for queue in queues[row::room]:
            line += fitted(_brief(picture, queue, each), each)
        rows.append(line)
    return rows


def _brief(picture: Picture, queue: Queue, width: int) -> Line:
    loss: Line = [(f" lost{units.count(queue.lost)}", "loss")] if queue.lost and width >= 33 else []
    mark: Line = [("!", "loss")] if queue.lost else [(" ", "base")]
    figures: Line = [(f"{units.packet_rate(queue.pps)}{round(queue.busy * 100):>4} %", "base"), *loss]
    room = max(0, width - length(figures) - 5)
    return [(f"{queue.queue:>3}", "strong"), *mark, (bar(_fill(picture, queue), room), "bar"), (" ", "base"), *figures]


def _cells(picture: Picture, queues: tuple[Queue, ...], width: int) -> Line:
    """Return one cell a queue, red with a mark where packets were lost; more queues than cells share them."""
    step = -(-len(queues) // max(1, width))
    line: Line = []
    for at in range(0, len(queues), step):
        group = queues[at : at + step]
        losing = any(queue.lost for queue in group)
        line.append(("!", "loss") if losing else (column(max(_fill(picture, queue) for queue in group)), "bar"))
    return line


def _worst(picture: Picture, queues: tuple[Queue, ...]) -> list[Queue]:
    now = picture.loss_now.by_queue
    return sorted(queues, key=lambda queue: (-now.get(queue.queue, 0), -queue.lost, -queue.pps, queue.queue))


def _crowd(picture: Picture, queues: tuple[Queue, ...], width: int, room: int) -> list[Line]:
    cells: Line = [(" ", "base"), *_cells(picture, queues, width - 2)]
    return [cells, *(_detail(picture, queue, width) for queue in _worst(picture, queues)[: room - 1])]


def _folded(picture: Picture, queues: tuple[Queue, ...], width: int) -> Line:
    if not queues:
        return [(" Queues", "dim")]
    worst = _worst(picture, queues)[0]
    what = "worst" if worst.lost else "busiest"
    right: Line = [
        (f" {what} ", "dim"),
        (f"{worst.queue}", "strong"),
        (f" {units.packet_rate(worst.pps)} busy {round(worst.busy * 100):>3} %", "base"),
        *_lost(picture, worst),
    ]
    left: Line = [(f" {len(queues)} queue{'s' if len(queues) > 1 else ' '} ", "dim")]
    room = width - length(left) - length(right)
    if len(queues) * 4 <= room:
        for queue in queues:
            mark: Line = [("!", "loss")] if queue.lost else [(" ", "base")]
            left += [(f" {queue.queue}", "dim"), (column(_fill(picture, queue)), "bar"), *mark]
    else:
        left += _cells(picture, queues, room)
    return spread(left, right, width)
