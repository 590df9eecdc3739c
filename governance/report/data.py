"""What a report shows, as plain values: nothing here knows ZenML, HTML or plots."""

from __future__ import annotations

import math
from datetime import datetime, timedelta
from typing import Literal

from pydantic import AwareDatetime, Field

from environments.strict import StrictModel
from governance.gates.result import Check, GateResult
from pipelines.config import Task
from pipelines.tasks.shapes import MulticlassShape, RegressionShape

Bound = Literal["at least", "at most"]
RunPurpose = Literal["training", "validation", "batch inference"]


class Subject(StrictModel):
    """Which model the report is of."""

    model: str
    description: str
    version: str
    stage: str = Field(description="Stage in ZenML's Model Control Plane, or 'none'.")
    environment: str
    cloud: str
    team: str
    owners: tuple[str, ...]
    cost_center: str
    task: Task
    meaning: str = Field(description="In words: what a risk of 1 says of a row, what the classes or the number are.")
    rule: str = Field(description="Which values of which column mean what.")
    unit: str = Field(default="", description="Of a predicted number.")
    estimator: str
    decision_threshold: float | None = Field(description="Of a model of risk.")
    source: str | None = Field(description="Where the training data came from; None when no run tells.")
    digest: str = Field(description="SHA-256 over the model's files.")


class Metric(StrictModel):
    """One metric, and what each environment asks of it."""

    name: str
    value: float | None
    bound: Bound
    unit: str = ""
    thresholds: dict[str, float | None] = Field(description="By environment; None where it is not required.")

    @property
    def asked_for(self) -> bool:
        """Whether any environment sets a threshold."""
        return any(threshold is not None for threshold in self.thresholds.values())

    def check_in(self, environment: str) -> Check | None:
        """Return the value against the threshold of ``environment``; None where none is set."""
        threshold = self.thresholds.get(environment)
        if threshold is None:
            return None
        return Check(name=self.name, value=self.value, bound=self.bound, threshold=threshold)


class Confusion(StrictModel):
    """Rows by what they were and what they were called at the decision threshold."""

    true_positive: int
    false_negative: int
    false_positive: int
    true_negative: int

    @property
    def positives(self) -> int:
        """Rows that are a risk."""
        return self.true_positive + self.false_negative

    @property
    def negatives(self) -> int:
        """Rows that are not."""
        return self.false_positive + self.true_negative

    @property
    def recall(self) -> float:
        """Share of risk rows that were flagged; NaN when there are none."""
        return self.true_positive / self.positives if self.positives else math.nan

    @property
    def false_positive_rate(self) -> float:
        """Share of the other rows that were flagged; NaN when there are none."""
        return self.false_positive / self.negatives if self.negatives else math.nan


class CalibrationBin(StrictModel):
    """Rows of similar predicted risk: the mean prediction, the share that was a risk, and how many they are."""

    predicted: float
    observed: float
    rows: int


class HistogramBin(StrictModel):
    """Rows whose predicted value lies in ``[low, high)``: the ends hold what lies beyond."""

    low: float
    high: float
    rows: int


class EvaluationEvidence(StrictModel):
    """The evaluation that the page's metrics and plots come from."""

    run: str
    environment: str
    rows: int
    labels: dict[str, int] = Field(description="Rows by label, as evaluations name them; none of numbers.")
    decision_threshold: float | None = Field(default=None, description="Of a model of risk.")
    data_digest: str
    confusion: Confusion | None = Field(default=None, description="Of a model of risk.")
    roc: tuple[tuple[float, float], ...] = Field(
        default=(), description="Points (false positive rate, true positive rate)."
    )
    calibration: tuple[CalibrationBin, ...] = ()
    classes: MulticlassShape | None = None
    numbers: RegressionShape | None = None


class GateOutcome(StrictModel):
    """What a gate decided in a run."""

    run: str
    environment: str
    time: AwareDatetime
    section: str = Field(description="The part of the summary that it counts for, if any.")
    result: GateResult
    left_open: bool = Field(
        default=False, description="Whether the run went on although nothing could be concluded: no agreement."
    )


