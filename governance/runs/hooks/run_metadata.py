"""Where a run comes from, as metadata that people can filter by."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zenml import log_metadata
from zenml.metadata.metadata_types import MetadataType

from governance.records.context import RunContext
from governance.runs.evidence import data_digests

if TYPE_CHECKING:
    from zenml.models import PipelineRunResponse


def log_provenance(run: PipelineRunResponse, context: RunContext) -> None:
    """Put owner, commit, lock digest and data digests on the run and on its model version."""
    metadata: dict[str, MetadataType] = {
        "environment": context.environment,
        "team": context.team,
        "owner": context.owner,
        "cost_center": context.cost_center,
        "gates": ", ".join(context.gates) or "none",
        "git_commit": context.provenance.git_commit,
        "git_dirty": str(context.provenance.git_dirty).lower(),
        "lock_digest": context.provenance.lock_digest,
        "started_by": context.provenance.started_by,
        "data_digests": data_digests(run),
    }
    log_metadata(metadata=metadata, run_id_name_or_prefix=run.id)
    if run.model_version is not None:
        log_metadata(metadata={f"run in {context.environment}": metadata}, model_version_id=run.model_version.id)
