"""What the steps of a model's pipelines ask of whatever runs them: size, time, tries and place."""

from __future__ import annotations

import re
from typing import Annotated, Any, Final, Literal

from pydantic import Field, model_validator

from pipelines.strict import StrictModel

EVERY_STEP: Final = "every_step"
"""The name under which all steps of a pipeline are asked for the same."""

Role = Literal["training", "validation", "batch_inference"]

Memory = Annotated[str, Field(pattern=r"^[1-9][0-9]{0,5}(?:Mi|Gi)$")]
"""In mebibytes or gibibytes: 512Mi, 8Gi."""

StepName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$", max_length=63)]
_LABEL = r"^(?:[A-Za-z0-9](?:[A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?)?$"
_KEY = r"^(?:[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?/)?[A-Za-z0-9](?:[A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?$"
QualifiedName = Annotated[str, Field(pattern=_KEY)]
LabelText = Annotated[str, Field(pattern=_LABEL)]


def mebibytes(memory: str) -> int:
    """Return ``memory`` (see :data:`Memory`) in mebibytes."""
    number, unit = re.fullmatch(r"([0-9]+)(Mi|Gi)", memory).groups()  # type: ignore[union-attr]
    return int(number) * (1024 if unit == "Gi" else 1)


class Toleration(StrictModel):
    """Of a node that keeps others away."""

    key: QualifiedName | None = None
    operator: Literal["Exists", "Equal"] = "Equal"
    value: LabelText | None = None
    effect: Literal["NoSchedule", "PreferNoSchedule", "NoExecute"] | None = None
    seconds: Annotated[int, Field(ge=0)] | None = Field(default=None, description="How long, for NoExecute.")

    @model_validator(mode="after")
    def _parts_fit(self) -> Toleration:
        if self.operator == "Exists" and self.value is not None:
            raise ValueError("operator Exists takes no value")
        if self.key is None and self.operator == "Equal":
            raise ValueError("without a key the operator is Exists")
        if self.seconds is not None and self.effect != "NoExecute":
            raise ValueError("seconds has a meaning for effect NoExecute only")
        return self


class Placement(StrictModel):
    """Where a step runs, on orchestrators that place containers on nodes."""

    node_selector: dict[QualifiedName, LabelText] = Field(default={}, description="Labels that its node must have.")
    tolerations: tuple[Toleration, ...] = ()
    affinity: dict[Literal["nodeAffinity", "podAffinity", "podAntiAffinity"], dict[str, Any]] = Field(
        default={}, description="As Kubernetes spells it."
    )
    priority_class: Annotated[str, Field(pattern=r"^[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?$")] | None = None
    annotations: dict[QualifiedName, str] = Field(default={}, description="Of the step's pod.")


class StepResources(StrictModel, allow_inf_nan=False):
    """What one step asks for. What is left out is as ``every_step`` says and, failing that, as the platform does."""

    cpu: Annotated[float, Field(gt=0, le=1024)] | None = Field(default=None, description="Cores.")
    memory: Memory | None = Field(default=None, description="512Mi, 8Gi: it gets this much, and no more.")
    accelerators: Annotated[int, Field(ge=1, le=64)] | None = None
    deadline_minutes: Annotated[int, Field(ge=1)] | None = Field(
        default=None, description="From when it is asked for; waiting for a node counts."
    )
    retries: Annotated[int, Field(ge=0, le=10)] | None = Field(
        default=None, description="Further tries after it failed. Gates are never tried again."
    )
    placement: Placement | None = None

    def over(self, general: StepResources) -> StepResources:
        """Return this, and what it leaves out as ``general`` says."""
        return general.model_copy(update={name: getattr(self, name) for name in self.model_fields_set})


Resources = dict[Role, dict[StepName, StepResources]]
"""By pipeline and step; ``every_step`` stands for all of a pipeline's."""