class Node(StrictModel):
    """One thing in the lineage: data, features, a model, an evaluation, a release or predictions."""

    kind: str = Field(description="Artifact name, or 'source' or 'release'.")
    title: str
    facts: tuple[str, ...] = ()
    digest: str | None = None
    artifact_id: str | None = None
    uri: str | None = None


class Lane(StrictModel):
    """What one run in one environment made, or took over, for this version."""

    environment: str
    purpose: RunPurpose
    run: str
    time: AwareDatetime
    nodes: tuple[Node, ...]

    def node(self, kind: str) -> Node | None:
        """Return the node of ``kind``, if this lane has one."""
        return next((node for node in self.nodes if node.kind == kind), None)


class RunRecord(StrictModel):
    """A run behind this version, and what it was started from."""

    purpose: RunPurpose
    name: str
    id: str
    environment: str
    status: str
    started: AwareDatetime
    duration: timedelta | None
    started_by: str
    git_commit: str
    git_dirty: bool | None = Field(description="None when it is not known.")
    lock_digest: str
    tracked: tuple[str, str] | None = Field(default=None, description="Tracker, and the id of the run there.")
    url: str | None = Field(default=None, description="The run in ZenML's dashboard, where a server has one.")


class HistoryEntry(StrictModel):
    """A promotion or rollback of the model, of whichever version."""

    time: AwareDatetime
    environment: str
    kind: str
    version: str
    actor: str
    approvers: tuple[str, ...]
    reason: str


class Predictions(StrictModel):
    """The newest batch of predictions made with this version in this environment; no row of it."""

    run: str
    time: AwareDatetime
    rows: int
    outcomes: dict[str, int] = Field(description="Rows by decision: flagged or not, or by class; none of numbers.")
    mean: float = Field(default=math.nan, description="Of the value that the histogram shows.")
    source: str = Field(description="Where the scored data came from.")
    uri: str
    quantiles: dict[float, float] = Field(description="Predicted value by quantile, 0 to 1.")
    histogram: tuple[HistogramBin, ...]

    def share(self, outcome: str) -> float:
        """Return the share of rows with this decision; NaN for an empty batch."""
        return self.outcomes[outcome] / self.rows if self.rows else math.nan


class Comparison(StrictModel):
    """This version beside the one that was in use before it."""

    version: str
    metrics: dict[str, float]
    rows: int
    data_digest: str


class ReportData(StrictModel):
    """Everything that a report shows."""

    written: AwareDatetime
    subject: Subject
    environments: tuple[str, ...] = Field(description="Environments in the order a version passes through them.")
    approvals_needed: int
    metrics: tuple[Metric, ...]
    evaluation: EvaluationEvidence | None
    gates: tuple[GateOutcome, ...]
    lineage: tuple[Lane, ...]
    runs: tuple[RunRecord, ...]
    history: tuple[HistoryEntry, ...]
    predictions: Predictions | None
    previous: Comparison | None

    @property
    def checks_here(self) -> tuple[Check, ...]:
        """The metrics against the thresholds of the report's own environment."""
        found = (metric.check_in(self.subject.environment) for metric in self.metrics)
        return tuple(check for check in found if check is not None)

    @property
    def promotion(self) -> HistoryEntry | None:
        """The newest promotion of this version into the report's own environment."""
        return next(
            (
                entry
                for entry in sorted(self.history, key=lambda entry: entry.time, reverse=True)
                if entry.kind == "promotion completed"
                and entry.environment == self.subject.environment
                and entry.version == self.subject.version
            ),
            None,
        )

    @property
    def in_use_since(self) -> datetime | None:
        """When this version last entered the report's own environment, by promotion or rollback."""
        return max(
            (
                entry.time
                for entry in self.history
                if entry.kind in ("promotion completed", "rollback completed")
                and entry.environment == self.subject.environment
                and entry.version == self.subject.version
            ),
            default=None,
        )
