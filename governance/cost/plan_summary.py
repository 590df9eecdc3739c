"""An estimate for people: a summary in Markdown for a pull request, and rows for a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from governance.cost.estimate import Estimate
from governance.cost.money import cents


def signed(amount: Decimal) -> str:
    """Return ``amount`` with its sign."""
    return f"+{cents(amount)}" if amount > 0 else cents(amount)


def as_markdown(estimates: Sequence[Estimate]) -> str:
    """Return the estimates as one comment: sums by environment and team first, what is unknown next, details folded."""
    lines = ["### Cost a month", "", "| environment | team | now | planned | difference | not known |"]
    lines.append("|---|---|---:|---:|---:|---:|")
    for estimate in estimates:
        for team in estimate.teams:
            lines.append(
                f"| {_place(estimate)} | {team.team} | {cents(team.now)} | {cents(team.planned)} | "
                f"{signed(team.difference)} | {team.unknown or ''} |"
            )
        lines.append(
            f"| **{_place(estimate)}** | **all, {estimate.currency}** | **{cents(estimate.now)}** | "
            f"**{cents(estimate.planned)}** | **{signed(estimate.difference)}** | "
            f"{len(estimate.of_state('unknown', 'partly')) or ''} |"
        )
    for estimate in estimates:
        lines += _details(estimate)
    return "\n".join(lines) + "\n"


def as_json(estimate: Estimate) -> dict[str, Any]:
    """Return the estimate for a machine: sums beside every line. Amounts are decimal strings."""
    return {
        **estimate.model_dump(mode="json"),
        "now": str(estimate.now),
        "planned": str(estimate.planned),
        "difference": str(estimate.difference),
        "teams": [{**team.model_dump(mode="json"), "difference": str(team.difference)} for team in estimate.teams],
        "unknown": [line.address for line in estimate.of_state("unknown", "partly")],
    }


def _place(estimate: Estimate) -> str:
    return f"{estimate.environment} on {estimate.cloud}{' (simulation)' if estimate.simulated else ''}"


def _details(estimate: Estimate) -> list[str]:
    unknown = estimate.of_state("unknown", "partly")
    free = estimate.of_state("free")
    priced = [line for line in estimate.of_state("priced", "partly") if line.now or line.planned]
    lines = ["", f"<details><summary>{_place(estimate)}: {len(priced)} priced, {len(unknown)} not (fully) known, "]
    lines[-1] += f"{len(free)} free; by {estimate.source}</summary>"
    if priced:
        lines += ["", "| resource | team | now | planned |", "|---|---|---:|---:|"]
        lines += [f"| `{x.address}` | {x.team} | {cents(x.now)} | {cents(x.planned)} |" for x in priced]
    if unknown:
        lines += ["", "Not counted, because not known:", ""]
        lines += [f"- `{line.address}`: {line.reason}" for line in unknown]
    if free:
        reasons = sorted({(line.kind, line.reason) for line in free})
        lines += ["", "Free: " + "; ".join(f"{kind} ({reason})" for kind, reason in reasons) + "."]
    if estimate.assumptions:
        used = ", ".join(f"{name} {quantity:f}" for name, quantity in estimate.assumptions.items())
        lines += ["", f"Assumed a month: {used} (governance/cost/usage.yaml)."]
    lines += ["", *(f"- {warning}" for warning in estimate.warnings), "</details>"]
    return lines
