# SPDX-License-Identifier: BSD-2-Clause
"""Packets per second per RX queue, and what each queue's rings lost.

As many queues as there are lines get one each; more get several columns; still more get one cell each, above the lines
of those that need looking at: the ones that lose, then the busiest. Folded, the cells and the worst queue are one line.
"""

from __future__ import annotations

from xtop import units
from xtop.blocks import bar, column, history
from xtop.ink import Line, fitted, framed, length, printable, spread
from xtop.model import Queue
from xtop.picture import Picture
from xtop.widgets.line_panel import LinePanel

BITS_FROM = 58  # cells of a line from which it has the bit rate
HISTORY_LEAST, HISTORY_MOST = 4, 24  # cells, a second each
BAR_LEAST = 12
BRIEF_WIDTH = 25  # cells of a queue's entry where several share a line
LOST_LEAST = 34  # and from which it says what was lost


class QueuePanel(LinePanel):
    """All queues at any number."""

    OF_COUNTERS = True

    def lines(self, picture: Picture, width: int, height: int) -> list[Line]:
        """Return the framed queues, or the one line."""
        queues = picture.snapshot.queues if picture.snapshot else ()
        if height == 1:
            return [_folded(picture, queues, width)]
        inner, room = width - 2, height - 2
        per_line = inner // (BRIEF_WIDTH + _names_width(queues))
        if len(queues) <= room:
            body = [_detail(picture, queue, inner) for queue in queues]
        elif len(queues) <= room * per_line:
            body = _in_columns(picture, queues, inner, room)
        else:
            body = _crowd(picture, queues, inner, room)
        return framed(f"2 Queues · {len(queues)}" if queues else "2 Queues", _note(picture), body, width, height)


def _names_width(queues: tuple[Queue, ...]) -> int:
    """Return the cells that names of interfaces take before queues' numbers: none where there is one interface."""
    names = {queue.interface or "" for queue in queues}
    return max(map(len, names)) + 1 if len(names) > 1 else 0


def _name(picture: Picture, queue: Queue, digits: int) -> str:
    """Return the queue's number, after its interface's name where there are several."""
    width = _names_width(picture.snapshot.queues if picture.snapshot else ())
    interface = printable(queue.interface or "") if width else ""
    return f"{interface:<{width}}{queue.queue:>{digits}}"


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
    rising = picture.loss_now.by_queue.get(queue.key, 0) > 0
    return [(" ", "base"), (f"lost {units.count(queue.lost)}{'▲' if rising else ' '}", "loss")]


def _detail(picture: Picture, queue: Queue, width: int) -> Line:
    """Return `` 0 cpu2 ▃▄▅▆ 3.61 Mpps 2.40 Gbit/s busy 71 % lost 0``: each figure with its last seconds before it.

    What a narrow panel lacks is first the histories, then the bit rate; what a wide one has left over is a bar.
    """
    cpus = [f"cpu{one.cpu}" for one in (picture.snapshot.queues if picture.snapshot else ()) if one.cpu is not None]
    widest = max((len(text) + 1 for text in cpus), default=0)
    cpu = "" if queue.cpu is None else f"cpu{queue.cpu}"
    name = _name(picture, queue, 2)
    head: Line = [(f"{name} ", "strong"), (f"{cpu:<{widest}}", "dim")]
    figures: list[tuple[str, Line]] = [
        ("pps", [(f"{units.packet_rate(queue.pps)} ", "base")]),
        ("bps", [(f"{units.rate(queue.bps, picture.in_bytes)} ", "base")]),
        ("busy", [(f"busy{round(queue.busy * 100):>4} %", "base")]),
        ("lost", _lost(picture, queue)),
    ]
    if width - len(name) + 2 < BITS_FROM:
        del figures[1]
    room = width - length(head) - sum(length(figure) for _, figure in figures)
    histories = _history_widths(room)
    line = head
    for name, figure in figures:
        line = [*line, *_history(picture, queue, name, histories.get(name, 0)), *figure]
    left = width - length(line)
    if left < BAR_LEAST:
        return line
    return [*head, (bar(_fill(picture, queue), left - 1), "bar"), (" ", "base"), *line[len(head) :]]


def _history_widths(room: int) -> dict[str, int]:
    """Return how many cells each history gets of ``room``: packets first, then the busy share, bits, loss."""
    names = ("pps", "busy", "bps", "lost")
    count = 1 if room < 2 * (HISTORY_LEAST + 3) else min(len(names), room // (HISTORY_LEAST + 3))
    each = min(HISTORY_MOST, room // count - 1)
    return dict.fromkeys(names[:count], each) if each >= HISTORY_LEAST else {}


def _history(picture: Picture, queue: Queue, name: str, width: int) -> Line:
    if not width:
        return []
    curves = picture.curves.queues
    values = getattr(curves[queue.key], name)[-width:] if queue.key in curves else ()
    if name == "busy":
        return [(history(values, 1.0, width), "bar"), (" ", "base")]
    every = [value for one in curves.values() for value in getattr(one, name)[-width:] if value is not None]
    top = max(every, default=0.0)
    if name == "lost":  # its figure begins with a blank, the one before ends with none
        return [(" ", "base"), (history(values, top, width, " "), "loss-bar")]
    return [(history(values, top, width), "bar"), (" ", "base")]


def _in_columns(picture: Picture, queues: tuple[Queue, ...], width: int, room: int) -> list[Line]:
    columns = -(-len(queues) // room)
    each = width // columns
    losing = each >= LOST_LEAST and any(queue.lost for queue in queues)
    rows: list[Line] = []
    for row in range(room):
        line: Line = []
        for queue in queues[row::room]:
            line += fitted(_brief(picture, queue, each, losing), each)
        rows.append(line)
    return rows


def _brief(picture: Picture, queue: Queue, width: int, losing: bool) -> Line:
    """Return `` 0 ████ 541 kpps 77 % lost 13.6 k``; ``losing``: with room for a loss, so that bars keep one scale."""
    loss: Line = []
    if losing:
        lost = f" lost {units.count(queue.lost)}"
        loss = [(lost, "loss") if queue.lost else (" " * len(lost), "base")]
    mark: Line = [("!", "loss")] if queue.lost else [(" ", "base")]
    figures: Line = [(f"{units.packet_rate(queue.pps)}{round(queue.busy * 100):>4} %", "base"), *loss]
    name = _name(picture, queue, 3)
    room = max(0, width - length(figures) - len(name) - 2)
    return [(name, "strong"), *mark, (bar(_fill(picture, queue), room), "bar"), (" ", "base"), *figures]


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
    return sorted(queues, key=lambda queue: (-now.get(queue.key, 0), -queue.lost, -queue.pps, queue.key))


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
        (_name(picture, worst, 1), "strong"),
        (f" {units.packet_rate(worst.pps)} busy {round(worst.busy * 100):>3} %", "base"),
        *_lost(picture, worst),
    ]
    left: Line = [(f" {len(queues)} queue{'s' if len(queues) > 1 else ' '} ", "dim")]
    room = width - length(left) - length(right)
    named: Line = []
    for queue in queues[: room // 3]:
        mark: Line = [("!", "loss")] if queue.lost else [(" ", "base")]
        named += [(f" {queue.queue}", "dim"), (column(_fill(picture, queue)), "bar"), *mark]
    fits = not _names_width(queues) and len(queues) <= room // 3 and length(named) <= room
    left += named if fits else _cells(picture, queues, room)
    return spread(left, right, width)
