"""Labels and tags on what orchestrators create for a run: those resources are not Terraform's, and they are billed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from governance.core.target import Target
from governance.cost.alphabet import KUBERNETES
from governance.cost.clouds import CLOUDS, CostCloud

MANAGED_BY = "zenml"


def run_labels(target: Target, pipeline: str, run: str | None = None) -> dict[str, str]:
    """Return the labels that a run is charged by, before any cloud's alphabet: Terraform's, and the run's own."""
    labels = {
        **target.environment.labels,
        "cost_center": target.team.cost_center,
        "environment": target.environment.environment,
        "managed_by": MANAGED_BY,
        "model": target.model,
        "pipeline": pipeline,
        "team": target.team.team,
        "zenml_stack": target.stack,
    }
    return labels if run is None else {**labels, "run": run}


def orchestrator_labels(target: Target, pipeline: str, run: str | None = None) -> dict[str, Any]:
    """Return ZenML settings that label what ``target``'s orchestrator and step operator create for a run.

    Settings replace a component's own labels instead of adding to them, so those that Terraform gave are among these.

    Args:
        target: the model and environment.
        pipeline: the pipeline's name.
        run: the run's name, once it has one.

    Returns:
        Settings keyed as ZenML wants them, for the flavours of the target's stack only; none on this machine.
    """
    section = getattr(target.environment, target.cloud)
    labels = run_labels(target, pipeline, run)
    settings: dict[str, Any] = {}
    for kind in ("orchestrator", "step_operator"):
        flavor = getattr(section, kind, None)
        if flavor is None and kind == "orchestrator":
            flavor = CLOUDS[target.cloud].orchestrator
        found = _settings(CLOUDS[target.cloud], kind, flavor, labels) if flavor else None
        if found is not None:
            settings[f"{kind}.{flavor}"] = found
    return settings


def _settings(cloud: CostCloud, kind: str, flavor: str, labels: Mapping[str, str]) -> dict[str, Any] | None:
    if flavor == "kubernetes":
        pods = {"labels": KUBERNETES.values(labels)}
        return {"pod_settings": pods, "orchestrator_pod_settings": pods}
    return cloud.label_settings(kind, labels) if flavor == cloud.executor else None
