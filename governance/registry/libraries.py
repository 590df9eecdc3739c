"""A release held against the libraries that are here, before anything loads it."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING

from zenml.client import Client

from environments import ORDER
from governance.core.errors import RefusedError
from governance.core.target import Target
from governance.records.context import context_of
from governance.registry.model_files import store_of
from governance.registry.releases import Release
from governance.registry.versions import run_of
from governance.signing.keys import trained_in
from pipelines.libraries import differing, in_words
from pipelines.model import SIGNATURE_FILE
from pipelines.training import training_pipeline

if TYPE_CHECKING:
    from zenml.models import ModelVersionResponse

_logger = logging.getLogger(__name__)


class LibrariesDifferError(RefusedError):
    """A model was trained with libraries that may read or score it otherwise than those that are here."""


def require_libraries(version: ModelVersionResponse, release: Release, target: Target) -> None:
    """Refuse a verified release that other libraries trained; in the first environment warn of it.

    Raises:
        LibrariesDifferError: a version differs by more than a patch release, and the environment is not the first.
    """
    store = store_of(Client().get_artifact_version(release.artifact_id))
    with store.open(f"{release.uri.rstrip('/')}/{SIGNATURE_FILE}", "r") as file:
        found = differing(json.loads(file.read())["libraries"])
    if not found:
        return
    said = f"{target.model} version {release.version} was {in_words(found)}. Its files are as they were signed."
    if target.environment.environment == ORDER[0]:
        _logger.warning("%s It may score otherwise than it was judged; no other environment takes it like this.", said)
        return
    raise LibrariesDifferError(
        f"{said} In {target.environment.environment} a model runs with the libraries that it was judged with: "
        f"{_made_from(version, target)}, or train it again with these."
    )


def _made_from(version: ModelVersionResponse, target: Target) -> str:
    run = run_of(version, trained_in(target), training_pipeline.name)
    context = context_of(run) if run is not None else None
    if context is None or context.provenance.git_dirty is None:
        return "use the checkout or image that trained it"
    commit, lock = context.provenance.git_commit, context.provenance.lock_digest
    return (
        f"use the commit that trained it (`git switch --detach {commit[:12]}` and `make setup`; its requirements.lock "
        f"has the digest {lock[:16]}) or an image of it"
    )
