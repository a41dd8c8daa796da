"""The status page: one line for each thing that a person asks about, and a list of what to do.

Without patient data, so that it may be pasted into a ticket.
"""

from __future__ import annotations

import textwrap
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from causeway.cli.show import ago, amount, paint, plural, state
from causeway.cli.views import (
    CustodyView,
    HealthView,
    LaneView,
    RefusalView,
    StatusView,
    TriggerView,
)
from causeway.doctor.running import RunningService
from causeway.observe.health import Health, State
from causeway.values import Disposition

if TYPE_CHECKING:
    from causeway.ledger import Count, Custody, LaneRow, Summary, Tally

_LANE_ORDER = ("verified", "sending", "due", "dead", "withdrawn")
_INDENT = 13
"""Width of the first column: "quarantined" and two blanks."""


def status_view(
    service: RunningService | None,
    summary: Summary,
    custody: Custody,
    tallies: Sequence[Tally],
    health: Health,
) -> StatusView:
    from causeway.cli.show import iso

    lanes: dict[str, dict[str, int]] = defaultdict(dict)
    for lane in summary.deliveries:
        lanes[lane.destination][lane.state.value] = lane.count
    ways = {row.destination: row for row in summary.lanes}
    return StatusView(
        health=HealthView.of(health),
        running=service is not None,
        pid=None if service is None else service.pid,
        service=None if service is None else service.said,
        studies=_by_state(summary.studies),
        series=_by_state(summary.series),
        instances=_by_state(summary.instances),
        destinations=[
            _lane_view(destination, lanes.get(destination, {}), ways.get(destination))
            for destination in sorted({*lanes, *ways})
        ],
        bytes_awaiting=summary.bytes_awaiting,
        oldest_undelivered_at=iso(summary.oldest_undelivered_at),
        last_received_at=iso(summary.last_received_at),
        last_delivered_at=iso(summary.last_delivered_at),
        held_studies=summary.held_studies,
        held_series=summary.held_series,
        dead_series=summary.dead_series,
        dead_deliveries=summary.dead_deliveries,
        dead_calls=summary.dead_calls,
        quarantined=summary.quarantined,
        triggers=_triggers_view(summary),
        commitments=_by_state(summary.commitments),
        refusals=[RefusalView.of(tally) for tally in tallies],
        custody=CustodyView.of(custody),
    )


def _lane_view(name: str, counts: dict[str, int], way: LaneRow | None) -> LaneView:
    from causeway.cli.show import iso

    return LaneView(
        destination=name,
        deliveries=counts,
        breaker="closed" if way is None else way.breaker.value,
        asked_again_at=None if way is None else iso(way.open_until),
        last_error="" if way is None else way.fail_text,
    )


def _triggers_view(summary: Summary) -> list[TriggerView]:
    found: dict[str, dict[str, int]] = defaultdict(dict)
    for each in summary.calls:
        found[each.trigger][each.state.value] = each.count
    return [TriggerView(trigger=name, calls=counts) for name, counts in found.items()]


def nothing(now: float) -> Summary:
    """The state of a service that never ran."""
    from causeway.ledger import Summary

    return Summary(
        at=now,
        studies=(),
        series=(),
        instances=(),
        deliveries=(),
        oldest_undelivered_at=None,
        bytes_awaiting=0,
        held_studies=0,
        held_series=0,
        dead_series=0,
        dead_deliveries=0,
        quarantined=0,
        last_received_at=None,
        last_delivered_at=None,
    )


def nothing_received() -> Custody:
    from causeway.ledger import Custody

    return Custody(study_id=None, received=0, counts=(), violations=())


def _by_state(counts: Sequence[Count]) -> dict[str, int]:
    return {str(count.state): count.count for count in counts}


def service_line(service: RunningService | None) -> str:
    if service is None:
        return paint("not running", fg="yellow") + "; start it with `causeway run`"
    listening = [
        f"{one.get('ae_title', '?')} at {one.get('host', '?')}:{one.get('port', '?')}"
        for one in _tables(service.said.get("listeners"))
    ]
    where = f", listening as {', '.join(listening)}" if listening else ""
    return f"{paint('running', fg='green')}, pid {service.pid}{where}"


