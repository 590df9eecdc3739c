"""Made-up people of whom everything is known, and models of them: good, bad, biased."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from governance.gates.scored import Scored, score_rows
from pipelines.artifacts import LABEL
from pipelines.config import ModelConfig, Task
from pipelines.data import DataDescription, load_training_sets
from pipelines.features import fit_features
from pipelines.input_profile import InputProfile, open_input, profile_input
from pipelines.model import TrainedModel, read_model, save_model, train_model
from pipelines.prediction_summary import PredictionSummary
from pipelines.scoring import Batch, score

MODEL = "control_classifier"


@dataclass(frozen=True)
class SyntheticData:
    """Rows divided in two, batches to score (by name), and models (by name) as read back from their folders."""

    config: ModelConfig
    training: pd.DataFrame
    held_out: pd.DataFrame
    models: dict[str, TrainedModel]
    batches: dict[str, Path]

    def scored(self, model: str, frame: pd.DataFrame) -> Scored:
        """Score ``frame`` by ``model``."""
        return score_rows(self.models[model], frame)

    def few(self, rows: int) -> pd.DataFrame:
        """Return that many held-out rows; of classes, as many of each as of any other."""
        if self.config.task == "regression":
            return self.held_out.head(rows)
        classes = sorted(self.held_out[LABEL].unique())
        sizes = [rows // len(classes) + (place < rows % len(classes)) for place in range(len(classes))]
        parts = [
            self.held_out[self.held_out[LABEL] == label].head(size) for label, size in zip(classes, sizes, strict=True)
        ]
        return pd.concat(parts, ignore_index=True)

    def repeated(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Return ``frame`` and once more all of its rows."""
        return pd.concat([frame, frame], ignore_index=True)

    def profile(self, batch: str) -> InputProfile:
        """Make the profile of a batch, as inference makes it."""
        return profile_input(self.config, self.models["good"].signature, str(self.batches[batch]))

    def predictions(self, batch: str, rows: int | None = None) -> PredictionSummary:
        """Score a batch by the good model, as inference does; its first ``rows`` only, if they are given."""
        file, model = self.batches[batch], self.models["good"]
        if rows is not None:
            whole, file = file, file.with_name(f"{batch}_{rows}.parquet")
            pd.read_parquet(whole).head(rows).to_parquet(file, index=False)
        table, scored_by = open_input(self.config, model.signature, str(file)), Batch("1", "control", datetime.now(UTC))
        profile = profile_input(self.config, model.signature, str(file))
        return score(model, table, profile, scored_by, BytesIO(), str(file))


_TARGETS: dict[str, dict[str, Any]] = {
    "binary": {
        "target": {"column": "outcome", "meaning": "is ill", "risk_values": [1]},
        "estimator": {"type": "logistic_regression"},
    },
    "multiclass": {
        "target": {"column": "severity", "meaning": "how ill", "classes": ["mild", "moderate", "severe"]},
        "estimator": {"type": "logistic_regression"},
    },
    "regression": {
        "target": {"column": "days", "meaning": "days in bed", "unit": "days"},
        "estimator": {"type": "sklearn.linear_model.Ridge"},
    },
}


def make_synthetic_data(folder: Path, *, rows: int, seed: int = 7, task: Task = "binary") -> SyntheticData:
    """Write ``rows`` people to ``folder`` and train every model of ``task`` on them.

    What is predicted follows from ``dose`` and ``pressure`` and does not depend on ``ward`` or ``sex``.
    """
    people = _people(rows, seed)
    file = folder / "people.parquet"
    people.to_parquet(file, index=False)
    config = ModelConfig.model_validate(
        {
            "model": MODEL,
            "description": "Made-up people, to prove gates by.",
            "source": str(file),
            "task": task,
            **_TARGETS[task],
            "features": {
                "numeric": ["dose", "pressure"],
                "categorical": ["ward", "sex"],
                "unseen_categories": "ignore",
            },
            "sensitive": ["sex"],
            "ranges": {"dose": [0, 200]},
            "split": {"validation_share": 0.5},
        }
    )
    sets = load_training_sets(config)
    random = np.random.default_rng(seed)
    training, held_out = sets.training, sets.validation
    label = training[LABEL]
    altered = {
        "good": training,
        "retrained": training.sample(frac=0.9, random_state=seed).reset_index(drop=True),
        "shuffled": training.assign(**{LABEL: random.permutation(label)}),
        # Somebody wrote down the least there is for most people of one sex.
        "biased": training.assign(
            **{LABEL: label.where((training["sex"] != "b") | (random.random(len(training)) < 0.1), label.min())}
        ),
        "inferior": training.assign(
            dose=random.permutation(training["dose"]), pressure=random.permutation(training["pressure"])
        ).assign(dose=lambda frame: frame["dose"].where(random.random(len(frame)) < 0.8, training["dose"])),
        "leaked": held_out,
    }
    models = {name: _train(config, sets.description, frame, held_out, folder / name) for name, frame in altered.items()}
    return SyntheticData(config, training, held_out, models, _batches(people, folder))


def _people(rows: int, seed: int) -> pd.DataFrame:
    random = np.random.default_rng(seed)
    dose, pressure = random.normal(100, 12, rows), random.normal(80, 10, rows)
    burden = (dose - 100) / 12 + (pressure - 80) / 10 + random.normal(0, 0.15, rows)
    return pd.DataFrame(
        {
            "dose": dose,
            "pressure": pressure,
            "ward": random.choice(["A", "B", "C"], rows),
            "sex": random.choice(["a", "b"], rows),
            "outcome": (burden > 0.3).astype(int),
            "severity": np.select([burden < -0.6, burden < 0.6], ["mild", "moderate"], "severe"),
            "days": 20 + 5 * burden,
        }
    )


def _train(
    config: ModelConfig, description: DataDescription, frame: pd.DataFrame, held_out: pd.DataFrame, folder: Path
) -> TrainedModel:
    model = train_model(config, description, frame, fit_features(config.features, frame), held_out)
    return read_model(folder, save_model(model, folder))


def _batches(people: pd.DataFrame, folder: Path) -> dict[str, Path]:
    batch = people.drop(columns=["outcome", "severity", "days"]).head(400)
    every_third = batch.index % 3 == 0
    changed = {
        "good": batch,
        "missing": batch.assign(dose=batch["dose"].where(~every_third)),
        "outside": batch.assign(pressure=batch["pressure"].where(~every_third, 1000.0)),
        "moved": batch.assign(dose=batch["dose"] + 10, pressure=batch["pressure"] + 8),
        "unseen": batch.assign(ward=batch["ward"].where(~every_third, "Z")),
    }
    files = {}
    for name, frame in changed.items():
        files[name] = folder / f"{name}.parquet"
        frame.to_parquet(files[name], index=False)
    return files
