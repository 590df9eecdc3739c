"""Writing an evidence pack."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from environments import ground_of
from governance.audit import AuditError, current_actor, locate, open_log, open_reader
from governance.audit.canonical import canonical
from governance.audit.entry import Entry
from governance.audit.events import LogExport
from governance.audit.location import open_signer
from governance.core.digests import content_digest
from governance.core.provenance import installed_lock
from governance.core.target import Target
from governance.evidence_pack.document import to_html, to_markdown
from governance.evidence_pack.extracts import Extract, Subject, extract
from governance.evidence_pack.facts import Facts, NoEvidenceError, collect
from governance.evidence_pack.ml_bom import ml_bom
from governance.evidence_pack.model_card import sections, title
from governance.evidence_pack.seal import sealed
from governance.images.lock_file import read_lock
from governance.images.sbom import sbom
from governance.signing.statements import read

_HERE = Path(__file__).parent
_VERIFIERS = ("verify.py", "verify_pack.py")


@dataclass(frozen=True)
class Written:
    """A pack that was written."""

    file: Path
    digest: str
    """SHA-256 of the file."""
    version: str
    entries: int
    signer: str
    """Name and fingerprint of the key that signed it."""
    revealed: int
    """People who are named in it."""


def default_file(target: Target, version: str) -> Path:
    """Return where a pack goes by default: ``evidence/`` below the local root."""
    folder = ground_of(target.environment, target.cloud) / "evidence"
    return folder / f"{target.model}-{version}-{target.environment.environment}.zip"


def write_pack(target: Target, file: Path, *, version: str | None = None, reveal: bool = False) -> Written:
    """Write what is on record of a version to the zip ``file``, whole or not at all, and record that it was.

    Args:
        target: the model, and the environment up to which its records are taken.
        file: the zip file to write.
        version: the version; by default the one in use in ``target``'s environment.
        reveal: name the people behind the pseudonyms.

    Raises:
        NoEvidenceError: there is no such version, or no log knows of it.
        SigningError, ReleaseError: its files are not what was trained and signed.
        LockError, BomError: a bill of materials cannot be made.
        AuditError: a log cannot be read or written, or was altered. Nothing was written.
    """
    facts = collect(target, version)
    subject = Subject(facts.model, facts.version, f"sha256:{facts.digest}")
    platform, here = target.platform, target.environment.environment
    logs = {name: extract(open_reader(platform, name, cloud=target.cloud), subject) for name in facts.environments}
    logs = {name: found for name, found in logs.items() if found.entries}
    if not logs:
        raise NoEvidenceError(f"No log knows anything of {facts.model} version {facts.version}. Nothing was written.")
    people = _people(target, logs) if reveal else {}
    files = _files(facts, logs, people) | _statements(target, logs)
    signer = open_signer(platform, here, cloud=target.cloud)
    data = sealed(files, signer)
    where, count = locate(platform, here, cloud=target.cloud), sum(len(found.entries) for found in logs.values())
    digest = content_digest(data)
    draft = file.with_name(f".{file.name}.part")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        draft.write_bytes(data)
        # First the record: nobody is to hold a pack that the log knows nothing of.
        open_log(platform, here, cloud=target.cloud).append(
            LogExport(
                actor=current_actor(where),
                environment=here,
                cloud=target.cloud,
                team=target.team.team,
                model=facts.model,
                model_version=facts.version,
                entries=count,
                export_digest=digest,
                revealed=len(people),
            )
        )
        draft.replace(file)
    except OSError as error:
        raise AuditError(f"{file} cannot be written: {error}") from error
    finally:
        draft.unlink(missing_ok=True)
    key = signer.verifier
    return Written(file, digest, facts.version, count, f"{key.name}, {content_digest(key.key)}", len(people))


def _files(facts: Facts, logs: Mapping[str, Extract], people: Mapping[str, Any]) -> dict[str, bytes]:
    entries = [entry for found in logs.values() for entry in found.entries]
    written = max((entry.recorded for entry in entries), default=datetime(1980, 1, 1, tzinfo=UTC))
    card = sections(facts, entries)
    about = {
        "model": facts.model,
        "version": facts.version,
        "model_digest": f"sha256:{facts.digest}",
        "environment": facts.environment,
        "cloud": facts.cloud,
        "team": facts.team,
        "environments": sorted(logs),
    }
    files = {
        "README.md": (_HERE / "readme.md").read_bytes(),
        "pack.json": canonical(about),
        "model_card.md": to_markdown(title(facts), card).encode(),
        "model_card.html": to_html(title(facts), card).encode(),
        "model.cdx.json": ml_bom(facts, written),
        "packages.cdx.json": _packages(written),
        "gates.json": _json(facts.gates()),
        "lineage.json": _json(facts.lineage()),
        "model/signature.json": facts.model_signature,
        "model/key.pub": facts.model_key.encode(),
    }
    files |= {name: (_HERE.parent / "audit" / name).read_bytes() for name in _VERIFIERS}
    for name, found in logs.items():
        files |= {f"logs/{name}/{key}": data for key, data in found.files.items()}
    if people:
        files["people.json"] = _json(people)
    return files


def _packages(written: datetime) -> bytes:
    """Return the bill of the packages that are locked for this process."""
    from cyclonedx.model.component import Component, ComponentType

    about = Component(name="groundwork", type=ComponentType.APPLICATION, bom_ref="application")
    return sbom(read_lock(installed_lock()), about, written)


def _statements(target: Target, logs: Mapping[str, Extract]) -> dict[str, bytes]:
    files = {}
    for name, found in logs.items():
        store = locate(target.platform, name, cloud=target.cloud).store()
        for digest in dict.fromkeys(found.statements()):
            signed, stem = read(store, digest), f"statements/{digest.removeprefix('sha256:')}"
            files[f"{stem}.json"] = signed.message
            files[f"{stem}.sig"] = signed.signature.encode()
    return files


def _people(target: Target, logs: Mapping[str, Extract]) -> dict[str, Any]:
    """Return who is behind each pseudonym, where that can still be said."""
    found: dict[str, Any] = {}
    for name, log in logs.items():
        subjects = locate(target.platform, name, cloud=target.cloud).subjects()
        for pseudonym, entry in log.people().items():
            found[pseudonym] = _person(entry, subjects.reveal)
    return found


def _person(entry: Entry, reveal: Any) -> Mapping[str, object]:
    try:
        known: Mapping[str, object] = reveal(entry.event.actor)
    except AuditError as error:
        return {"unknown": str(error)}
    return known


def _json(value: Mapping[str, Any] | Iterable[Any]) -> bytes:
    return (json.dumps(value, indent=1, sort_keys=True, ensure_ascii=False) + "\n").encode()
