"""Releases: a model version's files, copied into the artifact store of the environment that uses them.

An environment never reads another one's store. What is promoted is a pinned digest with the platform's signature: the
copy is checked against both, and whoever loads the release checks them again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from zenml import register_artifact
from zenml.client import Client
from zenml.enums import ArtifactType
from zenml.model.utils import link_artifact_version_to_model_version

from governance.core.stacks import active_stack
from governance.core.target import Target
from governance.registry.model_files import ModelFiles, ReleaseError, store_of
from governance.signing.keys import trusted_keys
from pipelines.artifacts import MODEL

if TYPE_CHECKING:
    from uuid import UUID

    from zenml.models import ArtifactVersionResponse, ModelVersionResponse


@dataclass(frozen=True)
class Release:
    """A model version's files in one environment."""

    artifact_id: UUID
    uri: str
    digest: str
    version: str


def trained_model(version: ModelVersionResponse) -> ArtifactVersionResponse:
    """Return the model artifact that training put out for ``version``.

    Raises:
        ReleaseError: training did not come that far.
    """
    artifact = version.get_model_artifact(MODEL) or version.get_artifact(MODEL)
    if artifact is None:
        raise ReleaseError(
            f"{version.model.name} version {version.number} holds no model: its training did not finish."
        )
    return artifact


def digest_of(version: ModelVersionResponse) -> str:
    """Return the SHA-256 over the model's files, as training recorded it.

    Raises:
        ReleaseError: none was recorded.
    """
    digest = trained_model(version).content_hash
    if digest is None:
        raise ReleaseError(f"{version.model.name} version {version.number} has no recorded digest; train it again.")
    return digest


def find_release(version: ModelVersionResponse, target: Target) -> Release | None:
    """Return the release of ``version`` in ``target``'s environment, or None if it was not made."""
    found = Client().list_artifact_versions(
        artifact=_artifact_name(target),
        version=_artifact_version(version, target),
        hydrate=True,
        project=target.project,
    )
    if not found.items:
        return None
    artifact = found.items[0]
    return Release(artifact.id, artifact.uri, digest_of(version), str(version.number))


def trained_files(version: ModelVersionResponse) -> ModelFiles:
    """Return the files that training put out for ``version``, where training put them.

    Raises:
        ReleaseError: training did not come that far.
    """
    model, name = trained_model(version), version.model.name
    return ModelFiles(store_of(model), model.uri, name, digest_of(version), f"{name} version {version.number}")


def ensure_release(version: ModelVersionResponse, target: Target) -> Release:
    """Return the release of ``version`` in ``target``'s environment, made now unless it is there.

    Copies the model's files and their signature, once both are verified, and registers the copy as an artifact of the
    model version. Interrupted at any point it can be called again: the files are content-addressed and an unregistered
    copy is written anew.

    Raises:
        ReleaseError: the files are not those that training recorded.
        SigningError: they are unsigned, or not what was signed.
    """
    present = find_release(version, target)
    if present is not None:
        verify_release(version, target)
        return present
    files = trained_files(version)
    with active_stack(target.stack, target.project):
        store = Client().active_stack.artifact_store
        uri = "/".join((store.path.rstrip("/"), "releases", target.model, f"{version.number}-{files.digest[:16]}"))
        files.copy_to(store, uri, trusted_keys(target))
        artifact = register_artifact(
            uri,
            name=_artifact_name(target),
            version=_artifact_version(version, target),
            artifact_type=ArtifactType.MODEL,
            artifact_metadata={"digest": files.digest},
        )
    link_artifact_version_to_model_version(artifact, version)
    return Release(artifact.id, uri, files.digest, str(version.number))


def require_signed(version: ModelVersionResponse, target: Target) -> None:
    """Check the files that ``target``'s environment has of ``version`` or, if it has none, would get.

    No approval and no override stands in for this.

    Raises:
        ReleaseError: they are missing or were altered.
        SigningError: they are unsigned, or not what was signed.
    """
    if find_release(version, target) is not None:
        verify_release(version, target)
        return
    with trained_files(version).verified_copy(trusted_keys(target)):
        pass


def verify_release(version: ModelVersionResponse, target: Target) -> Release:
    """Return the release of ``version`` once its files are those that training recorded and the platform signed.

    Raises:
        ReleaseError: they are missing or were altered.
        SigningError: they are unsigned, or not what was signed.
    """
    release = find_release(version, target)
    if release is None:
        raise ReleaseError(
            f"Version {version.number} of {target.model} has no release in {target.environment.environment}."
        )
    artifact = Client().get_artifact_version(release.artifact_id)
    what = f"The release of {target.model} version {version.number} in {target.environment.environment}"
    files = ModelFiles(store_of(artifact), release.uri, target.model, release.digest, what)
    with files.verified_copy(trusted_keys(target)):
        return release


def _artifact_name(target: Target) -> str:
    return f"{target.model}_release"


def _artifact_version(version: ModelVersionResponse, target: Target) -> str:
    return f"{target.environment.environment}-{version.number}"
