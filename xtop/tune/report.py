# SPDX-License-Identifier: BSD-2-Clause
"""Plans and outcomes as lines for people and as one JSON object for scripts."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from xtop.link_state import LinkState, Value
from xtop.tune.outcome import Outcome
from xtop.tune.plan import Change, Plan, equal_spread

SCHEMA = "xtop.tune/1"
_RESULTS = ("changed", "refused", "left", "gone")


@dataclass(frozen=True, slots=True)
class Report:
    """What one run of ``xtop tune`` found or did."""

    state: LinkState
    action: str  # "plan", "apply", "undo"
    plan: Plan
    changes: Sequence[Change]  # still to be made
    outcomes: Sequence[Outcome] = ()
    notes: Sequence[str] = ()


def report_json(report: Report) -> str:
    """Return the report as one JSON object and a newline."""
    content = {
        "schema": SCHEMA,
        "interface": report.state.name,
        "driver": report.state.driver.driver,
        "action": report.action,
        "changes": [asdict(change) for change in report.changes],
        "outcomes": [asdict(outcome) for outcome in report.outcomes],
        "right": list(report.plan.right),
        "not_offered": [{"what": what, "why": why} for what, why in report.plan.closed],
        "notes": list(report.notes),
    }
    return json.dumps(content, indent=2) + "\n"


def report_text(report: Report) -> str:
    """Return the report as lines."""
    state = report.state
    lines = [f"{state.name}: {state.driver.driver or 'a driver without a name'}, {_count(state.rx_queues, 'RX queue')}"]
    if report.action == "plan":
        lines += _table([(change.key, _step(change.now, change.wanted), change.why) for change in report.changes])
        lines += _table([(what, "not offered", why) for what, why in report.plan.closed])
    else:
        lines += _table([_outcome_row(outcome) for outcome in report.outcomes])
    lines += [f"note: {note}" for note in report.notes]
    lines.append(_summary(report))
    return "\n".join(lines) + "\n"


def short_value(value: Value | None) -> str:
    """Return ``value`` as it fits a line: of keys and tables only what tells them apart."""
    text = "-" if value is None else str(value)
    if text.count(":") > 3:
        return f"{text[:11]}… ({text.count(':') + 1} bytes)"
    if text.count(",") > 7:
        entries = text.split(",")
        queues = max(map(int, entries)) + 1
        kind = "equal" if text == equal_spread(len(entries), queues) else "uneven"
        return f"{kind} over {_count(queues, 'queue')}"
    return text


def _outcome_row(outcome: Outcome) -> tuple[str, str, str]:
    if outcome.result == "changed":
        return outcome.key, _step(outcome.was, outcome.now), outcome.words or _nearest(outcome)
    return outcome.key, f"{outcome.result}, {short_value(outcome.now)}", outcome.words


def _nearest(outcome: Outcome) -> str:
    return "" if outcome.now == outcome.wanted else f"asked for {short_value(outcome.wanted)}; the nearest it can do"


def _step(was: Value | None, now: Value | None) -> str:
    return f"{short_value(was)} → {short_value(now)}"


def _summary(report: Report) -> str:
    command = f"xtop tune -i {report.state.name}"
    if report.action == "plan":
        if not report.changes:
            return "Nothing to change."
        return f"Nothing was changed. {command} --apply does it, and keeps what was before for --undo."
    if not report.outcomes:
        return "Nothing to change." if report.action == "apply" else "Nothing to undo."
    counts = [(result, sum(outcome.result == result for outcome in report.outcomes)) for result in _RESULTS]
    said = ", ".join(f"{count} {result}" for result, count in counts if count)
    changed = counts[0][1] and report.action == "apply"
    return f"{said}. {command} --undo puts back what was before." if changed else f"{said}."


def _table(rows: Sequence[tuple[str, str, str]]) -> list[str]:
    widths = [max((len(row[column]) for row in rows), default=0) for column in (0, 1)]
    return [f"  {key:<{widths[0]}}  {step:<{widths[1]}}  {why}".rstrip() for key, step, why in rows]


def _count(number: int, what: str) -> str:
    return f"{number} {what}" + ("" if number == 1 else "s")
