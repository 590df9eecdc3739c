"""The commands around teams: team, team-update, team-remove."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from environments import DIRECTORY, load_platform
from governance.cli.common import somebody_is_there
from governance.cli.options import AsJson, Cloud, DryRun, Settings
from governance.teams.errors import TeamRefusedError

if TYPE_CHECKING:
    from governance.teams.create import Added
    from governance.teams.preview import Preview

Name = Annotated[str | None, typer.Option(envvar="NAME", help="The team's name, such as fraud-detection.")]
Names = Annotated[str, typer.Option(help="Several, separated by commas.")]


def team(
    name: Name = None,
    owner: Annotated[str | None, typer.Option(envvar="OWNER", help="E-mail of who answers for the team.")] = None,
    cost_center: Annotated[
        str | None, typer.Option(envvar="COST_CENTER", help="One of environments/platform.yaml.")
    ] = None,
    model: Annotated[
        str, typer.Option(envvar="MODEL", help="Its first model (default: the team's name, then _classifier).")
    ] = "",
    models: Annotated[str, typer.Option(envvar="MODELS", help="Several models, separated by commas.")] = "",
    budget: Annotated[
        float | None,
        typer.Option(
            envvar="BUDGET",
            help="A month in production; the other environments get the same share of theirs (default: a tenth).",
        ),
    ] = None,
    approver: Annotated[
        str, typer.Option(envvar="APPROVER", help="E-mails of who else may approve, separated by commas.")
    ] = "",
    data: Annotated[str, typer.Option(envvar="DATA", help="Format of the sample data: csv or parquet.")] = "csv",
    no_plan: Annotated[
        bool, typer.Option("--no-plan", envvar="NO_PLAN", help="Do not plan: for who cannot read the state.")
    ] = False,
    local_keys: Annotated[
        bool,
        typer.Option(
            "--local-keys",
            envvar="LOCAL_KEYS",
            help="To try it out on CLOUD=local: make keys for owner (as who runs this) and approvers in local.root.",
        ),
    ] = False,
    cloud: Cloud = None,
    settings: Settings = DIRECTORY,
    as_json: AsJson = False,
    dry_run: DryRun = False,
) -> None:
    """Add a team: its file, its scaffold, and what every environment's plan will add for it."""
    platform = load_platform(settings)
    from governance.teams.create import create
    from governance.teams.request import NewTeam

    known = ", ".join(platform.settings.cost_centers or ())
    request = NewTeam(
        name=_given(name, "NAME", "Team"),
        owner=_given(owner, "OWNER", "E-mail of its owner"),
        cost_center=_given(cost_center, "COST_CENTER", f"Cost centre ({known or 'any'})"),
        models=(*_split(model), *_split(models)),
        budget=budget,
        approvers=_split(approver),
        data_format=data,
    )
    added = create(request, platform, cloud=cloud, plan=not no_plan, dry_run=dry_run)
    if local_keys and not dry_run:
        from governance.teams.local_keys import make_keys

        make_keys(request, load_platform(settings))
    if as_json:
        typer.echo(json.dumps(_as_json(added, dry_run), indent=2))
        return
    typer.echo("\n".join(_describe(added, dry_run, local_keys=local_keys)))


def team_update(
    name: Name = None,
    settings: Settings = DIRECTORY,
    dry_run: DryRun = False,
) -> None:
    """Bring what has changed in the template since into a team's scaffold, as changes to review."""
    from governance.teams.update import update

    chosen = _given(name, "NAME", "Team")
    changed = update(chosen, load_platform(settings), dry_run=dry_run)
    if not changed:
        typer.echo(f"{chosen} has everything that the template holds.")
        return
    what = "Has changed in the template" if dry_run else "Changed, to review and commit"
    typer.echo("\n".join([f"{what}:", *(f"  {file}" for file in changed)]))


