"""The commands that say what things cost: ``cost-plan`` before, ``cost`` after."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import typer

from environments import DIRECTORY, load_platform
from governance.cli.options import AsJson
from governance.core import clock
from governance.cost import plan_summary
from governance.cost.assumptions import load_assumptions
from governance.cost.estimate import Estimate, estimate_plan
from governance.cost.infracost import estimate_with_infracost, find_infracost
from governance.cost.money import cents
from governance.cost.prices import load_prices, stale_warnings
from governance.cost.report import CostReport
from stack_bootstrap import infrastructure
from stack_bootstrap.options import (
    CloudName,
    EnvironmentNames,
    SettingsDirectory,
    expand_environments,
    expand_workspaces,
)
from stack_bootstrap.terraform import Terraform
from stack_bootstrap.workspace import Workspace, workspace

Markdown = Annotated[bool, typer.Option("--markdown", help="Print Markdown for a pull request's comment.")]
PlanFile = Annotated[
    Path | None,
    typer.Option(
        "--plan-file", envvar="PLAN_FILE", help="A plan made before (default: plan now).", exists=True, dir_okay=False
    ),
]


def cost_plan(
    env: EnvironmentNames,
    cloud: CloudName = None,
    plan_file: PlanFile = None,
    settings: SettingsDirectory = DIRECTORY,
    as_json: AsJson = False,
    markdown: Markdown = False,
) -> None:
    """Estimate what a plan costs a month, by team and resource, beside what is there now."""
    platform = load_platform(settings)
    names = expand_workspaces(env, platform)
    if plan_file is not None and len(names) > 1:
        raise typer.BadParameter("a plan is of one environment; name it with --env", param_hint="--plan-file")
    program = find_infracost()
    estimates = []
    for name in names:
        where = workspace(platform, name, cloud)
        plan = _plan(where, plan_file)
        chosen, teams = platform.environment(where.place), tuple(platform.teams)
        if program is not None:
            estimate = estimate_with_infracost(program, plan, chosen, where.cloud, teams)
        else:
            today = clock.now().date()
            estimate = estimate_plan(plan, chosen, where.cloud, teams, load_prices(), load_assumptions(), today)
        estimates.append(estimate.model_copy(update={"environment": name, "simulated": where.simulated}))
    if as_json:
        estimated = {estimate.environment: plan_summary.as_json(estimate) for estimate in estimates}
        typer.echo(json.dumps(estimated, indent=2))
    elif markdown:
        typer.echo(plan_summary.as_markdown(estimates), nl=False)
    else:
        for estimate in estimates:
            _show(estimate)


Team = Annotated[str | None, typer.Option(envvar="TEAM", help="Only this team.")]
MonthName = Annotated[str | None, typer.Option("--month", envvar="MONTH", help="As 2026-11 (default: this month).")]
Out = Annotated[Path | None, typer.Option("--folder", envvar="OUT", help="Where the page goes (default: reports/).")]


def cost(
    env: EnvironmentNames,
    team: Team = None,
    month: MonthName = None,
    cloud: CloudName = None,
    folder: Out = None,
    settings: SettingsDirectory = DIRECTORY,
    as_json: AsJson = False,
) -> None:
    """Report what teams, pipelines, models and runs cost in a month, against budgets, and write the page."""
    from governance.cost.month import Month
    from governance.cost.provider import provider_of
    from governance.cost.report import build_reports

    platform, now = load_platform(settings), clock.now()
    chosen = Month.of(now) if month is None else Month.parse(month)
    reports = []
    for name in expand_environments(env, platform):
        provider = provider_of(platform, name, cloud)
        reports += build_reports(platform, name, chosen, provider, now=now, cloud=cloud, team=team)
    if as_json:
        typer.echo(json.dumps([report.model_dump(mode="json") for report in reports], indent=2))
        return
    from environments.files import replace_file
    from governance.cost.page import render
    from governance.report.write import default_folder

    for report in reports:
        _show_report(report)
    names = "-".join(dict.fromkeys(report.environment for report in reports))
    file = (folder or default_folder(platform)) / f"cost-{names}{f'-{team}' if team else ''}-{chosen}.html"
    warnings = stale_warnings(load_prices(), now.date()) if any(report.cloud == "local" for report in reports) else []
    replace_file(file, render(reports, [text for text in warnings if " local " in text]))
    typer.echo(f"Page: {file}")


def _plan(where: Workspace, plan_file: Path | None) -> dict[str, object]:
    """Return the JSON of a plan; the one that waits for ``apply`` is left alone."""
    terraform = Terraform(where)
    if plan_file is not None:
        return terraform.show(plan_file.resolve())
    with TemporaryDirectory() as folder:
        planned = infrastructure.plan(where, stream=sys.stderr, plan_file=Path(folder) / "plan.tfplan")
        return terraform.show(planned.plan_file)


def _show(estimate: Estimate) -> None:
    from rich.console import Console
    from rich.table import Table

    console = Console()
    if not console.is_terminal:  # a pipe has no width to fit into
        console.width = 160
    place = f"{estimate.environment} on {estimate.cloud}{' (simulation)' if estimate.simulated else ''}"
    table = Table("team", title=f"{place}: {estimate.currency} a month, by {estimate.source}", box=None)
    for heading in ("now", "planned", "difference", "not known"):
        table.add_column(heading, justify="right")
    for team in estimate.teams:
        change = plan_summary.signed(team.difference)
        table.add_row(team.team, cents(team.now), cents(team.planned), change, str(team.unknown or ""))
    change = plan_summary.signed(estimate.difference)
    table.add_row("all", cents(estimate.now), cents(estimate.planned), change, "", style="bold")
    console.print(table)
    for line in estimate.of_state("unknown", "partly"):
        typer.echo(f"not known: {line.address}: {line.reason}")
    if estimate.assumptions:
        used = ", ".join(f"{name} {quantity:f}" for name, quantity in estimate.assumptions.items())
        typer.echo(f"Assumed a month (governance/cost/usage.yaml): {used}.")
    for warning in estimate.warnings:
        typer.echo(warning, err=True)


def _show_report(report: CostReport) -> None:
    from rich.console import Console
    from rich.table import Table

    from governance.cost.wording import forecast_text, headline, last_words

    console = Console()
    if not console.is_terminal:
        console.width = 160
    title = f"{report.environment} on {report.cloud}, {report.month}, {report.currency}"
    table = Table("team", title=title, box=None)
    for heading in ("direct", "shared", "total", "budget", "used", "forecast"):
        table.add_column(heading, justify="right")
    for row in report.teams:
        budget = "none" if row.budget is None else cents(row.budget)
        used = "" if row.share is None else f"{row.share:.1%}"
        amounts = (cents(row.direct), cents(row.shared), cents(row.total))
        style = "red" if row.over else ""
        table.add_row(row.team, *amounts, budget, used, forecast_text(row.forecast, ""), style=style)
    console.print(table)
    for what, rows in (("pipeline", report.pipelines), ("model", report.models), ("run", report.top_runs)):
        for amount in rows:
            typer.echo(f"  {what} {amount.name} ({amount.team}): {cents(amount.amount)}")
    line = headline(report)
    typer.echo(f"{line.text}{f' ({line.note})' if line.note else ''}.")
    typer.echo(f"Forecast: {forecast_text(report.forecast, report.currency)}. {last_words(report)} {report.sharing}")
    if report.unmeasured_runs:
        typer.echo(f"{report.unmeasured_runs} runs ended without a (complete) cost and are not counted.")
