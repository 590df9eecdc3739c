"""The commands by which versions move: sign, approve, override, promote, rollback, rollback-drill, reconcile."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from environments import DIRECTORY, load_platform
from governance.options import AsJson, Cloud, DryRun, Env, Key, Model, Settings, Signer, Version
from governance.target import Target, target_for

if TYPE_CHECKING:
    from governance.signing.signatories import Signatory

DIFFERS = 2
"""Exit status of ``reconcile`` when the log and ZenML differ."""

To = Annotated[str, typer.Option(envvar="TO", help="Environment to enter: staging or production.")]
Reason = Annotated[str, typer.Option(envvar="REASON", help="Why, for the record. Name nobody.")]
Hours = Annotated[int | None, typer.Option(envvar="HOURS", help="How long it holds [default: the longest allowed].")]
BreakGlass = Annotated[
    bool, typer.Option("--break-glass", help="An emergency: two signatures go past gates and missing approvals.")
]


def sign(
    model: Model,
    env: Env = "dev",
    version: Version = None,
    cloud: Cloud = None,
    settings: Settings = DIRECTORY,
    as_json: AsJson = False,
) -> None:
    """Sign a model that a governed run trained, where the run did not wait to do it."""
    target = _target(settings, model, env, cloud)
    from zenml.client import Client

    from governance.in_use import NoModelInUse
    from governance.signing.trained import sign_trained
    from governance.versions import staged_version

    chosen = Client().get_model_version(model, version) if version else staged_version(target)
    if chosen is None:
        raise NoModelInUse(f"No version of {target.where} is there to sign.")
    new = sign_trained(target, chosen)
    verb = "is signed" if new else "was signed before"
    _say(f"Version {chosen.number} of {target.where} {verb}.", as_json, version=str(chosen.number), signed=new)


def approve(
    model: Model,
    to: To,
    version: Version = None,
    decision: Annotated[str, typer.Option(envvar="DECISION", help="approved or declined.")] = "approved",
    reason: Annotated[str | None, typer.Option(envvar="REASON", help="Why; needed to decline.")] = None,
    hours: Hours = None,
    signer: Signer = None,
    key: Key = None,
    break_glass: BreakGlass = False,
    cloud: Cloud = None,
    settings: Settings = DIRECTORY,
    as_json: AsJson = False,
    dry_run: DryRun = False,
) -> None:
    """Sign that a version may enter an environment, on the evidence there is now; a later promote counts it."""
    if decision not in ("approved", "declined"):
        raise typer.BadParameter(f"{decision!r} is neither approved nor declined", param_hint="--decision")
    target = _target(settings, model, to, cloud)
    from governance.promotion.approvals import approve as give
    from governance.signing.signatories import choose_signatory

    given = give(
        target,
        choose_signatory(target, signer, key),
        version=version,
        decline=decision == "declined",
        reason=reason,
        hours=hours,
        break_glass=break_glass,
        dry_run=dry_run,
    )
    case, statement = given.case, given.statement
    verb = "may sign" if dry_run else "signed"
    checks = [check for result in case.results for check in result.checks]
    _say(
        f"{given.person.email} {verb}: version {case.version} of {target.where} is {statement.decision}, until "
        f"{statement.expires:%Y-%m-%d %H:%M} UTC and for one promotion.\n"
        + "".join(f"  {check}\n" for check in checks)
        + f"Next: make promote MODEL={model} TO={to} VERSION={case.version}{' BREAK_GLASS=1' if break_glass else ''}",
        as_json,
        statement=given.digest,
        **statement.model_dump(mode="json"),
        checks=[check.model_dump(mode="json") for check in checks],
        dry_run=dry_run,
    )


def override(
    model: Model,
    gate: Annotated[str, typer.Option(envvar="GATE", help="The gate that cannot conclude.")],
    reason: Reason,
    env: Env = "staging",
    subject: Annotated[
        str | None, typer.Option(envvar="SUBJECT", help="One check of it, such as a metric [default: all].")
    ] = None,
    version: Annotated[str | None, typer.Option(envvar="VERSION", help="The one version [default: any].")] = None,
    hours: Hours = None,
    signer: Signer = None,
    key: Key = None,
    cloud: Cloud = None,
    settings: Settings = DIRECTORY,
    as_json: AsJson = False,
    dry_run: DryRun = False,
) -> None:
    """Sign that a gate may be passed though it cannot conclude. One that says no is never set aside by this."""
    target = _target(settings, model, env, cloud)
    from governance.promotion.overrides import override as give
    from governance.signing.signatories import choose_signatory

    given = give(
        target,
        choose_signatory(target, signer, key),
        gate=gate,
        reason=reason,
        subject=subject,
        version=version,
        hours=hours,
        dry_run=dry_run,
    )
    verb = "may sign" if dry_run else "signed"
    what = f"{subject!r} of gate {gate!r}" if subject else f"gate {gate!r}"
    _say(
        f"{given.person.email} {verb}: {what} may be passed for {target.where} though it cannot conclude, until "
        f"{given.statement.expires:%Y-%m-%d %H:%M} UTC.",
        as_json,
        statement=given.exemption.statement_digest,
        **given.statement.model_dump(mode="json"),
        dry_run=dry_run,
    )


def promote(
    model: Model,
    to: To,
    version: Version = None,
    signer: Signer = None,
    key: Key = None,
    break_glass: BreakGlass = False,
    cloud: Cloud = None,
    settings: Settings = DIRECTORY,
    as_json: AsJson = False,
    dry_run: DryRun = False,
) -> None:
    """Bring a version into an environment, when its evidence and its approvals suffice there."""
    target = _target(settings, model, to, cloud)
    from governance.promotion import promote as entry

    made = entry.promote(
        target,
        version=version,
        requested_by=_asker(target, signer, key),
        break_glass=break_glass,
        dry_run=dry_run,
    )
    if made.alert:
        typer.echo(made.alert, err=True)
    verb = "may enter" if dry_run else "is in"
    checks = [check for result in made.results for check in result.checks]
    _say(
        f"Version {made.version} of {model} {verb} {to}"
        + (f" (before: version {made.previous})" if made.previous else "")
        + (f", approved by {', '.join(made.approvers)}" if made.approvers else "")
        + "".join(f"\n  {check}" for check in checks)
        + (f"\n{made.note}" if made.note else ""),
        as_json,
        version=made.version,
        previous=made.previous,
        approvers=made.approvers,
        checks=[check.model_dump(mode="json") for check in checks],
        note=made.note,
        alert=made.alert,
        dry_run=dry_run,
    )


def rollback(
    model: Model,
    reason: Reason,
    env: Env = "production",
    signer: Signer = None,
    key: Key = None,
    cloud: Cloud = None,
    settings: Settings = DIRECTORY,
    as_json: AsJson = False,
    dry_run: DryRun = False,
) -> None:
    """Return an environment to the version that was in use there before."""
    target = _target(settings, model, env, cloud)
    from governance.promotion import rollback as way_back

    left, now = way_back.rollback(target, requested_by=_asker(target, signer, key), reason=reason, dry_run=dry_run)
    verb = "would go" if dry_run else "went"
    _say(
        f"{target.where} {verb} from version {left} back to version {now}.",
        as_json,
        left=left,
        now=now,
        dry_run=dry_run,
    )


def rollback_drill(
    model: Model,
    env: Env = "staging",
    confirm: Annotated[
        str | None, typer.Option(envvar="CONFIRM", help="Name of a protected environment, to move its stage too.")
    ] = None,
    cloud: Cloud = None,
    settings: Settings = DIRECTORY,
    as_json: AsJson = False,
) -> None:
    """Measure the way back: back and forth, or up to the stage in a protected environment without CONFIRM."""
    target = _target(settings, model, env, cloud)
    from governance.promotion.drill import drill

    done = drill(target, confirm=confirm)
    went = (
        f"went back to version {done.earlier} and returned"
        if done.moved
        else f"could go back to version {done.earlier}; the stage was not moved (CONFIRM={env} does that too)"
    )
    _say(
        f"{target.where} is at version {done.current}, {went}.\n"
        + _phases("back", done.back)
        + _phases("return", done.forward)
        + f"The way back took {done.seconds:.2f} s.",
        as_json,
        current=done.current,
        earlier=done.earlier,
        moved=done.moved,
        seconds={"back": done.back, "return": done.forward},
    )


def reconcile(
    env: Env = "production",
    model: Annotated[str | None, typer.Option(envvar="MODEL", help="One model [default: every team's].")] = None,
    cloud: Cloud = None,
    settings: Settings = DIRECTORY,
    as_json: AsJson = False,
    dry_run: DryRun = False,
) -> None:
    """Compare stages, versions, releases and signatures with the log; exit 2 when they differ."""
    platform = load_platform(settings)
    platform.environment(env)
    teams = [team for team in platform.teams.values() if env in team.environments]
    models = [model] if model else [one for team in teams for one in team.models]
    targets = [_target(settings, one, env, cloud) for one in models]
    from governance.promotion.reconcile import reconcile as compare

    found = {target.model: compare(target, dry_run=dry_run) for target in targets}
    lines = [finding for findings in found.values() for finding in findings]
    _say(
        "\n".join(lines) or f"{env}: ZenML and the artifact store hold what the log says of {', '.join(models)}.",
        as_json,
        environment=env,
        differs=bool(lines),
        findings=found,
    )
    if lines:
        raise typer.Exit(DIFFERS)


def _target(settings: Path, model: str, environment: str, cloud: str | None) -> Target:
    """The target, and ZenML ready for it. What is wrong with the settings is said before ZenML is loaded."""
    target = target_for(load_platform(settings), model, environment, cloud)
    from governance.progress import quiet_third_parties

    quiet_third_parties()
    return target


def _asker(target: Target, signer: str | None, key: Path | None) -> Signatory | None:
    """Who signs the request, if somebody is named; else whoever runs this asks."""
    from governance.signing.signatories import choose_signatory

    return choose_signatory(target, signer, key) if signer or key else None


def _phases(name: str, phases: dict[str, float]) -> str:
    return "".join(f"  {name}: {phase} {seconds:.3f} s\n" for phase, seconds in phases.items())


def _say(text: str, as_json: bool, **facts: object) -> None:
    typer.echo(json.dumps(facts, indent=2, default=str) if as_json else text)
