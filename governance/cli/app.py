"""``python -m governance``: train, validate, promote, infer, report, each under its environment's rules."""

from __future__ import annotations

import json
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from environments import DIRECTORY, load_platform
from governance.audit.errors import AuditError
from governance.cli import backups as backup_commands
from governance.cli import collection as collection_commands
from governance.cli import cost as cost_commands
from governance.cli import demo as demo_commands
from governance.cli import deployment as deployment_commands
from governance.cli import evidence as evidence_commands
from governance.cli import gates as gate_commands
from governance.cli import images as docker_commands
from governance.cli import members as member_commands
from governance.cli import migration as migration_commands
from governance.cli import people as people_commands
from governance.cli import promotion as promotion_commands
from governance.cli import release as release_commands
from governance.cli import reproduction as reproduction_commands
from governance.cli import schedules as schedule_commands
from governance.cli import server as server_commands
from governance.cli import snapshots as snapshot_commands
from governance.cli import teams as team_commands
from governance.cli.common import ready_target, say, warn_of_other_settings
from governance.cli.options import AsJson, Cloud, DryRun, Env, Model, Settings, Snapshot
from governance.core.errors import RefusedError
from governance.core.target import Target
from pipelines.config import ConfigError
from pipelines.errors import PipelineError
from stack_bootstrap.command_line import EXPECTED_ERRORS, run_command_line

if TYPE_CHECKING:
    from zenml.models import PipelineRunResponse

    from governance.runs.jobs import Preview

app = typer.Typer(help=__doc__, no_args_is_help=True, pretty_exceptions_enable=False, add_completion=False)
app.command("demo")(demo_commands.demo)
app.command("clean-demo")(demo_commands.clean_demo)
app.command("evidence")(evidence_commands.evidence)
app.command("evidence-verify")(evidence_commands.evidence_verify)
app.command("gates-prove")(gate_commands.gates_prove)
app.command("cost-plan")(cost_commands.cost_plan)
app.command("schedules")(schedule_commands.schedules)
app.command("schedule")(schedule_commands.schedule)
app.command("collect")(collection_commands.collect)
app.command("deploy")(deployment_commands.deploy)
app.command("freeze")(snapshot_commands.freeze)
app.command("snapshots")(snapshot_commands.snapshots)
app.command("reproduce")(reproduction_commands.reproduce)
app.command("image")(docker_commands.image)
app.command("cost")(cost_commands.cost)
app.command("signers")(people_commands.signers)
app.command("sign")(promotion_commands.sign)
app.command("approve")(promotion_commands.approve)
app.command("override")(promotion_commands.override)
app.command("promote")(promotion_commands.promote)
app.command("rollback")(promotion_commands.rollback)
app.command("rollback-drill")(promotion_commands.rollback_drill)
app.command("reconcile")(promotion_commands.reconcile)
app.command("release")(release_commands.release)
app.command("backup")(backup_commands.backup)
app.command("restore")(backup_commands.restore)
app.command("restore-drill")(backup_commands.restore_drill)
app.command("server")(server_commands.server)
app.command("server-stop")(server_commands.server_stop)
app.command("server-status")(server_commands.server_status)
app.command("members")(member_commands.members)
app.command("ui")(server_commands.ui)
app.command("migrate")(migration_commands.migrate)
app.command("team")(team_commands.team)
app.command("team-update")(team_commands.team_update)
app.command("team-remove")(team_commands.team_remove)


@app.command()
def train(
    model: Model,
    env: Env = "dev",
    snapshot: Snapshot = None,
    cloud: Cloud = None,
    settings: Settings = DIRECTORY,
    as_json: AsJson = False,
    dry_run: DryRun = False,
) -> None:
    """Train a new version under the environment's gates."""
    target = ready_target(settings, model, env, cloud)
    if snapshot is not None:
        _run_snapshot("train", target, snapshot, as_json=as_json, dry_run=dry_run)
        return
    from governance.runs import jobs

    if dry_run:
        steps = jobs.preview_training(target)
        asked = ", ".join(f"{name} {one}" for name, one in target.thresholds.thresholds.items()) or "no metric"
        say(
            f"Would train {target.where} on {target.stack}: {', '.join(steps)}.\nIt must reach {asked}.",
            as_json,
            stack=target.stack,
            steps=steps,
            thresholds=target.thresholds.required(),
        )
        return
    with _steps_shown(as_json):
        run = jobs.train(target)
    _show_run(target, run, as_json)