def team_remove(
    name: Name = None,
    confirm: Annotated[str | None, typer.Option(envvar="CONFIRM", help="The team's name, once more.")] = None,
    no_plan: Annotated[
        bool, typer.Option("--no-plan", envvar="NO_PLAN", help="Do not plan: for who cannot read the state.")
    ] = False,
    cloud: Cloud = None,
    settings: Settings = DIRECTORY,
    as_json: AsJson = False,
    dry_run: DryRun = False,
) -> None:
    """Remove a team that production does not need: archive it, unregister its stacks, delete its file and scaffold."""
    chosen = _given(name, "NAME", "Team")
    platform = load_platform(settings)
    from governance.core.progress import ready_zenml

    ready_zenml()
    from governance.teams.remove import plan_removal, remove

    removal = plan_removal(chosen, platform, cloud=cloud, plan=not no_plan)
    if not as_json:
        typer.echo("\n".join(removal.describe()))
    if removal.obstacles:
        raise TeamRefusedError(removal.refusal())
    archive = None
    if not dry_run:
        if confirm != chosen:
            raise TeamRefusedError(f"Nothing was removed. If all of this is to go, say so by name: CONFIRM={chosen}")
        archive = remove(removal, platform)
    if as_json:
        typer.echo(json.dumps({**removal.as_json(), "archive": str(archive) if archive else None}, indent=2))
    elif archive:
        typer.echo(
            f"Archived to {archive}; stacks, file and scaffold are gone. The audit log keeps all that the team did.\n"
            "Its infrastructure goes by a reviewed plan: make plan ENV=all, then make apply for each environment. "
            "A protected one refuses to delete without ALLOW_DELETE=1."
        )


def _given(value: str | None, variable: str, question: str) -> str:
    """Return ``value``, asked for where it is missing and somebody is there to answer."""
    if value:
        return value
    if not somebody_is_there():
        raise TeamRefusedError(f"{variable} is missing: give {variable}=… (nobody is there to be asked).")
    prompt: Callable[[str], str] = typer.prompt
    return prompt(question)


def _split(names: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in names.split(",") if part.strip())


def _as_json(added: Added, dry_run: bool) -> dict[str, object]:
    return {
        "team": added.request.name,
        "models": added.request.all_models(),
        "files": [str(file) for file in added.files],
        "plans": [asdict(preview) for preview in added.previews],
        "updatable": added.updatable,
        "dry_run": dry_run,
    }


def _describe(added: Added, dry_run: bool, *, local_keys: bool) -> list[str]:
    request, model = added.request, added.request.all_models()[0]
    lines = [f"{'Would write' if dry_run else 'Wrote'} {len(added.files)} files:"]
    lines += [f"  {file}" for file in added.files]
    if added.previews:
        only = not any(preview.unrelated_changes for preview in added.previews)
        lines += [
            "",
            f"What each environment's plan adds{' (and it touches nothing of anybody else)' if only else ''}:",
        ]
        for preview in added.previews:
            lines += _preview_lines(preview)
    if not added.updatable:
        lines += [
            "",
            "The template has no commit of its own here, so `make team-update` will have nothing to start from.",
        ]
    if dry_run:
        return lines
    return [
        *lines,
        "",
        "Next, commit the files for review, then:",
        "  make apply ENV=all              # its folders or buckets, identities, budget",
        "  make register ENV=all           # its stacks, connectors and secrets",
        f"  make release MODEL={model} WAIT=10",
        "                                  # trains in dev, promotes to staging, validates, then waits for an approval",
        f"  make approve MODEL={model} TO=production AS=<e-mail>",
        "                                  # meanwhile, by somebody who neither trained nor asked",
        "",
        *_about_keys([request.owner, *request.approvers], local_keys),
        "The sample data is synthetic; put your own into source: of the config.",
    ]


def _about_keys(people: list[str], made: bool) -> list[str]:
    if made:
        return [f"Keys of {', '.join(people)} were made and declared in the local root, for this machine alone."]
    return [
        f"Whoever approves ({', '.join(people)}) signs with an SSH key: declare them, with the public",
        "one, in environments/people.yaml.",
    ]


def _preview_lines(preview: Preview) -> list[str]:
    lines = [f"  {preview.environment} on {preview.cloud}: {len(preview.addresses)} to add"]
    lines += [f"    {address}" for address in preview.addresses]
    if preview.unrelated_changes:
        lines.append("    ATTENTION: the team's file also changes what is not the team's:")
        lines += [f"    ! {address}" for address in preview.unrelated_changes]
    if preview.pending:
        lines.append(f"    ({preview.pending} more that were due before)")
    return lines
