"""What every gate needs to know besides what it judges."""

from __future__ import annotations

from environments.strict import StrictModel
from governance.gates.exemptions import Exemption
from governance.gates.result import Check, GateResult, Measure


class GateContext(StrictModel):
    """For whom and under which policy a gate judges; plain data that a step can carry."""

    model: str
    environment: str
    policy_version: str
    exemptions: tuple[Exemption, ...] = ()

    def result(
        self, gate: str, evidence: dict[str, str], checks: list[Check], measures: tuple[Measure, ...] = ()
    ) -> GateResult:
        """Return what ``gate`` found, in this context; nothing is set aside yet."""
        return GateResult(
            gate=gate,
            model=self.model,
            environment=self.environment,
            policy_version=self.policy_version,
            evidence=evidence,
            checks=tuple(checks),
            measures=measures,
        )
