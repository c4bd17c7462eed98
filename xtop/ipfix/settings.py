# SPDX-License-Identifier: BSD-2-Clause
"""What is to be exported, where to, and how."""

from __future__ import annotations

from dataclasses import dataclass, field

from xtop.ipfix.collector import Collector
from xtop.ipfix.defaults import QUEUE_FLOWS, REFRESH_S


@dataclass(frozen=True, slots=True)
class TlsSettings:
    """Files in PEM. Without ``authorities`` the system's are believed."""

    authorities: str | None = None
    certificate: str | None = None
    key: str | None = None  # None: it is in the certificate's file
    verify: bool = True


@dataclass(frozen=True, slots=True)
class ExportSettings:
    """All collectors get all flows. ``queue`` is of flows that wait, for each of those over TCP."""

    collectors: tuple[Collector, ...] = ()
    flow_filter: str = ""  # an expression of xtop.filter_language; what it holds back is not exported
    uniflow: bool = False
    refresh: float = REFRESH_S  # seconds between templates over UDP, and statistics
    queue: int = QUEUE_FLOWS
    tls: TlsSettings = field(default_factory=TlsSettings)
    overwrite: bool = False