@app.command()
def validate(
    model: Model,
    env: Env = "staging",
    cloud: Cloud = None,
    settings: Settings = DIRECTORY,
    as_json: AsJson = False,
    dry_run: DryRun = False,
) -> None:
    """Evaluate the version in use against the environment's thresholds."""
    target = ready_target(settings, model, env, cloud)
    from governance.runs import jobs

    if dry_run:
        _say_would("validate", target, jobs.preview_validation(target), as_json)
        return
    with _steps_shown(as_json):
        run = jobs.validate(target)
    _show_run(target, run, as_json)


@app.command()
def infer(
    model: Model,
    env: Env = "production",
    data: Annotated[
        str | None,
        typer.Option(
            envvar="DATA",
            help="Path or URL of CSV or Parquet, or a YAML file with a source (default: the model's own).",
        ),
    ] = None,
    shards: Annotated[
        int | None,
        typer.Option(
            envvar="SHARDS",
            min=1,
            max=200,
            help="Steps that share a folder of Parquet parts (default: as the model's config says).",
        ),
    ] = None,
    snapshot: Snapshot = None,
    cloud: Cloud = None,
    settings: Settings = DIRECTORY,
    as_json: AsJson = False,
    dry_run: DryRun = False,
) -> None:
    """Score data with the version in use and write the predictions to the artifact store."""
    if snapshot is not None and (data is not None or shards is not None):
        raise typer.BadParameter("A snapshot has its data and shards frozen: leave DATA and SHARDS out.")
    target = ready_target(settings, model, env, cloud)
    if snapshot is not None:
        _run_snapshot("infer", target, snapshot, as_json=as_json, dry_run=dry_run)
        return
    from governance.runs import jobs

    if dry_run:
        _say_would("score data with", target, jobs.preview_inference(target, data, shards), as_json)
        return
    with _steps_shown(as_json):
        run = jobs.infer(target, data, shards)
    _show_run(target, run, as_json)


@app.command()
def models(
    model: Annotated[str | None, typer.Option(envvar="MODEL", help="One model (default: every team's).")] = None,
    cloud: Cloud = None,
    settings: Settings = DIRECTORY,
    as_json: AsJson = False,
) -> None:
    """List every team's versions: how the log says they were judged, by whom they were trained, where they are."""
    platform = load_platform(settings)
    if model is not None:
        platform.team_of(model)  # a misspelt one is said before ZenML is loaded
    from governance.core.progress import ready_zenml

    ready_zenml()
    from governance.report.versions import judged_versions

    rows, unread = judged_versions(platform, model, cloud)
    for log in unread:
        typer.echo(log, err=True)
    if as_json:
        typer.echo(json.dumps([row.model_dump(mode="json") for row in rows], indent=2))
        return
    from rich.console import Console
    from rich.table import Table

    heads = (
        "team",
        "model",
        "version",
        "verdict",
        "metric",
        "in use",
        "stage",
        "trained by",
        "trained (UTC)",
        "digest",
    )
    table = Table(*heads, box=None)
    for row in rows:
        table.add_row(
            row.team,
            row.model,
            row.version,
            f"{row.verdict}: {row.note}" if row.note else row.verdict,
            "" if row.value is None else f"{row.metric} {row.value:.4g}",
            ", ".join(row.in_use),
            row.stage,
            row.trainer or "",
            f"{row.trained:%Y-%m-%d %H:%M}",
            row.digest[:12],
        )
    console = Console()
    if not console.is_terminal:  # a pipe has no width to fit into
        console.width = 220
    console.print(table if rows else "No model was trained yet: make train MODEL=...")


