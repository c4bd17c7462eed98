# SPDX-License-Identifier: BSD-2-Clause
"""What packet sampling makes of figures, in words and as estimates: nothing is ever scaled without a mark.

Totals and queues count every packet, sampled or not; flows, protocols and histograms are of the sampled packets. The
estimate of a sum is that sum times N, since each packet is chosen with probability 1/N (RFC 5475).
"""

from __future__ import annotations

from xtop.model import SourceInfo

ESTIMATE_MARK = "~"


def sampling_name(source: SourceInfo) -> str:
    """Return how packets are chosen, in a few cells: ``sampled 1 in 100``."""
    chance = " at random" if source.sampling_method == "random" else ""
    return f"sampled 1 in {source.sampling}{chance}"


def sampling_sentence(source: SourceInfo) -> str:
    """Return what a reader of the figures must know."""
    method = {"random": "uniform probabilistic"}.get(source.sampling_method or "", "systematic count-based")
    return (
        f"1 packet in {source.sampling} ({method}): flows and protocols are of the sampled packets, as counted; "
        f"packets, bytes and queues are of all"
    )
