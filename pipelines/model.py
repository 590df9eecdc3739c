"""A trained model: features and classifier in one, with its signature, saved without pickle.

A model is a folder: ``model.skops`` with a file for each booster in it, or ``model.onnx``; ``signature.json``; and of
the rows it was trained on their distribution (``reference.json``) and their digests (``training_rows.bin``). The
folder's digest, computed when it is saved and kept elsewhere, is checked on the very bytes that are then read, before
any of them is interpreted.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from pipelines.artifacts import LABEL
from pipelines.columns import Column
from pipelines.config import ModelConfig
from pipelines.data import DataDescription
from pipelines.digests import combine_digests, data_digest, folder_digest
from pipelines.errors import ModelTamperedError, ModelUntrustedError
from pipelines.estimators import build_model, fit_or_explain
from pipelines.libraries import ModelLibrariesError, differing, in_words, versions_here
from pipelines.onnx_models import OnnxModel
from pipelines.reference import Reference, describe_rows
from pipelines.row_digests import RowDigests
from pipelines.score_reference import ScoreReference
from pipelines.signature import Signature, SignatureMismatchError
from pipelines.splits import division_names
from pipelines.stored_estimators import from_files, is_onnx, libraries_of, own_types_in, to_files
from pipelines.tasks import task_of

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from sklearn.base import BaseEstimator
    from sklearn.pipeline import Pipeline

__all__ = [
    "ModelTamperedError",
    "ModelUntrustedError",
    "TrainedModel",
    "folder_digest",
    "read_model",
    "read_transformer",
    "save_model",
    "save_transformer",
    "train_model",
]

MODEL_FILE: Final = "model.skops"
SIGNATURE_FILE: Final = "signature.json"
REFERENCE_FILE: Final = "reference.json"
ROWS_FILE: Final = "training_rows.bin"
FEATURES_FILE: Final = "features.skops"


class TrainedModel:
    """A fitted pipeline (``pipeline``), what it takes and means (``signature``), and what it was trained on.

    ``reference`` is the distribution of the training rows and ``training_rows`` their digests, so that drift and
    overlap can be judged where the rows themselves may not be read. ``digest`` is that of the folder it was read
    from, and None for a model that was not read from one.
    """

    # No dataclass: ZenML has pydantic look into those, which needs scikit-learn's classes when this file is imported.
    def __init__(
        self,
        pipeline: Pipeline | OnnxModel,
        signature: Signature,
        reference: Reference,
        training_rows: RowDigests,
        digest: str | None = None,
    ) -> None:
        self.pipeline = pipeline
        self.signature = signature
        self.reference = reference
        self.training_rows = training_rows
        self.digest = digest

    def predict(self, frame: pd.DataFrame) -> np.ndarray:
        """Return what the model says of each row, as float64.

        The probability of risk or the predicted number, of shape ``(rows,)``; of classes the probability of each, of
        shape ``(rows, classes)``. ``frame`` holds at least the input columns, as
        :func:`pipelines.columns.read_column` makes them.

        Raises:
            SignatureMismatchError: an input column is missing.
        """
        absent = [name for name in self.signature.column_names if name not in frame.columns]
        if absent:
            raise SignatureMismatchError("the frame", [f"column {name!r}: found no such column" for name in absent])
        if list(frame.columns) != self.signature.column_names:
            frame = frame[self.signature.column_names]
        return task_of(self.signature.task).predict(self.pipeline, frame)

    def predict_probability(self, frame: pd.DataFrame) -> np.ndarray:
        """Return the probability of risk for each row, as float64 of shape ``(rows,)``.

        Raises:
            SignatureMismatchError: an input column is missing.
            ValueError: the model is not one of risk.
        """
        if self.signature.task != "binary":
            raise ValueError(f"{self.signature.model} is a {self.signature.task} model; use predict")
        return self.predict(frame)

    def decide(self, output: np.ndarray) -> np.ndarray:
        """Return the decision on each row of :meth:`predict`: whether it is flagged, the class's number, the value."""
        return task_of(self.signature.task).decide(output, self.signature)


