"""What images need to know of a place of work: how to log in to its registry, and what its orchestrator starts with.

Each module is one cloud, by the flavour of its registries.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping

from governance.core.adapters import Adapters


class RegistryCloud(ABC):
    """The registries of one cloud."""

    @abstractmethod
    def credentials(self, region: str | None, role: str | None) -> tuple[str, str] | None:
        """Return user and short-lived password; None where the container engine is logged in already.

        Args:
            region: where the registry is.
            role: that may push, where it is not the identity at hand itself.
        """


CLOUDS: Adapters[RegistryCloud] = Adapters(__name__, __path__)

ENTRY_POINTS: Mapping[str, tuple[str, ...]] = {
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
"""What a step imports before its own code, by place of work: each has a lock."""
