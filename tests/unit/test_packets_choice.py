# SPDX-License-Identifier: BSD-2-Clause
from __future__ import annotations

from datetime import datetime
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.unit.sample_snapshot import FLOW, FLOW6, SNAPSHOT
from xtop.model import View
from xtop.noted_source import NotedSource
from xtop.packets_choice import no_packets, packets_path
from xtop.switchable_source import SwitchableSource


def test_who_passes_a_source_on_passes_its_packets_on() -> None:
    """The screen knows a source by what it can do; a wrapper must not hide it, nor promise what is not there."""
    tapped, plain = SimpleNamespace(tap=print), SimpleNamespace()
    for wrap in (lambda source: NotedSource(source, "note"), SwitchableSource):
        assert no_packets(FLOW, SNAPSHOT, View(), wrap(tapped)) is None
        assert "flows and no packets" in (no_packets(FLOW, SNAPSHOT, View(), wrap(plain)) or "")


def test_an_ended_flow_has_none() -> None:
    assert "has ended" in (no_packets(FLOW6, SNAPSHOT, View(), SimpleNamespace(tap=print)) or "")


def test_the_name_tells_the_flow_and_fits_every_file_system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    noon = datetime(2026, 1, 31, 12)
    assert packets_path(FLOW, noon) == tmp_path / "xtop-192.0.2.1.40000-198.51.100.2.443-20260131-120000.pcapng"
    assert ":" not in packets_path(FLOW6, noon).name
