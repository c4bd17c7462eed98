# SPDX-License-Identifier: BSD-2-Clause
"""Frames one after the other in little memory: each is kept as what it differs in from the one before.

The panels' figures are pickled, and deflated with those of the frame before as the dictionary; the first rows are told
by the rows before (`xtop.packed_rows`). So a frame is had by going through its chain from the first on, which stands
alone.
"""

from __future__ import annotations

import io
import pickle
import struct
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields, is_dataclass, replace
from operator import attrgetter
from typing import Any

from xtop import model, packed_rows
from xtop.flow_rows import FlowRows
from xtop.frame import Frame
from xtop.history import LossNow
from xtop.model import Flow
from xtop.screen_rows import ScreenRows

ROWS = 200  # flows kept of a frame
LEVEL = 6  # of zlib
WINDOW = 32768  # bytes before that deflate can point to
_SIZES = struct.Struct("<II")

Reduced = tuple[Any, tuple[Any, ...]]


@dataclass(frozen=True, slots=True)
class OpenFrame:
    """A frame as it is between packed and shown, and what the next one is told by."""

    panels: bytes  # pickled
    flows: FlowRows | None  # those that are native; others are among the panels
    groups: FlowRows | None

    def frame(self) -> Frame:
        """Return it as it was shown."""
        frame = _loaded(self.panels)
        flows = frame.snapshot.flows if self.flows is None else ScreenRows(self.flows)
        groups = frame.snapshot.groups if self.groups is None else ScreenRows(self.groups)
        return replace(frame, snapshot=replace(frame.snapshot, flows=flows, groups=groups))

    def rows(self) -> tuple[Sequence[Flow], Sequence[Flow]]:
        """Return its flows and its groups; where both are native the panels stay closed."""
        if self.flows is None or self.groups is None:
            snapshot = self.frame().snapshot
            return snapshot.flows, snapshot.groups
        return ScreenRows(self.flows), ScreenRows(self.groups)


def opened(frame: Frame) -> OpenFrame:
    """Return what is kept of ``frame``: all but the rows after the first."""
    snapshot = frame.snapshot
    flows, groups = (
        rows.kept(ROWS) if isinstance(rows, ScreenRows) else None for rows in (snapshot.flows, snapshot.groups)
    )
    kept = replace(
        snapshot,
        flows=snapshot.flows[:ROWS] if flows is None else (),
        groups=snapshot.groups[:ROWS] if groups is None else (),
    )
    buffer = io.BytesIO()
    pickler = pickle.Pickler(buffer, protocol=5)
    pickler.dispatch_table = _REDUCERS
    pickler.dump(replace(frame, snapshot=kept))
    return OpenFrame(buffer.getvalue(), flows, groups)


class FrameChain:
    """Packed frames. Who adds the next has the one before open."""

    def __init__(self) -> None:
        self._packed: list[bytes] = []
        self.size = 0  # bytes

    def __len__(self) -> int:
        return len(self._packed)

    def add(self, frame: OpenFrame, before: OpenFrame | None) -> None:
        """Add ``frame``; ``before`` is the last of the chain, None where there is none."""
        assert (before is None) == (not self._packed)
        self._packed.append(_packed(frame, before))
        self.size += len(self._packed[-1])

    def opened(self) -> Iterator[OpenFrame]:
        """Yield all frames from the first on."""
        before = None
        for content in self._packed:
            before = _unpacked(content, before)
            yield before


# ---- Packing


def _packed(frame: OpenFrame, before: OpenFrame | None) -> bytes:
    deflate = zlib.compressobj(LEVEL, zdict=before.panels[-WINDOW:]) if before else zlib.compressobj(LEVEL)
    panels = deflate.compress(frame.panels) + deflate.flush()
    flows = b"" if frame.flows is None else packed_rows.packed(frame.flows, before.flows if before else None)
    groups = b"" if frame.groups is None else packed_rows.packed(frame.groups, before.groups if before else None)
    return b"".join((_SIZES.pack(len(panels), len(flows)), panels, flows, groups))


def _unpacked(content: bytes, before: OpenFrame | None) -> OpenFrame:
    panels_size, flows_size = _SIZES.unpack_from(content)
    flows_at = _SIZES.size + panels_size
    groups_at = flows_at + flows_size
    inflate = zlib.decompressobj(zdict=before.panels[-WINDOW:]) if before else zlib.decompressobj()
    panels = inflate.decompress(content[_SIZES.size : flows_at])
    flows, groups = content[flows_at:groups_at], content[groups_at:]
    return OpenFrame(
        panels,
        packed_rows.unpacked(flows, before.flows if before else None) if flows else None,
        packed_rows.unpacked(groups, before.groups if before else None) if groups else None,
    )


def _loaded(panels: bytes) -> Frame:
    frame = pickle.loads(panels)  # written by this process, for itself
    assert isinstance(frame, Frame)
    return frame


def _by_fields(kind: type[Any]) -> Callable[[Any], Reduced]:
    """Return how a dataclass is pickled: as a call with its fields. The standard way is several times slower."""
    names = [entry.name for entry in fields(kind)]
    if len(names) == 1:
        return lambda value: (kind, (getattr(value, names[0]),))
    values = attrgetter(*names)
    return lambda value: (kind, values(value))


_REDUCERS: dict[type[Any], Callable[[Any], Reduced]] = {
    kind: _by_fields(kind)
    for kind in (*vars(model).values(), Frame, LossNow)
    if isinstance(kind, type) and is_dataclass(kind)
}
