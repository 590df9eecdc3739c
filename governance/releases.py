"""Releases: a model version's files, copied into the artifact store of the environment that uses them.

An environment never reads another one's store. What is promoted is a pinned digest: the copy is checked against the
digest that training recorded, and whoever loads the release checks it again.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, cast

from zenml import register_artifact
from zenml.client import Client
from zenml.enums import ArtifactType, StackComponentType
from zenml.model.utils import link_artifact_version_to_model_version
from zenml.stack import StackComponent

from governance.errors import Refused
from governance.stacks import active_stack
from governance.target import Target
from pipelines.artifacts import MODEL
from pipelines.digests import folder_digest

if TYPE_CHECKING:
    from uuid import UUID

    from zenml.artifact_stores import BaseArtifactStore
    from zenml.models import ArtifactVersionResponse, ModelVersionResponse


class ReleaseError(Refused):
    """A release cannot be made or is not what was promoted."""


@dataclass(frozen=True)
class Release:
    """A model version's files in one environment."""

    artifact_id: UUID
    uri: str
    digest: str
    version: str


def trained_model(version: ModelVersionResponse) -> ArtifactVersionResponse:
    """The model artifact that training put out for ``version``.

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
    """SHA-256 over the model's files, as training recorded it.

    Raises:
        ReleaseError: none was recorded.
    """
    digest = trained_model(version).content_hash
    if digest is None:
        raise ReleaseError(f"{version.model.name} version {version.number} has no recorded digest; train it again.")
    return digest


def find_release(version: ModelVersionResponse, target: Target) -> Release | None:
    """The release of ``version`` in ``target``'s environment, if it was made."""
    found = Client().list_artifact_versions(
        artifact=_artifact_name(target), version=_artifact_version(version, target), hydrate=True
    )
    if not found.items:
        return None
    artifact = found.items[0]
    return Release(artifact.id, artifact.uri, digest_of(version), str(version.number))


def ensure_release(version: ModelVersionResponse, target: Target) -> Release:
    """The release of ``version`` in ``target``'s environment, made now unless it is there.

    Copies the model's files, checks the copy's digest against the recorded one, and registers it as an artifact of
    the model version. Interrupted at any point it can be called again: the files are content-addressed and an
    unregistered copy is written anew.

    Raises:
        ReleaseError: the files are not those that training recorded.
    """
    present = find_release(version, target)
    if present is not None:
        return present
    model = trained_model(version)
    digest = digest_of(version)
    with active_stack(target.stack), tempfile.TemporaryDirectory() as temporary:
        local = Path(temporary) / "model"
        _download(_store(model), model.uri, local)
        _check(local, digest, f"{target.model} version {version.number} at {model.uri}")
        store = Client().active_stack.artifact_store
        uri = "/".join((store.path.rstrip("/"), "releases", target.model, f"{version.number}-{digest[:16]}"))
        if store.exists(uri):
            store.rmtree(uri)
        _upload(local, store, uri)
        artifact = register_artifact(
            uri,
            name=_artifact_name(target),
            version=_artifact_version(version, target),
            artifact_type=ArtifactType.MODEL,
            artifact_metadata={"digest": digest},
        )
    link_artifact_version_to_model_version(artifact, version)
    return Release(artifact.id, uri, digest, str(version.number))


def verify_release(version: ModelVersionResponse, target: Target) -> None:
    """Check that the released files of ``version`` are still those that training recorded.

    Raises:
        ReleaseError: they are missing or were altered.
    """
    release = find_release(version, target)
    if release is None:
        raise ReleaseError(
            f"Version {version.number} of {target.model} has no release in {target.environment.environment}."
        )
    with tempfile.TemporaryDirectory() as temporary:
        local = Path(temporary) / "model"
        _download(_store(Client().get_artifact_version(release.artifact_id)), release.uri, local)
        _check(local, release.digest, f"The release of {target.model} version {version.number} at {release.uri}")


def _artifact_name(target: Target) -> str:
    return f"{target.model}_release"


def _artifact_version(version: ModelVersionResponse, target: Target) -> str:
    return f"{target.environment.environment}-{version.number}"


def _store(artifact: ArtifactVersionResponse) -> BaseArtifactStore:
    component = Client().get_stack_component(StackComponentType.ARTIFACT_STORE, artifact.artifact_store_id)
    return cast("BaseArtifactStore", StackComponent.from_model(component))


def _download(store: BaseArtifactStore, uri: str, folder: Path) -> None:
    for directory, _, files in store.walk(uri):
        inside = str(directory)[len(uri) :].strip("/")
        (folder / inside).mkdir(parents=True, exist_ok=True)
        for name in files:
            with store.open(f"{str(directory).rstrip('/')}/{name!s}", "rb") as source:
                (folder / inside / str(name)).write_bytes(source.read())


def _upload(folder: Path, store: BaseArtifactStore, uri: str) -> None:
    for file in sorted(path for path in folder.rglob("*") if path.is_file()):
        destination = f"{uri}/{file.relative_to(folder).as_posix()}"
        store.makedirs(destination.rsplit("/", 1)[0])
        with store.open(destination, "wb") as out:
            out.write(file.read_bytes())


def _check(folder: Path, expected: str, what: str) -> None:
    found = folder_digest(folder)
    if found != expected:
        raise ReleaseError(
            f"{what} was altered after training: its files have digest {found}, training recorded {expected}. "
            "It is not released; find out who wrote there, then train again."
        )