def train_model(
    config: ModelConfig,
    description: DataDescription,
    training: pd.DataFrame,
    features: BaseEstimator,
    held_out: pd.DataFrame | None = None,
) -> TrainedModel:
    """Fit the config's estimator on ``training`` behind ``features``, which are fitted already.

    ``held_out`` are rows of which the model is only asked what it says, so that later batches can be compared.
    A search fits features of its own in every fold, so that no fold knows the rows it is judged on, and its folds keep
    groups whole and the past before the future where the config does.

    Raises:
        FitError: the estimator, or the search, refuses these rows.
    """
    from sklearn.base import clone

    assert config.estimator is not None, "a config without one names a training pipeline of its own"
    inputs, by_time = training[list(config.features.columns)], config.split.method == "time"
    estimator = config.estimator.model_dump(mode="json", exclude_none=True)
    if config.estimator.search is None:
        pipeline = build_model(config, features)
        fit_or_explain("estimator", lambda: pipeline.steps[-1][1].fit(features.transform(inputs), training[LABEL]))
    else:
        # Folds by time need rows in its order, and folds by group to know the groups.
        rows = training.sort_values(str(config.split.column), kind="stable") if by_time else training
        groups = {} if config.split.group is None else {"groups": rows[config.split.group]}
        search = build_model(config, clone(features))
        fit_or_explain(
            "estimator.search", lambda: search.fit(rows[list(config.features.columns)], rows[LABEL], **groups)
        )
        pipeline = search.best_estimator_
        chosen = {name.removeprefix("estimator__"): value for name, value in search.best_params_.items()}
        estimator["chosen"] = {
            name: value if isinstance(value, bool | int | float | str | None) else str(value)
            for name, value in chosen.items()
        }
    return describe_model(config, description, training, pipeline, estimator, held_out)


def describe_model(
    config: ModelConfig,
    description: DataDescription,
    training: pd.DataFrame,
    pipeline: Pipeline | OnnxModel,
    estimator: dict[str, Any],
    held_out: pd.DataFrame | None = None,
) -> TrainedModel:
    """Return the fitted ``pipeline`` with what it takes, means and was trained on.

    Args:
        config: The model's config.
        description: What was read of its source.
        training: The rows it was trained on: input columns, sensitive attributes and label.
        pipeline: Takes a frame of the config's input columns.
        estimator: Type and parameters, for whoever reads the signature.
        held_out: Rows whose scores later batches are compared with; the training rows where there are none.
    """
    inputs = training[list(config.features.columns)]
    signature = Signature(
        model=config.model,
        description=config.description,
        task=config.task,
        columns=tuple(_as_seen(column, inputs, config) for column in description.columns),
        id_column=config.id_column,
        other_columns=tuple(
            dict.fromkeys(
                name
                for name in (config.target.column, *config.sensitive_columns, *division_names(config.split))
                if name not in config.features.columns
            )
        ),
        unseen_categories=config.features.unseen_categories,
        label=description.label,
        decision_threshold=config.decision_threshold if config.task == "binary" else None,
        metrics=config.metrics,
        split=config.split,
        split_boundary=description.split_boundary,
        estimator=estimator,
        seed=config.split.seed,
        training_rows=len(training),
        training_labels=description.label.count(training[LABEL]),
        training_data_digest=data_digest(training),
        own_types=own_types_in(pipeline),
        libraries=versions_here(libraries_of(pipeline)),
    )
    return TrainedModel(
        pipeline,
        signature,
        describe_rows(
            without_division(config, training),
            describe_predictions(pipeline, signature, inputs),
            describe_scores(pipeline, signature, inputs, held_out),
        ),
        RowDigests.of(inputs, salt_from=signature.training_data_digest),
    )


def without_division(config: ModelConfig, rows: pd.DataFrame) -> pd.DataFrame:
    """Return ``rows`` without what only divides them: groups and times are others on the other side by design."""
    kept = (*config.features.columns, *config.sensitive_columns)
    return rows.drop(columns=[name for name in division_names(config.split) if name in rows and name not in kept])


def describe_predictions(pipeline: Any, signature: Signature, inputs: pd.DataFrame) -> np.ndarray:
    """Return what drift of predictions is judged by later: what ``pipeline`` says of the training rows."""
    task = task_of(signature.task)
    return task.reference(task.predict(pipeline, inputs), signature)


