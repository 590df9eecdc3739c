"""``python -m governance.cli.audit``: list, export, verify and review an environment's audit log."""

from __future__ import annotations

import functools
import inspect
import json
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from environments import DIRECTORY, Platform, SettingsError, load_platform
from environments.files import file_sha256
from governance.audit.anchors import CheckpointSource, GitTagAnchor, ReadOnlyAnchor
from governance.audit.archive import Archive
from governance.audit.entry import Entry
from governance.audit.errors import AuditError
from governance.audit.events import KINDS, LegalHold, LogExport, LogReview, SecretRotation, SubjectErased, rfc3339
from governance.audit.expectations import find_gaps
from governance.audit.export import export_extract, export_log, verify_archive
from governance.audit.integrity import verify_log
from governance.audit.layout import entry_key
from governance.audit.location import current_actor, locate, open_log, open_reader
from governance.audit.query import Filter, select
from governance.audit.signer import FileSigner, read_public_keys
from governance.audit.store import HoldsObjects, LocalStore, Readable
from governance.cli.common import say
from governance.cli.options import AsJson, Cloud, DryRun, Env, Settings
from governance.core.digests import digest
from stack_bootstrap.command_line import run_command_line

app = typer.Typer(help=__doc__, no_args_is_help=True, pretty_exceptions_enable=False, add_completion=False)

Reason = Annotated[str, typer.Option(envvar="REASON", help="Why; names nobody.")]


def choose(
    kind: Annotated[str | None, typer.Option(help="Kind of event, such as promotion.")] = None,
    model: Annotated[str | None, typer.Option(help="Model.")] = None,
    version: Annotated[str | None, typer.Option(help="Version of the model.")] = None,
    actor: Annotated[str | None, typer.Option(help="Pseudonym, or the beginning of one.")] = None,
    team: Annotated[str | None, typer.Option(help="Team.")] = None,
    run: Annotated[str | None, typer.Option(help="Pipeline run.")] = None,
    since: Annotated[
        str | None, typer.Option(help="From this day or moment on (ISO 8601; UTC unless it says otherwise).")
    ] = None,
    until: Annotated[str | None, typer.Option(help="Before this day or moment.")] = None,
) -> Filter:
    """Return the filter that the options of a command give.

    Raises:
        AuditError: there is no such kind of event, or a moment is none.
    """
    if kind is not None and kind not in KINDS:
        raise AuditError(f"There is no kind {kind!r} of event; choose one of: {', '.join(KINDS)}.")
    return Filter(kind, model, version, actor, team, run, _moment(since), _moment(until))


def choosing(command: Callable[..., None]) -> Callable[..., None]:
    """Give ``command`` the options of :func:`choose`, from which it gets its parameter ``wanted``."""
    own, options = (inspect.signature(function, eval_str=True).parameters for function in (command, choose))

    @functools.wraps(command)
    def with_options(**given: Any) -> None:
        wanted = choose(**{name: given.pop(name) for name in options if name in given})
        command(**given, wanted=wanted)

    kept = [parameter for name, parameter in own.items() if name != "wanted"]
    all_of_them = [it.replace(kind=inspect.Parameter.KEYWORD_ONLY) for it in (*kept, *options.values())]
    with_options.__signature__ = inspect.Signature(all_of_them)  # type: ignore[attr-defined]  # what Typer reads
    with_options.__annotations__ = {parameter.name: parameter.annotation for parameter in all_of_them}
    return with_options


