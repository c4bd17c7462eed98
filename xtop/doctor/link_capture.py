# SPDX-License-Identifier: BSD-2-Clause
"""How ``--capture auto`` would capture a link, and why."""

from __future__ import annotations

from xtop.doctor.finding import Finding, Verdict
from xtop.interfaces import in_use
from xtop.link_state import LinkState


def capture_finding(state: LinkState) -> Finding:
    """Say which capture would be chosen."""
    why = "AF_XDP takes packets from the host, so a link that the host uses is never redirected unasked"
    reason = in_use(state.name)
    if reason is None:
        return Finding("capture", Verdict.OK, f"af_xdp: nothing of this host uses {state.name}", why)
    return Finding("capture", Verdict.BETTER, f"refused: {reason}", why, "--force redirects it all the same")
