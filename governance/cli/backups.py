"""The commands ``backup``, ``restore-drill`` and ``restore``."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from environments import DIRECTORY, load_platform
from governance.cli.common import say, somebody_is_there
from governance.cli.options import AsJson, Cloud, DryRun, Env, Forget, Settings

if TYPE_CHECKING:
    from governance.backups.restore import Restored

DIFFERS = 2
"""Exit status of ``restore-drill`` when what was restored differs from the backup or the log."""

Backup = Annotated[str | None, typer.Option(envvar="BACKUP", help="Name of a backup (default: the newest).")]


def backup(
    env: Env = "production",
    cloud: Cloud = None,
    settings: Settings = DIRECTORY,
    as_json: AsJson = False,
    dry_run: DryRun = False,
) -> None:
    """Back up the server's database, stages, tracking stores and the log's checkpoint; delete what is too old."""
    from governance.backups.make import expired, make_backup
    from governance.backups.places import Place
    from governance.backups.records import Records

    place = Place.of(load_platform(settings), env, cloud)
    if dry_run:
        database, store, records = place.database(), place.store(), Records(place)
        trackers = [one.place for one in place.tracking().values() if one.exists()]
        inventory = database.inventory()
        if not inventory.tables:
            raise typer.BadParameter(f"there is nothing to back up in {database.place}")
        old = expired(place, records, store)
        say(
            f"Would back up {database.place} ({sum(one.rows for one in inventory.tables.values())} rows)"
            f"{''.join(f', {name}' for name in trackers)} to {store.place}, kept {place.days} days.\n"
            f"Would delete {', '.join(old) or 'nothing: none is older'}.",
            as_json,
            database=database.place,
            tracking=trackers,
            store=store.place,
            days=place.days,
            expired=old,
        )
        return
    with _progress(as_json) as progress:
        made = make_backup(place, progress)
    manifest = made.manifest
    rows = sum(
        table.rows for part in manifest.parts.values() if part.inventory for table in part.inventory.tables.values()
    )
    lines = [
        f"Backup {manifest.backup}: {len(manifest.parts)} parts, {manifest.size / 1e6:.1f} MB, {rows} rows, "
        f"in {made.seconds:.1f} s, in {place.store().place}, on record.",
        *(f"Deleted {name}: older than {place.days} days." for name in made.deleted),
        *(f"Too old, and kept by the store: {name}" for name in made.kept),
    ]
    say(
        "\n".join(lines),
        as_json,
        backup=manifest.backup,
        digest=manifest.digest,
        size=manifest.size,
        rows=rows,
        seconds=made.seconds,
        store=place.store().place,
        parts={name: part.digest for name, part in manifest.parts.items()},
        deleted=made.deleted,
        kept=made.kept,
    )


def restore_drill(
    env: Env = "production",
    backup: Backup = None,
    cloud: Cloud = None,
    settings: Settings = DIRECTORY,
    as_json: AsJson = False,
) -> None:
    """Restore a backup into a server of its own, compare it with the log, measure and record; exit 2 if it differs."""
    from governance.backups.drill import drill
    from governance.backups.places import Place

    with _progress(as_json) as progress:
        done = drill(Place.of(load_platform(settings), env, cloud), backup, progress)
    total = sum(done.seconds.values())
    log = (
        f"the stages and releases of {done.models} models are as the log says"
        if done.models
        else f"nothing was promoted into {env} that the log could be asked about"
    )
    same = f"was restored as it was made: {done.rows} rows, with their ids and stages; {log}."
    lines = [
        f"Backup {done.manifest.backup} of {done.manifest.made:%Y-%m-%d %H:%M} UTC "
        f"{'differs:' if done.findings else same}",
        *(f"  {finding}" for finding in done.findings),
        *(f"  After it, to be done again: {finding}" for finding in done.later),
        *(f"  {phase} {seconds:.1f} s" for phase, seconds in done.seconds.items()),
        f"It took {total:.1f} s.",
    ]
    say(
        "\n".join(lines),
        as_json,
        backup=done.manifest.backup,
        differs=bool(done.findings),
        findings=done.findings,
        later=done.later,
        rows=done.rows,
        models=done.models,
        seconds={**done.seconds, "total": total},
    )
    if done.findings:
        raise typer.Exit(DIFFERS)


def restore(
    env: Env = "production",
    backup: Backup = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", envvar="OVERWRITE", help="Back up what is there, then replace it.")
    ] = False,
    unsaved: Annotated[
        bool, typer.Option("--unsaved", envvar="UNSAVED", help="Replace it without, as where it is damaged.")
    ] = False,
    forget_secrets: Forget = False,
    yes: Annotated[bool, typer.Option("--yes", envvar="YES", help="Do not ask.")] = False,
    cloud: Cloud = None,
    settings: Settings = DIRECTORY,
    as_json: AsJson = False,
    dry_run: DryRun = False,
) -> None:
    """Put a backup where the server and the trackers keep their data. The server must be stopped."""
    from governance.backups.places import Place
    from governance.backups.restore import restore as put_back

    def confirm(would: Restored) -> None:
        if yes:
            return
        typer.echo(_would(would), err=True)
        if not somebody_is_there():
            raise typer.BadParameter("nobody is there to be asked; YES=1 is the answer of who has seen the above")
        typer.confirm("Restore it?", abort=True, err=True)

    place = Place.of(load_platform(settings), env, cloud)
    with _progress(as_json) as progress:
        done = put_back(
            place,
            backup,
            overwrite=overwrite,
            unsaved=unsaved,
            forget_secrets=forget_secrets,
            confirm=confirm,
            dry_run=dry_run,
            progress=progress,
        )
    saved = f" What was there is in backup {done.saved_as}." if done.saved_as else ""
    text = (
        f"Backup {done.manifest.backup} of {done.manifest.made:%Y-%m-%d %H:%M} UTC is in "
        f"{', '.join(done.places)}.{saved}\n"
        f"Next: make server, and make reconcile ENV={env}, which says what happened after the backup."
    )
    say(
        _would(done) if dry_run else text,
        as_json,
        backup=done.manifest.backup,
        places=done.places,
        replaced=done.replaced,
        saved_as=done.saved_as,
        dry_run=dry_run,
    )


def _would(would: Restored) -> str:
    return (
        f"Would restore backup {would.manifest.backup} of {would.manifest.made:%Y-%m-%d %H:%M} UTC into "
        f"{', '.join(would.places)}"
        + (f", replacing what is in {', '.join(would.replaced)}." if would.replaced else ", where nothing is yet.")
    )


@contextmanager
def _progress(as_json: bool) -> Iterator[Callable[[str, int], None]]:
    """Show on standard error what is at work, on a terminal and for people."""
    from rich.console import Console

    console = Console(stderr=True)
    if as_json or not console.is_terminal:
        yield lambda _what, _done: None
        return
    with console.status("") as status:
        yield lambda what, done: status.update(f"{what} {done / 1e6:.1f} MB" if done else what)
