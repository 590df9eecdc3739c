"""What is known of one version of a model: from its files, its runs in ZenML and the logs of the environments."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from environments.files import file_sha256, sha256_hex
from governance.core.digests import digest
from governance.core.errors import RefusedError
from governance.core.target import Target
from governance.gates.result import GateResult
from governance.registry.releases import digest_of, find_release, trained_files
from governance.registry.versions import named_version, staged_version
from governance.report.lineage import description_of
from governance.report.runs import GovernedRun, environments_up_to, newest_runs
from governance.runs.evidence import evaluation_of, outputs_of, verdicts_of
from governance.signing.keys import trusted_keys
from pipelines.config import Card, read_config
from pipelines.data import DataDescription
from pipelines.evaluation import Evaluation
from pipelines.model import SIGNATURE_FILE
from pipelines.signature import Signature

if TYPE_CHECKING:
    from zenml.models import ModelVersionResponse


class NoEvidenceError(RefusedError):
    """There is nothing to make an evidence pack of."""


@dataclass(frozen=True)
class RunFacts:
    """One run of the version."""

    name: str
    purpose: str
    environment: str
    started: str
    git_commit: str
    lock_digest: str
    gates: tuple[GateResult, ...]
    evaluation: Evaluation | None
    made: dict[str, dict[str, str | None]]
    """Artifacts that it put out, by name: id, place and digest."""


@dataclass(frozen=True)
class Facts:
    """What is known of the version. Names nobody."""

    model: str
    version: str
    stage: str
    environment: str
    cloud: str
    team: str
    digest: str
    """SHA-256 over the model's files, hexadecimal."""
    environments: tuple[str, ...]
    signature: Signature
    card: Card
    description: DataDescription | None
    runs: tuple[RunFacts, ...]
    releases: dict[str, str]
    """Where each environment has its copy."""
    files: dict[str, str]
    """SHA-256 of each of the model's files."""
    model_signature: bytes
    model_key: str
    """Public key that the model is signed with, in PEM form."""

    @property
    def judged(self) -> RunFacts | None:
        """The run furthest along the version's lifecycle that evaluated it."""
        return next((run for run in reversed(self.runs) if run.evaluation is not None), None)

    def lineage(self) -> dict[str, Any]:
        """Return runs, what they put out and where the model was copied, as JSON values."""
        return {
            "model": self.model,
            "version": self.version,
            "model_digest": digest(self.digest),
            "training_data": None if self.description is None else self.description.model_dump(mode="json"),
            "runs": [
                {
                    "run": run.name,
                    "purpose": run.purpose,
                    "environment": run.environment,
                    "started": run.started,
                    "git_commit": run.git_commit,
                    "lock_digest": digest(run.lock_digest),
                    "artifacts": run.made,
                }
                for run in self.runs
            ],
            "releases": self.releases,
        }

    def gates(self) -> list[dict[str, Any]]:
        """Return what each gate decided in each run, as JSON values."""
        return [
            {"run": run.name, "environment": run.environment, "purpose": run.purpose, **gate.model_dump(mode="json")}
            for run in self.runs
            for gate in run.gates
        ]


def collect(target: Target, version: str | None = None) -> Facts:
    """Collect the facts about ``version`` of ``target``'s model (default: the one in use there).

    The model's files are verified, and not loaded.

    Raises:
        NoEvidenceError: there is no such version, or it was not trained.
        ReleaseError: the model's files are not those that training recorded.
        SigningError: they are unsigned, or not what was signed.
    """
    found = _version(target, version)
    runs = newest_runs(found, target)
    files, trusted = trained_files(found), trusted_keys(target)
    with files.verified_copy(trusted) as folder:
        signature = Signature.model_validate_json((folder / SIGNATURE_FILE).read_bytes())
        hashes = {
            file.relative_to(folder).as_posix(): file_sha256(file)
            for file in sorted(folder.rglob("*"))
            if file.is_file()
        }
    bundle = files.signature()
    assert bundle is not None, "a verified model has a signature"
    described = (description_of(run) for run in runs if run.purpose == "training")
    return Facts(
        model=target.model,
        version=str(found.number),
        stage=found.stage or "none",
        environment=target.environment.environment,
        cloud=target.cloud,
        team=target.team.team,
        digest=digest_of(found),
        environments=environments_up_to(target),
        signature=signature,
        card=read_config(target.model).card,
        description=next(described, None),
        runs=tuple(_run(run) for run in runs),
        releases=_releases(found, target),
        files=hashes,
        model_signature=bundle,
        model_key=_key(bundle, trusted),
    )


def number_of(target: Target, version: str | None = None) -> str:
    """Return the number of ``version``, or of the one in use in ``target``'s environment.

    Raises:
        NoEvidenceError: there is none.
    """
    return str(_version(target, version).number)


def _version(target: Target, version: str | None) -> ModelVersionResponse:
    if version is None:
        found = staged_version(target)
        if found is None:
            raise NoEvidenceError(f"No version of {target.where} is in use; name one with VERSION=.")
        return found
    return named_version(target, version)


def _run(governed: GovernedRun) -> RunFacts:
    return RunFacts(
        name=governed.run.name,
        purpose=governed.purpose,
        environment=governed.environment,
        started=governed.started.isoformat(),
        git_commit=governed.context.provenance.git_commit,
        lock_digest=governed.context.provenance.lock_digest,
        gates=tuple(verdicts_of(governed.run)),
        evaluation=evaluation_of(governed.run),
        made={
            name: {"id": str(artifact.id), "uri": artifact.uri, "digest": artifact.content_hash}
            for name, artifact in sorted(outputs_of(governed.run).items())
        },
    )


def _releases(version: ModelVersionResponse, target: Target) -> dict[str, str]:
    found = {name: find_release(version, target.in_environment(name)) for name in environments_up_to(target)}
    return {name: release.uri for name, release in found.items() if release is not None}


def _key(bundle: bytes, trusted: Sequence[str]) -> str:
    """Return the trusted key that a verified bundle is signed with."""
    hint = json.loads(bundle)["verificationMaterial"]["publicKey"]["hint"]
    return next(key for key in trusted if sha256_hex(key) == hint)