def _tables(value: Any) -> list[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def status_lines(
    service: RunningService | None,
    summary: Summary,
    custody: Custody,
    tallies: Sequence[Tally],
    health: Health,
    *,
    now: float,
) -> Iterator[str]:
    """The page. Pure: what it shows is in its arguments."""
    yield _line("service", service_line(service))
    yield from health_lines(health)
    if service is not None:
        yield from _configuration(service.said.get("configuration"), now)
        yield from _space(service.said.get("space"))
    left_out = service is not None and service.said.get("receive_only") is True
    if service is not None and left_out:
        yield from _spooled(service.said.get("sources"))
    if not custody.received:
        yield _line("received", "nothing that is in the ledger yet" if left_out else "nothing yet")
        yield from _refused(tallies, now)
        return
    latest = summary.last_received_at
    yield _line(
        "received",
        plural(custody.received, "object")
        + (f", the latest {ago(now - latest)}" if latest else ""),
    )
    oldest = summary.oldest_undelivered_at
    if oldest is not None:
        going, held = custody.count(Disposition.ON_ITS_WAY), custody.count(Disposition.HELD)
        yield _line(
            "undelivered",
            f"{plural(going + held, 'object')}, {amount(summary.bytes_awaiting)}, the oldest "
            f"{ago(now - oldest)}; on its way {going:,}, held {held:,}",
        )
    yield _line("studies", _counts(summary.studies))
    yield _line("series", _counts(summary.series))
    lanes: dict[str, list[str]] = defaultdict(list)
    for lane in sorted(summary.deliveries, key=lambda lane: _LANE_ORDER.index(lane.state.value)):
        if lane.count:
            lanes[lane.destination].append(f"{lane.count:,} {state(lane.state.value)}")
    ways = {row.destination: row for row in summary.lanes}
    for destination, counts in sorted(lanes.items()):
        yield _line("to " + destination, ", ".join(counts))
        yield from _pause(ways.get(destination), now)
    yield from _triggers(summary)
    yield from _refused(tallies, now)
    yield from custody_lines(custody)
    yield from _to_do(summary)


def _pause(way: LaneRow | None, now: float) -> Iterator[str]:
    """Why a destination is not asked just now."""
    if way is None or way.open_until is None:
        return
    again = (
        f"asked again in {way.open_until - now:.0f} s" if way.open_until > now else "being asked"
    )
    text = f"{way.breaker.value}, {again}: {way.fail_text}"
    for number, line in enumerate(textwrap.wrap(text, 79 - _INDENT)):
        yield _line("", paint(line, fg="yellow") if number == 0 else line)


def health_lines(health: Health) -> Iterator[str]:
    """The state, and the reason for each that is not ok."""
    yield _line("health", paint(health.state.value, fg=_HEALTH[health.state]))
    for finding in health.findings:
        if finding.state is not State.OK:
            what = " ".join(filter(None, [finding.check.value, finding.subject]))
            for line in textwrap.wrap(f"{what}: {finding.reason}", 79 - _INDENT):
                yield _line("", line)


_HEALTH = {State.OK: "green", State.LATE: "yellow", State.FAILING: "red"}


def _spooled(sources: Any) -> Iterator[str]:
    """What a service without a pipeline has taken since it started; nobody else counts it."""
    counts = list(sources.values()) if isinstance(sources, dict) else []
    objects = sum(one.get("objects", 0) for one in counts if isinstance(one, dict))
    taken = sum(one.get("bytes", 0) for one in counts if isinstance(one, dict))
    yield _line(
        "pipeline",
        f"{paint('left out', fg='yellow')} (--receive-only): {plural(objects, 'object')} received "
        "since the start,",
    )
    yield _line("", f"{amount(taken)}; start it without --receive-only to deliver them")


def _configuration(said: Any, now: float) -> Iterator[str]:
    """Which version runs, and why another was not taken."""
    if not isinstance(said, dict):
        return
    version, since = said.get("version"), said.get("since")
    if isinstance(since, int | float):
        named = f"version {version}" if isinstance(version, int) else "not kept as a version"
        yield _line("settings", f"{named}, taken {ago(now - since)}")
    refused = said.get("refused")
    if isinstance(refused, dict) and isinstance(refused.get("at"), int | float):
        yield _line("", f"{paint('refused', fg='red')} {ago(now - refused['at'])}:")
        for line in str(refused.get("why", "")).splitlines():
            yield _line("", line)


def _space(space: Any) -> Iterator[str]:
    if not isinstance(space, dict):
        return
    room, hours = space.get("room_bytes"), space.get("hours_left")
    if isinstance(room, int | float):
        left = f"; full in {hours:.0f} h at this rate" if isinstance(hours, int | float) else ""
        level = space.get("state")
        full = (
            f", {paint(f'{level} watermark reached', fg='red')}"
            if level in ("soft", "hard")
            else ""
        )
        yield _line("room", f"{amount(room)}{left}{full}")


def _triggers(summary: Summary) -> Iterator[str]:
    """What followed deliveries."""
    by_name: dict[str, list[str]] = defaultdict(list)
    for each in summary.calls:
        by_name[each.trigger].append(f"{each.count:,} {state(each.state.value)}")
    for name, counts in by_name.items():
        yield _line("trigger " + name, ", ".join(counts))


def _refused(tallies: Sequence[Tally], now: float) -> Iterator[str]:
    for kind in ("association", "object"):
        refused = [tally for tally in tallies if tally.kind == kind and tally.count]
        if not refused:
            continue
        reasons: dict[str, int] = defaultdict(int)
        for tally in refused:
            reasons[tally.reason] += tally.count
        listed = ", ".join(
            f"{reason} {count:,}"
            for reason, count in sorted(reasons.items(), key=lambda item: -item[1])
        )
        latest = max(tally.last_at for tally in refused)
        total = plural(sum(reasons.values()), kind)
        yield _line("refused", f"{total}, the latest {ago(now - latest)}: {listed}")


def custody_lines(custody: Custody) -> Iterator[str]:
    """Received = the sum of what became of it, wrapped between its terms."""
    terms = [
        f"{count.count:,} {count.disposition.value}" for count in custody.counts if count.count
    ]
    verdict = paint("holds", fg="green") if custody.holds else paint("DOES NOT HOLD", fg="red")
    lines = [f"{custody.received:,} received ="]
    for index, term in enumerate(terms or ["0"]):
        piece = f"{'+ ' if index else ''}{term}"
        if len(lines[-1]) + len(piece) > 64:
            lines.append(piece)
        else:
            lines[-1] += f" {piece}"
    yield _line("custody", lines[0])
    yield from (_line("", line) for line in lines[1:])
    yield _line("", verdict)
    if custody.received != custody.accounted:
        yield _line("", f"{custody.received - custody.accounted:+,} not accounted for")
    for violation in custody.violations:
        yield _line("", f"{violation.name}: {violation.count:,}, for example {violation.example}")


def _to_do(summary: Summary) -> Iterator[str]:
    asks = [
        (summary.held_studies, "study is held", "studies are held", "studies --state held"),
        (summary.held_series, "series is held", "series are held", "studies --state held"),
        (summary.dead_series, "series is stuck", "series are stuck", "studies --state dead"),
        (
            summary.dead_deliveries,
            "delivery is dead",
            "deliveries are dead",
            "studies --state dead",
        ),
        (summary.dead_calls, "call is dead", "calls are dead", "triggers list --state dead"),
        (
            summary.quarantined,
            "object is quarantined",
            "objects are quarantined",
            "quarantine list",
        ),
        (
            _by_state(summary.commitments).get("dead", 0),
            "commitment was not told",
            "commitments were not told",
            "commitments list --open",
        ),
    ]
    asks = [ask for ask in asks if ask[0]]
    if asks:
        yield ""
        yield "for a person to decide"
        for count, one, many, command in asks:
            yield f"  {count:,} {one if count == 1 else many}".ljust(34) + f"causeway {command}"


def _counts(counts: Sequence[Count]) -> str:
    return (
        ", ".join(f"{count.count:,} {state(str(count.state))}" for count in counts if count.count)
        or "none"
    )


def _line(title: str, text: str) -> str:
    return f"{title:<{_INDENT}}{text}".rstrip()
