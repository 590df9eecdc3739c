"""What the runs of a version made of what, for the picture of its lineage."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from governance.core.target import Target
from governance.registry.releases import find_release
from governance.rendering.numbers import count
from governance.report.data import Lane, Node
from governance.report.runs import GovernedRun
from governance.runs.evidence import evaluation_of, outputs_of, predictions_of
from pipelines.artifacts import (
    DATA_DESCRIPTION,
    EVALUATION,
    FEATURES,
    INPUT_PROFILE,
    MODEL,
    PREDICTIONS,
    TRAINING_DATA,
    VALIDATION_DATA,
)
from pipelines.data import DataDescription
from pipelines.labels import in_words

if TYPE_CHECKING:
    from zenml.models import ArtifactVersionResponse, ModelVersionResponse

    from pipelines.model import TrainedModel

SOURCE = "source"
RELEASE = "release"


def description_of(governed: GovernedRun) -> DataDescription | None:
    """Return what the run read and how it divided it, if it trained and came that far."""
    artifact = outputs_of(governed.run).get(DATA_DESCRIPTION)
    if artifact is None:
        return None
    loaded = artifact.load()
    assert isinstance(loaded, DataDescription)
    return loaded


def lanes(runs: list[GovernedRun], version: ModelVersionResponse, model: TrainedModel, target: Target) -> list[Lane]:
    """Return one lane a run, in the order of ``runs``."""
    found = []
    for governed in runs:
        if governed.purpose == "training":
            nodes = _training(governed, model)
        else:
            nodes = _applied(governed, version, target.in_environment(governed.environment))
        found.append(
            Lane(
                environment=governed.environment,
                purpose=governed.purpose,
                run=governed.run.name,
                time=governed.started,
                nodes=tuple(nodes),
            )
        )
    return found


def _training(governed: GovernedRun, model: TrainedModel) -> Iterator[Node]:
    made, description, evaluation = outputs_of(governed.run), description_of(governed), evaluation_of(governed.run)
    if description is not None:
        rows_read = (f"{count(description.source_rows)} rows", *filter(None, [description.selection]))
        yield Node(kind=SOURCE, title=description.source, facts=rows_read, digest=description.source_digest)
        for kind, title, rows, labels, digest in (
            (
                TRAINING_DATA,
                "Training data",
                description.training_rows,
                description.training_labels,
                description.training_digest,
            ),
            (
                VALIDATION_DATA,
                "Validation data",
                description.validation_rows,
                description.validation_labels,
                description.validation_digest,
            ),
        ):
            if kind in made:
                facts = [f"{count(rows)} rows", in_words(model.signature.task, labels)]
                yield _node(kind, title, made[kind], *filter(None, facts), digest=digest)
    signature = model.signature
    if FEATURES in made:
        columns = f"{len(signature.columns)} columns"
        yield _node(FEATURES, "Features", made[FEATURES], columns, digest=made[FEATURES].content_hash)
    if MODEL in made:
        estimator = str(signature.estimator["type"]).replace("_", " ")
        yield _node(MODEL, "Model", made[MODEL], estimator, digest=made[MODEL].content_hash)
    if evaluation is not None:
        yield _node(EVALUATION, "Evaluation", made[EVALUATION], f"on {count(evaluation.rows)} rows")


def _applied(governed: GovernedRun, version: ModelVersionResponse, target: Target) -> Iterator[Node]:
    """Return the lane of a run that uses a release: what went in, the release, what came out."""
    made, evaluation, predictions = outputs_of(governed.run), evaluation_of(governed.run), predictions_of(governed.run)
    used: str | None = None
    if evaluation is not None:
        used = evaluation.model_digest
        facts = filter(None, (f"{count(evaluation.rows)} rows", in_words(evaluation.task, evaluation.labels)))
        if VALIDATION_DATA in made:
            yield _node(
                VALIDATION_DATA, "Validation data", made[VALIDATION_DATA], *facts, digest=evaluation.data_digest
            )
        yield _node(EVALUATION, "Evaluation", made[EVALUATION], f"on {count(evaluation.rows)} rows")
    if predictions is not None:
        used = predictions.model_digest
        scored = predictions.input
        if INPUT_PROFILE in made:
            yield _node(
                INPUT_PROFILE,
                "Scored data",
                made[INPUT_PROFILE],
                scored.location,
                f"{count(scored.rows)} rows",
                digest=scored.data_digest,
            )
        yield _node(
            PREDICTIONS,
            "Predictions",
            made[PREDICTIONS],
            f"{count(predictions.rows)} rows",
            predictions.told,
            uri=predictions.uri,
        )
    release = find_release(version, target)
    if release is not None:
        # The digest is what the run says it used, not what it should have used.
        yield Node(
            kind=RELEASE,
            title="Release",
            facts=(f"copy in {governed.environment}",),
            digest=used,
            artifact_id=str(release.artifact_id),
            uri=release.uri,
        )


def _node(
    kind: str,
    title: str,
    artifact: ArtifactVersionResponse,
    *facts: str,
    digest: str | None = None,
    uri: str | None = None,
) -> Node:
    return Node(
        kind=kind, title=title, facts=facts, digest=digest, artifact_id=str(artifact.id), uri=uri or artifact.uri
    )
