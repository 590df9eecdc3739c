"""The command that holds a plan against the policy."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict, replace

import typer

from environments import DIRECTORY, load_platform
from stack_bootstrap import infrastructure
from stack_bootstrap.options import AsJson, CloudName, EnvironmentNames, SettingsDirectory, expand_workspaces
from stack_bootstrap.policy.check import Verdict, check_plan
from stack_bootstrap.policy.rules import context_of
from stack_bootstrap.terraform import Terraform
from stack_bootstrap.workspace import workspace

app = typer.Typer()


@app.command()
def policy(
    env: EnvironmentNames,
    cloud: CloudName = None,
    settings: SettingsDirectory = DIRECTORY,
    as_json: AsJson = False,
) -> None:
    """Plan, and exit with 1 when the plan breaks a rule that no exception in force covers."""
    platform = load_platform(settings)
    verdicts: dict[str, Verdict] = {}
    for name in expand_workspaces(env, platform):
        where = workspace(platform, name, cloud)
        planned = infrastructure.plan(where, stream=sys.stderr)
        plan = Terraform(where).show(planned.plan_file)
        inside = where.cluster.manifests if where.cluster else ()
        context = replace(context_of(platform, where.place, where.cloud), environment=name, protected=where.protected)
        verdicts[name] = check_plan(plan, context, inside)
        if not as_json:
            _tell(name, verdicts[name])
    if as_json:
        told = {
            name: {
                "passed": verdict.passed,
                "resources": verdict.resources,
                "violations": [asdict(violation) for violation in verdict.violations],
                "excused": [asdict(violation) for violation in verdict.excused],
                "expired": [exception.model_dump(mode="json") for exception in verdict.expired],
            }
            for name, verdict in verdicts.items()
        }
        typer.echo(json.dumps(told, indent=2))
    if not all(verdict.passed for verdict in verdicts.values()):
        raise typer.Exit(1)


def _tell(environment: str, verdict: Verdict) -> None:
    for violation in verdict.violations:
        typer.echo(f"{environment}: {violation.rule}: {violation.address}: {violation.message}.", err=True)
    for exception in verdict.expired:
        typer.echo(
            f"{environment}: the exception from {exception.rule} for {exception.address} ran out on "
            f"{exception.expires}. Put the cause right, or renew it with a reason.",
            err=True,
        )
    typer.echo(
        f"{environment}: {len(verdict.violations)} broken rules, {len(verdict.excused)} excused by infra/policy/"
        "exceptions.yaml."
        f" {verdict.resources or 'No'} resources were checked."
    )
