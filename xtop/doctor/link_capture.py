# SPDX-License-Identifier: BSD-2-Clause
"""How ``--capture auto`` would capture a link, and why."""

from __future__ import annotations

from xtop.capture_choice import LinkFacts, choose_capture
from xtop.doctor.finding import Finding, Verdict, unseen
from xtop.interfaces import link_facts
from xtop.link_state import LinkState

_WHY = "AF_XDP takes packets from the host, so a link that the host uses is counted beside it"


def capture_finding(state: LinkState) -> Finding:
    """Say which capture would be chosen."""
    facts = link_facts(state.name)
    return unseen("capture", "the interface went", _WHY) if facts is None else chosen_finding(facts)


def chosen_finding(facts: LinkFacts) -> Finding:
    """Say what is chosen by ``facts``, what follows where the kernel refuses it, and the option for another choice."""
    choice = choose_capture(facts)
    found = f"{', else '.join(choice.captures)}: {choice.reason}"
    other = "--capture af_xdp --force" if facts.in_use is not None and facts.ethernet else "--capture HOW"
    return Finding("capture", Verdict.OK, found, _WHY, f"xtop -i {facts.interface} {other}, for another")
