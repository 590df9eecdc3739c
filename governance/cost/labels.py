"""Labels and tags on what orchestrators create for a run: those resources are not Terraform's, and they are billed."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from typing import Any, Literal

from governance.core.target import Target

MANAGED_BY = "zenml"

Alphabet = Literal["gcp", "aws", "kubernetes"]

_LONGEST: Mapping[Alphabet, int] = {"gcp": 63, "aws": 256, "kubernetes": 63}
_OUTSIDE: Mapping[Alphabet, re.Pattern[str]] = {
    # cloud.google.com/resource-manager/docs/labels-overview: lower case letters, digits, underscores, dashes
    "gcp": re.compile(r"[^a-z0-9_-]"),
    # docs.aws.amazon.com/tag-editor/latest/userguide/tagging.html: letters, digits, spaces and _ . : / = + - @
    "aws": re.compile(r"[^A-Za-z0-9 _.:/=+@-]"),
    # kubernetes.io/docs/concepts/overview/working-with-objects/labels: letters and digits at both ends, - _ . within
    "kubernetes": re.compile(r"[^A-Za-z0-9_.-]"),
}
_DIGEST = 8


def label_value(value: str, alphabet: Alphabet) -> str:
    """``value`` in the alphabet and length of a cloud.

    A value that had to be changed ends in a digest of the original, so that two values that differ still do.
    """
    lowered = value.lower() if alphabet == "gcp" else value
    allowed = _OUTSIDE[alphabet].sub("-", lowered)
    longest = _LONGEST[alphabet]
    fits = allowed[:longest]
    if alphabet == "kubernetes":
        fits = fits.strip("-_.")
    if fits == value:
        return value
    digest = hashlib.sha256(value.encode()).hexdigest()[:_DIGEST]
    kept = fits[: longest - _DIGEST - 1].strip("-_. ")
    return f"{kept}-{digest}" if kept else digest


def run_labels(target: Target, pipeline: str, run: str | None = None) -> dict[str, str]:
    """What a run is charged to, before any cloud's alphabet: the labels that Terraform gives, and the run's own."""
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
    """ZenML settings that label what ``target``'s orchestrator and step operator create for a run.

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
        found = _settings(kind, flavor, labels)
        if found is not None:
            settings[f"{kind}.{flavor}"] = found
    return settings


def _settings(kind: str, flavor: str | None, labels: Mapping[str, str]) -> dict[str, Any] | None:
    if flavor == "vertex":
        # ZenML's Vertex step operator takes no labels; its jobs are charged to the project they run in.
        return {"labels": _in("gcp", labels)} if kind == "orchestrator" else None
    if flavor == "sagemaker":
        tags = _in("aws", labels)
        return {"tags": tags, "pipeline_tags": tags} if kind == "orchestrator" else {"estimator_args": _listed(tags)}
    if flavor == "kubernetes":
        pods = {"labels": _in("kubernetes", labels)}
        return {"pod_settings": pods, "orchestrator_pod_settings": pods}
    return None


def _in(alphabet: Alphabet, labels: Mapping[str, str]) -> dict[str, str]:
    return {key: label_value(value, alphabet) for key, value in sorted(labels.items())}


def _listed(tags: Mapping[str, str]) -> dict[str, Any]:
    """Tags as SageMaker's Estimator takes them."""
    return {"tags": [{"Key": key, "Value": value} for key, value in tags.items()]}