@app.command()
def report(
    model: Model,
    env: Env = "production",
    folder: Annotated[
        Path | None, typer.Option(envvar="OUT", help="Where to write (default: reports/ in local.root).")
    ] = None,
    cloud: Cloud = None,
    settings: Settings = DIRECTORY,
    as_json: AsJson = False,
    dry_run: DryRun = False,
) -> None:
    """Write the HTML report of the version in use."""
    target = ready_target(settings, model, env, cloud)
    from governance.report.write import default_folder, write_report

    chosen = folder or default_folder(target.platform)
    if dry_run:
        from governance.report.collect import collect

        collect(target)
        say(f"Would write the report of {target.where} to {chosen}.", as_json, folder=chosen)
        return
    warn_of_other_settings(target)
    file = write_report(target, chosen)
    say(f"Report: {file}", as_json, file=file)


def _run_snapshot(job: Literal["train", "infer"], target: Target, wanted: str, *, as_json: bool, dry_run: bool) -> None:
    from governance.runs.session import RunSession
    from governance.snapshots import start

    if dry_run:
        pipeline = start.PIPELINES[job]
        frozen = start.checked_snapshot(RunSession(target), wanted, pipeline)
        say(
            f"Would start {pipeline} from snapshot {frozen.snapshot_digest[7:19]} of {target.where} on {target.stack}.",
            as_json,
            stack=target.stack,
            snapshot=frozen.snapshot_digest,
            pipeline=pipeline,
        )
        return
    with _steps_shown(as_json):
        run = start.train(target, wanted) if job == "train" else start.infer(target, wanted)
    _show_run(target, run, as_json)


def _say_would(what: str, target: Target, preview: Preview, as_json: bool) -> None:
    say(
        f"Would {what} version {preview.version} of {target.where} on {target.stack}: {', '.join(preview.steps)}.",
        as_json,
        stack=target.stack,
        version=int(preview.version),
        steps=preview.steps,
        thresholds=target.thresholds.required(),
    )


@contextmanager
def _steps_shown(as_json: bool) -> Iterator[None]:
    """Print one line per step while a run goes on; none when a machine reads."""
    from governance.core.progress import StepEvent, watch_steps

    def show(event: StepEvent) -> None:
        if not as_json and event.state != "started":
            typer.echo(f"  {event.step} {event.state}{f' in {event.took}' if event.took else ''}")

    with watch_steps(show):
        yield


def _show_run(target: Target, run: PipelineRunResponse, as_json: bool) -> None:
    from governance.gates.catalogue import goes_on
    from governance.runs.evidence import evaluation_of, predictions_of, verdicts_of

    evaluation, predictions, verdicts = evaluation_of(run), predictions_of(run), verdicts_of(run)
    version = run.model_version.number if run.model_version else None
    lines = [f"Run {run.name} {run.status}: version {version} of {target.where}."]
    if evaluation is not None:
        lines.append(", ".join(f"{name} {value:.3f}" for name, value in evaluation.metrics.items()))
    if predictions is not None:
        lines.append(f"{predictions.rows} rows scored, {predictions.told}: {predictions.uri}")
    for result in verdicts:
        if goes_on(result) and not result.settled:
            reasons = dict.fromkeys(check.unproven for check in result.failures)
            lines.append(f"Gate {result.gate!r} went on without a verdict: {'; '.join(reasons)}.")
    say(
        "\n".join(lines),
        as_json,
        run={"id": run.id, "name": run.name, "status": run.status},
        model=target.model,
        version=version,
        metrics=evaluation.metrics if evaluation else None,
        predictions=predictions.model_dump(mode="json", exclude={"score_places"}) if predictions else None,
        gates={result.gate: result.verdict for result in verdicts},
    )


def main() -> None:
    """Run the command line. Exit status: 0 done, 1 refused or failed, 130 interrupted."""
    # Third parties' notices to their own developers, at import.
    warnings.filterwarnings("ignore", category=DeprecationWarning)
    # ZenML reads this while it is imported; its rich tracebacks print the values of local variables.
    os.environ.setdefault("ZENML_ENABLE_RICH_TRACEBACK", "false")
    run_command_line(app, (*EXPECTED_ERRORS, AuditError, ConfigError, PipelineError, RefusedError))


if __name__ == "__main__":
    main()
