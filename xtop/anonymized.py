# SPDX-License-Identifier: BSD-2-Clause
"""A snapshot whose addresses stand for others, and which says nothing else that would name one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from xtop.anonymizer import Anonymizer, flow_id
from xtop.flow_rows import FlowRows
from xtop.model import Flow, Snapshot

WITHHELD = "(withheld)"


def anonymized(snapshot: Snapshot, anonymizer: Anonymizer) -> Snapshot:
    """Return ``snapshot`` as it may leave the machine; rows that lie in C are changed where they lie.

    Filters name addresses, and so may what the capture says of its choice: of these it is told that they are there.
    """
    source = snapshot.source
    withheld = replace(
        source,
        filter=WITHHELD if source.filter else None,
        reason=WITHHELD if source.reason else None,
        notes=(),
        links=tuple(replace(link, reason=WITHHELD if link.reason else None) for link in source.links),
    )
    return replace(
        snapshot,
        source=withheld,
        flow_filter=WITHHELD if snapshot.flow_filter else "",
        flows=_flows(snapshot.flows, anonymizer),
        groups=(),
    )


def _flows(flows: Sequence[Flow], anonymizer: Anonymizer) -> Sequence[Flow]:
    if isinstance(flows, FlowRows):
        flows.rekey(anonymizer.flow_key, flow_id)
        return flows
    return [_flow(flow, anonymizer) for flow in flows]


def _flow(flow: Flow, anonymizer: Anonymizer) -> Flow:
    key = anonymizer.flow_key(flow.key[:40]) + flow.key[40:]
    return replace(
        flow,
        key=key,
        flow_id=flow_id(key[:40]),
        source=anonymizer.text(flow.source),
        destination=anonymizer.text(flow.destination),
    )
