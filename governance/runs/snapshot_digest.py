"""One digest of a pipeline as ZenML keeps it, so that the log can say which one may run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from governance.audit.canonical import canonical
from governance.core.digests import content_digest

if TYPE_CHECKING:
    from zenml.models import PipelineSnapshotResponse


def snapshot_digest(snapshot: PipelineSnapshotResponse) -> str:
    """Return the digest of what ``snapshot`` would run: its configuration and that of each step, as ZenML has them."""
    steps = {name: step.model_dump(mode="json") for name, step in snapshot.step_configurations.items()}
    return content_digest(
        canonical({"pipeline": snapshot.pipeline_configuration.model_dump(mode="json"), "steps": steps})
    )
