"""The commands by which versions move: sign, approve, override, promote, rollback, rollback-drill, reconcile."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from environments import DIRECTORY
from governance.cli.common import asker, ready_target, ready_targets, say, signatory
from governance.cli.options import AsJson, Cloud, DryRun, Env, Key, Model, Settings, Signer, Version, Yes

if TYPE_CHECKING:
    from governance.promotion.reconcile import Comparison

DIFFERS = 2
"""Exit status of ``reconcile`` when the log and ZenML differ."""

To = Annotated[str, typer.Option(envvar="TO", help="Environment to enter: staging or production.")]
Reason = Annotated[str, typer.Option(envvar="REASON", help="Why, for the record. Name nobody.")]
Hours = Annotated[int | None, typer.Option(envvar="HOURS", help="How long it holds (default: the longest allowed).")]
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
    target = ready_target(settings, model, env, cloud)
    from governance.records.journal import Journal
    from governance.registry.loading import NoModelInUseError
    from governance.registry.sign_trained import sign_trained
    from governance.registry.versions import named_version, staged_version

    chosen = named_version(target, version) if version else staged_version(target)
    if chosen is None:
        raise NoModelInUseError(f"No version of {target.where} is there to sign.")
    new = sign_trained(target, chosen, Journal(target))
    verb = "is signed" if new else "was signed before"
    say(f"Version {chosen.number} of {target.where} {verb}.", as_json, version=str(chosen.number), signed=new)


def approve(
    model: Model,
    to: To,
    version: Version = None,
    decision: Annotated[str, typer.Option(envvar="DECISION", help="approved or declined.")] = "approved",
    reason: Annotated[str | None, typer.Option(envvar="REASON", help="Why; needed to decline.")] = None,
    hours: Hours = None,
    signer: Signer = None,
    key: Key = None,
    yes: Yes = False,
    break_glass: BreakGlass = False,
    cloud: Cloud = None,
    settings: Settings = DIRECTORY,
    as_json: AsJson = False,
    dry_run: DryRun = False,
) -> None:
    """Sign that a version may enter an environment, on the evidence there is now; a later promote counts it."""
    if decision not in ("approved", "declined"):
        raise typer.BadParameter(f"{decision!r} is neither approved nor declined", param_hint="--decision")
    target = ready_target(settings, model, to, cloud)
    from governance.approvals.approve import approve as give
    from governance.approvals.wording import comparison_lines

    given = give(
        target,
        signatory(target, signer, key, yes=yes),
        version=version,
        decline=decision == "declined",
        reason=reason,
        hours=hours,
        break_glass=break_glass,
        dry_run=dry_run,
    )
    request, statement = given.request, given.statement
    verb = "may sign" if dry_run else "signed"
    checks = [check for result in request.results for check in result.checks]
    shown = [*comparison_lines(given.comparison), *(f"  {check}" for check in checks)]
    say(
        f"{given.person.email} {verb}: version {request.version} of {target.where} is {statement.decision}, until "
        f"{statement.expires:%Y-%m-%d %H:%M} UTC and for one promotion.\n"
        + ("".join(f"{line}\n" for line in shown) if dry_run else "")
        + f"Next: make promote MODEL={model} TO={to} VERSION={request.version}"
        + (" BREAK_GLASS=1" if break_glass else ""),
        as_json,
        statement=given.digest,
        **statement.model_dump(mode="json"),
        checks=[check.model_dump(mode="json") for check in checks],
        comparison=None if given.comparison is None else given.comparison.model_dump(mode="json"),
        dry_run=dry_run,
    )


def override(
    model: Model,
    gate: Annotated[str, typer.Option(envvar="GATE", help="The gate that cannot conclude.")],
    reason: Reason,
    env: Env = "staging",
    subject: Annotated[
        str | None, typer.Option(envvar="SUBJECT", help="One check of it, such as a metric (default: all).")
    ] = None,
    version: Annotated[str | None, typer.Option(envvar="VERSION", help="The one version (default: any).")] = None,
    hours: Hours = None,
    signer: Signer = None,
    key: Key = None,
    yes: Yes = False,
    cloud: Cloud = None,
    settings: Settings = DIRECTORY,
    as_json: AsJson = False,
    dry_run: DryRun = False,
) -> None:
    """Sign that a gate may be passed though it cannot conclude. One that says no is never set aside by this."""
    target = ready_target(settings, model, env, cloud)
    from governance.approvals.overrides import override as give

    given = give(
        target,
        signatory(target, signer, key, yes=yes),
        gate=gate,
        reason=reason,
        subject=subject,
        version=version,
        hours=hours,
        dry_run=dry_run,
    )
    verb = "may sign" if dry_run else "signed"
    what = f"{subject!r} of gate {gate!r}" if subject else f"gate {gate!r}"
    say(
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
    yes: Yes = False,
    break_glass: BreakGlass = False,
    cloud: Cloud = None,
    settings: Settings = DIRECTORY,
    as_json: AsJson = False,
    dry_run: DryRun = False,
) -> None:
    """Bring a version into an environment, when its evidence and its approvals suffice there."""
    target = ready_target(settings, model, to, cloud)
    from governance.promotion import promote as entry

    made = entry.promote(
        target,
        version=version,
        requested_by=asker(target, signer, key, yes=yes),
        break_glass=break_glass,
        dry_run=dry_run,
    )
    if made.alert:
        typer.echo(made.alert, err=True)
    verb = "may enter" if dry_run else "is in"
    checks = [check for result in made.results for check in result.checks]
    say(
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
    yes: Yes = False,
    cloud: Cloud = None,
    settings: Settings = DIRECTORY,
    as_json: AsJson = False,
    dry_run: DryRun = False,
    break_glass: BreakGlass = False,
    to_snapshot: Annotated[
        str | None, typer.Option(envvar="TO_SNAPSHOT", help="Return to this snapshot of a pipeline, not to a version.")
    ] = None,
) -> None:
    """Return an environment to the version that was in use there before, or a pipeline to an earlier snapshot."""
    if to_snapshot is not None and break_glass:
        raise typer.BadParameter("The glass is broken for versions only: leave BREAK_GLASS or TO_SNAPSHOT out.")
    target = ready_target(settings, model, env, cloud)
    if to_snapshot is not None:
        from governance.snapshots.rollback import return_to

        before, back = return_to(
            target,
            to_snapshot,
            reason=reason,
            requested_by=asker(target, signer, key, yes=yes),
            dry_run=dry_run,
        )
        say(
            f"{target.where}: {back.pipeline} {'would go' if dry_run else 'went'} from snapshot "
            f"{before.snapshot_digest[7:19]} back to {back.snapshot_digest[7:19]}. Its code is commit "
            f"{back.git_commit}: runs start from a checkout of that.",
            as_json,
            pipeline=back.pipeline,
            left=before.snapshot_digest,
            now=back.snapshot_digest,
            commit=back.git_commit,
            dry_run=dry_run,
        )
        return
    from governance.promotion import rollback as way_back

    left, now = way_back.rollback(
        target,
        requested_by=asker(target, signer, key, yes=yes),
        reason=reason,
        break_glass=break_glass,
        dry_run=dry_run,
    )
    verb = "would go" if dry_run else "went"
    say(
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
    signer: Signer = None,
    key: Key = None,
    yes: Yes = False,
    cloud: Cloud = None,
    settings: Settings = DIRECTORY,
    as_json: AsJson = False,
) -> None:
    """Measure the way back: back and forth, or up to the stage in a protected environment without CONFIRM."""
    target = ready_target(settings, model, env, cloud)
    from governance.promotion.drill import drill

    done = drill(target, confirm=confirm, requested_by=asker(target, signer, key, yes=yes))
    went = (
        f"went back to version {done.earlier} and returned"
        if done.moved
        else f"could go back to version {done.earlier}; the stage was not moved (CONFIRM={env} does that too)"
    )
    say(
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
    model: Annotated[str | None, typer.Option(envvar="MODEL", help="One model (default: every team's).")] = None,
    cloud: Cloud = None,
    settings: Settings = DIRECTORY,
    as_json: AsJson = False,
    dry_run: DryRun = False,
) -> None:
    """Compare stages, versions, releases and signatures with the log; exit 2 when they differ.

    It says what it compared. Nothing to compare is neither an error nor an agreement.
    """
    targets = ready_targets(settings, model, env, cloud)
    from governance.promotion.reconcile import reconcile as compare

    found = {target.model: compare(target, dry_run=dry_run) for target in targets}
    outcomes = {comparison.outcome for comparison in found.values()}
    say(
        "\n".join(line for name, comparison in found.items() for line in _compared(env, name, comparison))
        or f"{env}: nothing to compare; no team has a model there.",
        as_json,
        environment=env,
        differs="differs" in outcomes if outcomes - {None} else None,
        findings={name: comparison.findings for name, comparison in found.items()},
        compared={
            name: {"outcome": one.outcome, "versions": one.versions, "releases": one.releases}
            for name, one in found.items()
        },
    )
    if "differs" in outcomes:
        raise typer.Exit(DIFFERS)


def _compared(env: str, model: str, found: Comparison) -> Iterator[str]:
    yield from found.findings
    if found.outcome is None:
        yield f"{model} in {env}: nothing to compare; no version was promoted into it."
        return
    agree = f"{len(found.findings)} differences" if found.findings else "as the log says"
    yield (
        f"{model} in {env}: {agree}; compared the stage, {found.versions} promoted versions, and the files and "
        f"signatures of {found.releases} releases."
    )


def _phases(name: str, phases: dict[str, float]) -> str:
    return "".join(f"  {name}: {phase} {seconds:.3f} s\n" for phase, seconds in phases.items())