def describe_scores(
    pipeline: Any, signature: Signature, inputs: pd.DataFrame, held_out: pd.DataFrame | None
) -> ScoreReference:
    """Return what ``pipeline`` says of the rows ``held_out``, or of its training ``inputs`` where it cannot.

    Of rows that it has learnt a model is surer than of others, so those are the poorer measure of a later batch.
    """
    task, names = task_of(signature.task), signature.column_names
    if held_out is not None and len(held_out) and set(names) <= set(held_out):
        inputs = held_out[names]
    output = task.predict(pipeline, inputs)
    return ScoreReference.of(task.drawn(output), task.outcomes(task.decide(output, signature), signature))


def save_model(model: TrainedModel, folder: Path) -> str:
    """Write ``model`` into ``folder``, which is made if need be, and return the folder's digest."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in to_files(model.pipeline, MODEL_FILE).items():
        (folder / name).write_bytes(content)
    (folder / SIGNATURE_FILE).write_text(model.signature.model_dump_json(indent=2) + "\n", encoding="utf-8")
    (folder / REFERENCE_FILE).write_text(model.reference.model_dump_json() + "\n", encoding="utf-8")
    (folder / ROWS_FILE).write_bytes(model.training_rows.to_bytes())
    return folder_digest(folder)


def read_model(folder: Path, digest: str) -> TrainedModel:
    """Read a model whose folder has the given digest.

    Raises:
        ModelTamperedError: the folder's digest is another, or files are missing. Nothing has been interpreted.
        ModelUntrustedError: the model holds a type that no model of ours is made of.
        ModelLibrariesError: it was trained with other libraries, and these cannot read it.
    """
    contents = _verified(folder, digest, (MODEL_FILE, SIGNATURE_FILE, REFERENCE_FILE, ROWS_FILE))
    signature = Signature.model_validate_json(contents[SIGNATURE_FILE])
    try:
        pipeline = from_files(contents, MODEL_FILE, str(folder), signature.own_types)
    except (AttributeError, ImportError, KeyError, TypeError, ValueError, ModelUntrustedError) as error:
        others = differing(signature.libraries)
        if not others:
            raise
        raise ModelLibrariesError(folder, in_words(others), f"{type(error).__name__}: {error}") from error
    return TrainedModel(
        pipeline,
        signature,
        Reference.model_validate_json(contents[REFERENCE_FILE]),
        RowDigests.from_bytes(contents[ROWS_FILE]),
        digest,
    )


def read_reference(folder: Path, digest: str) -> Reference:
    """Read what a model's rows looked like, without interpreting the model; raises ModelTamperedError as above."""
    return Reference.model_validate_json(_verified(folder, digest, (REFERENCE_FILE,))[REFERENCE_FILE])


def save_transformer(transformer: BaseEstimator, folder: Path) -> str:
    """Write a fitted feature transformer into ``folder`` and return the folder's digest."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in to_files(transformer, FEATURES_FILE).items():
        (folder / name).write_bytes(content)
    return folder_digest(folder)


def read_transformer(folder: Path, digest: str) -> BaseEstimator:
    """Read a feature transformer whose folder has the given digest; raises as :func:`read_model` does."""
    return from_files(_verified(folder, digest, (FEATURES_FILE,)), FEATURES_FILE, str(folder))


def _as_seen(column: Column, inputs: pd.DataFrame, config: ModelConfig) -> Column:
    """Return ``column`` with the categories, or the least and greatest value, that are known."""
    values = inputs[column.name].dropna()
    if column.categories is not None:
        return column.model_copy(update={"categories": tuple(sorted(values.unique()))})
    lowest, highest = config.ranges.get(column.name, (float(values.min()), float(values.max())))
    return column.model_copy(update={"lowest": lowest, "highest": highest})


def _verified(folder: Path, digest: str, expected: tuple[str, ...]) -> dict[str, bytes]:
    """Return the contents of the folder's files, once their digest is the given one."""
    contents = {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()
    }
    found = combine_digests({name: hashlib.sha256(data).hexdigest() for name, data in contents.items()})
    if found != digest:
        raise ModelTamperedError(
            f"{folder}: the digest of its files is {found}, expected {digest}: they are not the files that were saved"
        )
    absent = [
        name for name in expected if name not in contents and not (name == MODEL_FILE and is_onnx(contents, name))
    ]
    if absent:
        raise ModelTamperedError(f"{folder}: holds no {', '.join(absent)}")
    return contents
