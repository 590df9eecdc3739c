"""The commands ``evidence`` and ``evidence-verify``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from environments import DIRECTORY
from governance.cli.common import ready_target, say, warn_of_other_settings
from governance.cli.options import AsJson, Cloud, DryRun, Env, Model, Settings, Version
from governance.core.errors import RefusedError


def evidence(
    model: Model,
    env: Env = "production",
    version: Version = None,
    out: Annotated[
        Path | None, typer.Option(envvar="OUT", help="Zip file to write (default: evidence/ in local.root).")
    ] = None,
    reveal: Annotated[
        bool, typer.Option("--reveal", help="Name the people behind the pseudonyms; the log records that.")
    ] = False,
    cloud: Cloud = None,
    settings: Settings = DIRECTORY,
    as_json: AsJson = False,
    dry_run: DryRun = False,
) -> None:
    """Write everything on record of a version, signed, to one zip file that an auditor can check anywhere."""
    target = ready_target(settings, model, env, cloud)
    from governance.evidence_pack.facts import number_of
    from governance.evidence_pack.pack import default_file, write_pack

    number = number_of(target, version)
    file = out or default_file(target, number)
    if dry_run:
        say(f"Would write the evidence of {model} version {number} to {file}.", as_json, file=str(file))
        return
    warn_of_other_settings(target)
    written = write_pack(target, file, version=number, reveal=reveal)
    say(
        f"Evidence of {model} version {written.version}: {written.file}\n"
        f"{written.entries} entries of the log, {written.digest}\nSigned by {written.signer}",
        as_json,
        file=str(written.file),
        version=written.version,
        entries=written.entries,
        digest=written.digest,
        signer=written.signer,
        revealed=written.revealed,
    )


def evidence_verify(
    file: Annotated[Path, typer.Option("--file", envvar="FILE", help="The pack.")],
    key: Annotated[
        str | None,
        typer.Option(envvar="KEY", help="Public key whom you trust, a file that holds it, or its fingerprint."),
    ] = None,
    anchor: Annotated[list[Path] | None, typer.Option(help="Folder or zip of checkpoints kept elsewhere.")] = None,
    as_json: AsJson = False,
) -> None:
    """Check an evidence pack. Needs nothing but the pack. Exit status 1 if anything in it was changed."""
    from governance.audit.verify import CannotCheckError
    from governance.audit.verify_pack import check_pack, show_pack

    try:
        found = check_pack(str(file), key, [str(place) for place in anchor or []])
    except (CannotCheckError, OSError) as error:
        raise RefusedError(f"{file} cannot be checked: {error}") from error
    if as_json:
        typer.echo(json.dumps(found, indent=2))
    else:
        show_pack(found)
    if not found["ok"]:
        raise typer.Exit(1)
