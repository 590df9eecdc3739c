"""The controls of the gates as a table that a person reads."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from governance.gates.prove import Outcome


def print_matrix(outcomes: Sequence[Outcome], environments: Sequence[str], console: Console | None = None) -> None:
    """Print one row for each gate, task and control and one column for each environment, then what went wrong."""
    console = console or Console()
    table = Table(title="What each gate must stop, and what it must let pass")
    table.add_column("gate")
    table.add_column("task")
    table.add_column("control")
    table.add_column("must")
    for name in environments:
        table.add_column(name)
    rows: dict[tuple[str, str, str], dict[str, Outcome]] = {}
    gates = list(dict.fromkeys(outcome.gate for outcome in outcomes))
    for outcome in sorted(outcomes, key=lambda one: gates.index(one.gate)):
        rows.setdefault((outcome.gate, outcome.task, outcome.control), {})[outcome.environment] = outcome
    before = ("", "")
    for (gate, task, control), found in rows.items():
        must = "pass" if next(iter(found.values())).must_pass else "stop"
        first = "" if gate == before[0] else gate, "" if (gate, task) == before else task
        table.add_row(*first, control, must, *(_cell(found[name]) for name in environments))
        before = (gate, task)
    console.print(table)
    wrong = [outcome for outcome in outcomes if not outcome.proven]
    for outcome in wrong:
        did = "let pass" if outcome.passed else "stopped"
        console.print(
            f"{outcome.gate} ({outcome.task}) in {outcome.environment} {did}: {outcome.control} ({outcome.reason})",
            markup=False,
        )
    proven = f"{len(outcomes) - len(wrong)} of {len(outcomes)} controls proven."
    console.print(proven if outcomes else "Nothing was proven: no gate has a control.")


def _cell(outcome: Outcome) -> str:
    went_on = "passed" if outcome.concluded else "not judged"
    did = went_on if outcome.passed else "stopped"
    return f"[green]{did}[/green]" if outcome.proven else f"[bold red]{did}: WRONG[/bold red]"
