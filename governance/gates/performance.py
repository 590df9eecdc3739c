"""Does the model reach what the environment asks for?"""

from __future__ import annotations

from typing import Annotated

from zenml import step

from environments import LOWER_IS_BETTER, Thresholds
from governance.gates.record import record
from governance.gates.result import Check, GateResult
from pipelines.evaluation import Evaluation

NAME = "model performance"


def judge_performance(evaluation: Evaluation, thresholds: Thresholds, *, model: str, environment: str) -> GateResult:
    """Compare each required metric with its threshold; a metric that was not measured fails."""
    reached = evaluation.metrics.model_dump()
    return GateResult(
        gate=NAME,
        model=model,
        environment=environment,
        evidence_digest=evaluation.data_digest,
        checks=tuple(
            Check(
                name=metric,
                value=reached.get(metric),
                bound="at most" if metric in LOWER_IS_BETTER else "at least",
                threshold=threshold,
            )
            for metric, threshold in thresholds.required().items()
        ),
    )


@step(enable_cache=False)
def validate_model_performance(
    evaluation: Evaluation, thresholds: Thresholds, model: str, environment: str
) -> Annotated[GateResult, "performance_gate"]:
    """Stop the run when the evaluation misses a threshold of the environment.

    Raises:
        GateFailed: a metric misses its threshold or was not measured.
    """
    return record(judge_performance(evaluation, thresholds, model=model, environment=environment)).require()
