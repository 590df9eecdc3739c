"""Runs inside an image before it is pushed: imports what the place's orchestrator starts with, and runs one step.

``python trial.py PLACE``. It is copied into the image alone, so it imports nothing of ours.
"""

from __future__ import annotations

import sys
from importlib import import_module

from zenml import pipeline, step

ENTRY_POINTS = {
    "aws": (
        "zenml.integrations.aws.orchestrators.sagemaker_orchestrator_entrypoint_config",
        "zenml.integrations.s3.artifact_stores",
    ),
    "databricks": ("zenml.integrations.databricks.orchestrators.databricks_orchestrator_entrypoint_config",),
    "gcp": ("zenml.integrations.gcp.orchestrators.vertex_orchestrator", "zenml.integrations.gcp.artifact_stores"),
    "kubernetes": (
        "zenml.integrations.kubernetes.orchestrators.kubernetes_orchestrator_entrypoint",
        "zenml.integrations.s3.artifact_stores",
    ),
}
"""What a step imports before its own code, by place of work."""


@step(enable_cache=False)
def trial() -> int:
    """Do next to nothing."""
    return 1


@pipeline(enable_cache=False)
def trial_pipeline() -> None:
    """Run one step."""
    trial()


def main(place: str) -> None:
    """Import the entry points of ``place`` and run a pipeline of one step.

    Raises:
        ImportError: the image lacks a package.
        RuntimeError: the step did not run.
    """
    for module in ("zenml.entrypoints.step_entrypoint_configuration", *ENTRY_POINTS.get(place, ())):
        import_module(module)
    run = trial_pipeline()
    if run is None or not run.status.is_successful:
        raise RuntimeError("A step does not run in this image.")
    sys.stdout.write(f"A step runs, and {place}'s entry points import.\n")


if __name__ == "__main__":
    main(sys.argv[1])