@app.command("list")
@choosing
def list_entries(
    env: Env = "dev",
    cloud: Cloud = None,
    settings: Settings = DIRECTORY,
    *,
    wanted: Filter,
    limit: Annotated[int | None, typer.Option(min=1, help="Only the newest so many.")] = None,
    and_verify: Annotated[bool, typer.Option("--verify", help="Then check all of the log, as verify does.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show entries, oldest first."""
    platform = load_platform(settings)
    log = open_reader(platform, env, cloud=cloud)
    newest_first = select(log, wanted, newest_first=True)
    found = [entry for entry, _ in zip(newest_first, range(limit or sys.maxsize), strict=False)][::-1]
    entries = [_as_json(entry) for entry in found]
    ok, lines, facts = _verification(platform, env, cloud) if and_verify else (True, [], {})
    if as_json:
        typer.echo(json.dumps({"entries": entries, "verification": facts} if and_verify else entries, indent=2))
    else:
        for entry in found:
            typer.echo(_line(entry))
        typer.echo(f"{len(found)} of {log.size} entries in {log.store.place}", err=True)
        typer.echo("\n".join(lines), nl=bool(lines))
    if not ok:
        raise typer.Exit(1)


@app.command()
@choosing
def export(
    output: Annotated[Path, typer.Option("--output", "-o", envvar="OUT", help="Zip file to write.")],
    env: Env = "dev",
    cloud: Cloud = None,
    settings: Settings = DIRECTORY,
    *,
    wanted: Filter,
    as_json: AsJson = False,
) -> None:
    """Write the log, or the entries that match with their proofs, to a zip file, and record that in the log."""
    platform = load_platform(settings)
    where, log = locate(platform, env, cloud=cloud), open_log(platform, env, cloud=cloud)
    if wanted == Filter():
        entries = export_log(log, output)
    else:
        chosen = [entry.sequence for entry in select(log, wanted)]
        export_extract(log, chosen, output)
        entries = len(chosen)
    made = digest(file_sha256(output))
    log.append(LogExport(actor=current_actor(where), environment=env, entries=entries, export_digest=made))
    say(f"{output}: {entries} entries, {made}", as_json, file=str(output), entries=entries, digest=made)


@app.command()
def verify(
    env: Env = "dev",
    cloud: Cloud = None,
    settings: Settings = DIRECTORY,
    log: Annotated[Path | None, typer.Option(help="A copy of the log: folder, export or extract.")] = None,
    key: Annotated[Path | None, typer.Option(help="File with the public key (default: the environment's).")] = None,
    anchor: Annotated[list[Path] | None, typer.Option(help="Folder or zip of checkpoints, besides the usual.")] = None,
    git_anchor: Annotated[Path | None, typer.Option(help="Repository whose tags hold checkpoints.")] = None,
    as_json: AsJson = False,
) -> None:
    """Check every entry, signature and anchor. Exit status 1 if anything is not as it was signed."""
    ok, lines, facts = _verification(load_platform(settings), env, cloud, log, key, anchor, git_anchor)
    say("\n".join(lines), as_json, **facts)
    if not ok:
        raise typer.Exit(1)


def _verification(
    platform: Platform,
    env: str,
    cloud: str | None,
    log: Path | None = None,
    key: Path | None = None,
    anchor: list[Path] | None = None,
    git_anchor: Path | None = None,
) -> tuple[bool, list[str], dict[str, Any]]:
    """Return whether the log holds, that in lines for people, and as facts for a machine."""
    where = locate(platform, env, cloud=cloud)
    keys = read_public_keys(key) if key else open_reader(platform, env, cloud=cloud).keys
    anchors: list[CheckpointSource] = [*where.open_anchors(), *(ReadOnlyAnchor(_copy(place)) for place in anchor or [])]
    if git_anchor:
        anchors.append(GitTagAnchor(git_anchor, where.origin))
    copy = _copy(log) if log else where.store()
    if isinstance(copy, Archive):
        report = verify_archive(copy, keys, anchors, where.origin)
    else:
        report = verify_log(copy, keys, anchors, where.origin)
    lost = [] if log or not report.ok else find_gaps(open_reader(platform, env, cloud=cloud).entries())
    lines = [f"entry {problem.index}: {problem.what}" for problem in report.problems]
    lines += [f"note: {note}" for note in report.notes]
    for gap in lost:
        state = "lost" if gap.ended else "not there (yet)"
        lines.append(f"run {gap.run} (entry {gap.sequence}): {', '.join(gap.missing)} {state}")
    verdict = "intact" if report.ok else f"DAMAGED, first at entry {report.first_bad}"
    if report.ok and not report.entries:
        verdict = "nothing to verify"
    lines.append(f"{report.place}: {verdict}; {report.entries} entries, {report.checkpoint} signed for")
    runs = [{"run": g.run, "sequence": g.sequence, "missing": list(g.missing), "ended": g.ended} for g in lost]
    return report.ok, lines, {**report.as_json(), "incomplete_runs": runs}


@app.command()
def review(
    env: Env = "dev",
    cloud: Cloud = None,
    settings: Settings = DIRECTORY,
    findings: Annotated[
        str | None, typer.Option(envvar="FINDINGS", help="What was found, if anything; names nobody.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Check the log as ``verify`` does and record that it was reviewed, and with what outcome. One without entries is
    neither intact nor damaged, and is not recorded as reviewed."""
    platform = load_platform(settings)
    where, log = locate(platform, env, cloud=cloud), open_log(platform, env, cloud=cloud)
    report = log.verify()
    if report.ok and not report.entries:
        nothing = {"sequence": None, "outcome": None, "first_bad": None}
        say(f"{report.place} has no entries to review; nothing was recorded.", as_json, **nothing)
        return
    event = LogReview(
        actor=current_actor(where),
        environment=env,
        first=0,
        last=report.entries - 1,
        root=log.tree(report.entries).root().hex(),
        outcome="intact" if report.ok else "damaged",
        findings=findings,
    )
    receipt = log.append(event)
    answer = {"sequence": receipt.sequence, "outcome": event.outcome, "first_bad": report.first_bad}
    say(f"entry {receipt.sequence}: reviewed entries 0 to {event.last}: {event.outcome}", as_json, **answer)
    if not report.ok:
        raise typer.Exit(1)


@app.command()
def anchor(
    repository: Annotated[Path, typer.Option(envvar="REPOSITORY", help="Git repository to tag.")] = Path(),
    env: Env = "dev",
    cloud: Cloud = None,
    settings: Settings = DIRECTORY,
    sign: Annotated[bool, typer.Option(help="Have git sign the tag with the key it is set up with.")] = False,
    as_json: AsJson = False,
) -> None:
    """Keep the newest checkpoint as a tag of a git repository. Push it to where the log's writer cannot change it."""
    platform = load_platform(settings)
    where, log = locate(platform, env, cloud=cloud), open_reader(platform, env, cloud=cloud)
    newest = log.checkpoint()
    if newest is None:
        raise AuditError(f"{log.store.place} has no checkpoint yet.")
    tag = f"{where.origin}/{newest[0].size}"
    if not GitTagAnchor(repository, where.origin, sign=sign).publish(newest[0].size, newest[1]):
        raise AuditError(f"The tag {tag} holds another checkpoint: the log has been rewritten, or the tag was.")
    say(f"{tag}\nPush it: git push origin refs/tags/{tag}", as_json, tag=tag)


@app.command()
def hold(
    reason: Reason,
    first: Annotated[int, typer.Option(min=0, envvar="FIRST", help="First entry.")],
    last: Annotated[int, typer.Option(min=0, envvar="LAST", help="Last entry.")],
    env: Env = "dev",
    cloud: Cloud = None,
    settings: Settings = DIRECTORY,
    release: Annotated[bool, typer.Option("--release", help="Release the hold instead.")] = False,
    dry_run: DryRun = False,
) -> None:
    """Put entries under legal hold: they outlive their retention until they are released."""
    platform = load_platform(settings)
    where, log = locate(platform, env, cloud=cloud), open_log(platform, env, cloud=cloud)
    store = where.store()
    if not isinstance(store, HoldsObjects):
        raise AuditError(f"{store.place} cannot hold records: only a bucket on aws or gcp can.")
    if not first <= last < log.refresh():
        raise AuditError(f"{store.place} has no entries {first} to {last}.")
    action: Literal["placed", "released"] = "released" if release else "placed"
    if not dry_run:
        for sequence in range(first, last + 1):
            store.set_legal_hold(entry_key(sequence), on=not release)
        actor = current_actor(where)
        log.append(LegalHold(actor=actor, environment=env, action=action, first=first, last=last, reason=reason))
    typer.echo(f"entries {first} to {last}: hold {action}{' (dry run)' if dry_run else ''}")


@app.command()
def reveal(
    sequence: Annotated[int, typer.Argument(min=0, envvar="ENTRY", help="Entry whose actor to show.")],
    env: Env = "dev",
    cloud: Cloud = None,
    settings: Settings = DIRECTORY,
) -> None:
    """Show who is behind the pseudonym of an entry's actor. Needs the person's key."""
    platform = load_platform(settings)
    entry = open_reader(platform, env, cloud=cloud).entry(sequence)
    typer.echo(json.dumps(dict(locate(platform, env, cloud=cloud).subjects().reveal(entry.event.actor)), indent=2))


@app.command()
def erase(
    subject: Annotated[str, typer.Argument(envvar="SUBJECT", help="Pseudonym of the person.")],
    env: Env = "dev",
    cloud: Cloud = None,
    settings: Settings = DIRECTORY,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Destroy a person's key: what is sealed about them can never be read again, in any environment."""
    platform = load_platform(settings)
    where, log = locate(platform, env, cloud=cloud), open_log(platform, env, cloud=cloud)
    if not yes:
        typer.confirm(f"Erase {subject} for good?", abort=True)
    actor = current_actor(where)
    where.subjects().erase(subject)
    log.append(SubjectErased(actor=actor, environment=env, subject=subject))
    typer.echo(f"{subject} is erased")


@app.command("rotate-key")
def rotate_key(env: Env = "dev", cloud: Cloud = None, settings: Settings = DIRECTORY) -> None:
    """Sign with a new key from now on. Entries under the old one stay verifiable."""
    platform = load_platform(settings)
    where = locate(platform, env, cloud=cloud)
    if where.service_key is not None:
        raise AuditError(
            f"{where.service_key} signs the log of {env}: make a new key in the key service and name it as audit_key "
            f"in {env}.yaml. The old public key stays in {where.key.with_suffix('.pub')}."
        )
    open_log(platform, env, cloud=cloud).refresh()
    FileSigner.replace(where.key, where.origin)
    log = open_log(platform, env, cloud=cloud)
    log.append(SecretRotation(actor=current_actor(where), environment=env, manager="file", reference=where.key.stem))
    typer.echo(f"{where.key.with_suffix('.pub')}: give the new public key to whoever verifies")


def _copy(place: Path) -> Readable:
    return LocalStore(place) if place.is_dir() else Archive(place)


def _moment(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise AuditError(f"{text!r} is no day or moment. Write 2026-11-24 or 2026-11-24T18:30:00+01:00.") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _as_json(entry: Entry) -> dict[str, Any]:
    return {"sequence": entry.sequence, "recorded": rfc3339(entry.recorded), **entry.event.content()}


def _line(entry: Entry) -> str:
    event = entry.event
    shown = {"id", "time", "kind", "actor", "environment", "team", "model", "model_version", "settings"}
    version = event.model_version and f"v{event.model_version}"
    about = " ".join(part for part in (event.team, event.model, version) if part)
    rest = " ".join(
        f"{name}={value}"
        for name, value in event.content().items()
        if name not in shown and not name.endswith(("digest", "digests")) and value not in ({}, [])
    )
    when = rfc3339(event.time)[:19]
    return f"{entry.sequence:>6}  {when}  {event.kind:<22} {event.actor.id[8:16]}  {about}  {rest}".rstrip()


def main() -> None:
    """Run the command line. Exit status: 0 done, 1 failed or damaged, 2 wrong options, 130 interrupted."""
    run_command_line(app, (AuditError, SettingsError), usage_status=2)


if __name__ == "__main__":
    main()
