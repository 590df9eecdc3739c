"""What one governed run reads of its settings and its environment's log, each once and when it is first needed."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from governance.approvals.overrides import valid_overrides
from governance.core.policy import policy_version
from governance.core.target import Target
from governance.gates.exemptions import Exemption
from governance.records.journal import Journal
from governance.registry.loading import release_in_use
from governance.registry.releases import Release
from pipelines.config import ModelConfig, read_config


@dataclass(frozen=True)
class RunSession:
    """One run's model and environment, handed down to whatever governs, records or signs it."""

    target: Target
    overridden: bool = True
    """Whether overrides count. What is kept for later runs carries none: they would outlive their time."""

    @cached_property
    def journal(self) -> Journal:
        """The environment's log, in the name of whoever runs this process."""
        return Journal(self.target)

    @cached_property
    def config(self) -> ModelConfig:
        """The model's configuration, as the checkout has it."""
        return read_config(self.target.model)

    @cached_property
    def policy(self) -> str:
        """Name of the policy in force."""
        return policy_version(self.target)

    @cached_property
    def overrides(self) -> tuple[Exemption, ...]:
        """The overrides in force, but for those of whoever runs this process."""
        return valid_overrides(self.target, self.journal) if self.overridden else ()

    @cached_property
    def release(self) -> Release:
        """The release in use; errors as for :func:`governance.registry.loading.release_in_use`."""
        return release_in_use(self.target, self.journal)

    @property
    def release_parameters(self) -> dict[str, Any]:
        """What a pipeline that judges or scores is told of the release in use; errors as for :attr:`release`."""
        release = self.release
        return {"config": self.config, "release_id": str(release.artifact_id), "digest": release.digest}

    @property
    def scoring_parameters(self) -> dict[str, Any]:
        """The same, of a pipeline that scores."""
        return {**self.release_parameters, "model_version": self.release.version}
