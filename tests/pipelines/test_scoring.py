"""Predictions are those of the model, appear whole or not at all, and cost memory that does not grow with rows."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipelines.config import PREDICTION_COLUMNS, ModelConfig
from pipelines.input_profile import InputProfile, open_input, profile_input
from pipelines.model import TrainedModel, read_model, save_model
from pipelines.prediction_summary import PredictionSummary, ValueCounts
from pipelines.publication import publish
from pipelines.scoring import Batch, InputChangedError, score
from pipelines.signature import SignatureMismatchError
from pipelines.sources import table
from tests.pipelines.conftest import config_of, train

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
BATCH = Batch(model_version="7", run_id="run-1", predicted_at=NOW)


class LocalStore:
    """The local file system, as an artifact store sees it."""

    def open(self, path: str, mode: str = "r") -> Any:
        return Path(path).open(mode)

    def makedirs(self, path: str) -> None:
        Path(path).mkdir(parents=True, exist_ok=True)

    def rename(self, src: str, dst: str, overwrite: bool = False) -> None:
        Path(src).replace(dst)

    def exists(self, path: str) -> bool:
        return Path(path).exists()

    def rmtree(self, path: str) -> None:
        shutil.rmtree(path)

    def remove(self, path: str) -> None:
        Path(path).unlink()


def _score(
    model: TrainedModel, config: ModelConfig, location: Path | None, profile: InputProfile | None = None
) -> tuple[PredictionSummary, pd.DataFrame]:
    where = None if location is None else str(location)
    profile = profile or profile_input(config, model.signature, where)
    file = BytesIO()
    summary = score(model, open_input(config, model.signature, where), profile, BATCH, file, "memory")
    file.seek(0)
    return summary, pd.read_parquet(file)


def test_predictions_are_the_models_in_the_order_of_the_input(
    model: TrainedModel, config: ModelConfig, write: Callable[..., Path], monkeypatch: pytest.MonkeyPatch, saved: Any
) -> None:
    monkeypatch.setattr(table, "BATCH_CELLS", 60)  # pieces of ten rows
    file = write()
    summary, predictions = _score(model, config, file)
    batch = pd.read_parquet(file)
    inputs = batch.assign(code=batch["code"].astype(str), smoker=batch["smoker"].map({True: "true", False: "false"}))
    np.testing.assert_allclose(predictions["risk_probability"], model.predict_probability(inputs), atol=1e-12)
    assert predictions["patient"].tolist() == batch["patient"].tolist()
    assert (predictions["risk_flag"] == (predictions["risk_probability"] >= 0.5)).all()
    assert set(predictions["model"]) == {"illness_classifier"}
    assert set(predictions["model_version"]) == {"7"}
    assert set(predictions["run_id"]) == {"run-1"}
    assert set(predictions["predicted_at"]) == {pd.Timestamp(NOW)}
    assert summary.model_digest == saved[1]


def test_flagged_rows_are_those_at_risk(model: TrainedModel, config: ModelConfig, source: Path) -> None:
    """Flagged patients are mostly ill: turning the risk round would show here."""
    _, predictions = _score(model, config, None)
    ill = pd.read_parquet(source)["outcome"] == "ill"
    assert ill[predictions["risk_flag"]].mean() > 0.75
    assert ill[~predictions["risk_flag"]].mean() < 0.25


def test_csv_and_parquet_are_scored_alike(model: TrainedModel, config: ModelConfig, write: Callable[..., Path]) -> None:
    scored = [_score(model, config, write(name))[1] for name in ("batch.csv", "batch.parquet")]
    pd.testing.assert_frame_equal(*scored)


def test_summary_is_of_the_predictions_that_were_written(
    model: TrainedModel, config: ModelConfig, write: Callable[..., Path]
) -> None:
    summary, predictions = _score(model, config, write())
    probability = predictions["risk_probability"]
    assert summary.rows == len(predictions) == 400
    assert summary.outcomes["flagged"] == predictions["risk_flag"].sum()
    assert sum(summary.outcomes.values()) == 400
    assert summary.value_mean == pytest.approx(probability.mean())
    for share, value in summary.value_quantiles.items():
        assert value == pytest.approx(np.quantile(probability, float(share), method="inverted_cdf"), abs=1e-3)
    counts, _ = np.histogram(probability, bins=summary.histogram.edges)
    assert summary.histogram.counts == tuple(counts)
    assert summary.columns == {name: str(kind) for name, kind in zip(
        predictions, ["string", "double", "bool", "string", "string", "string", "timestamp[us, tz=UTC]"], strict=True
    )}  # fmt: skip
    assert summary.input.missing["dose"] == 24
    assert PredictionSummary.model_validate_json(summary.model_dump_json()) == summary


def test_rows_are_numbered_where_the_model_has_no_id(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(table, "BATCH_CELLS", 60)
    config = config_of(source, id_column=None)
    model = _read_back(train(config)[0], tmp_path)
    _, predictions = _score(model, config, None)
    assert predictions["row"].tolist() == list(range(400))
    assert set(predictions.columns) <= set(PREDICTION_COLUMNS)
    assert list(predictions.columns)[1:3] == ["risk_probability", "risk_flag"]


def _read_back(model: TrainedModel, folder: Path) -> TrainedModel:
    return read_model(folder, save_model(model, folder))


def test_missing_values_are_scored_as_training_filled_them(
    model: TrainedModel, config: ModelConfig, write: Callable[..., Path], saved: Any
) -> None:
    training = saved[2].training
    _, gaps = _score(model, config, write("gaps.parquet", dose=np.nan))
    _, filled = _score(model, config, write("filled.parquet", dose=training["dose"].median()))
    np.testing.assert_allclose(gaps["risk_probability"], filled["risk_probability"])


def test_probability_counts_take_both_ends() -> None:
    counts = ValueCounts()
    counts.update(np.array([0.0, 1.0]))
    counts.update(np.array([0.5]))
    assert counts.mean() == 0.5
    assert [counts.quantile(share) for share in (0, 0.5, 1)] == pytest.approx([0, 0.5, 1], abs=1e-3)
    assert counts.histogram().counts[0] == counts.histogram().counts[-1] == 1


def test_time_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="time zone"):
        Batch("7", "run-1", datetime(2026, 3, 1))
    assert Batch("7", "r", datetime(2026, 3, 1, tzinfo=timezone(timedelta(hours=2)))).predicted_at.tzinfo


def test_data_that_changed_after_it_was_checked_is_not_published(
    model: TrainedModel, config: ModelConfig, write: Callable[..., Path], tmp_path: Path
) -> None:
    profile = profile_input(config, model.signature, str(write()))
    changed = write(visits=0)
    uri = f"{tmp_path}/out/predictions.parquet"
    with pytest.raises(InputChangedError, match="changed between"), publish(LocalStore(), uri) as file:
        score(model, open_input(config, model.signature, str(changed)), profile, BATCH, file, uri)
    assert list((tmp_path / "out").iterdir()) == []


def test_file_appears_when_it_is_whole(tmp_path: Path) -> None:
    uri = f"{tmp_path}/a/b/file.parquet"
    with publish(LocalStore(), uri) as file:
        file.write(b"half")
        assert not Path(uri).exists()
        assert [other.name for other in Path(uri).parent.iterdir()] == [".file.parquet.partial"]
        file.write(b"whole")
    assert Path(uri).read_bytes() == b"halfwhole"
    assert len(list(Path(uri).parent.iterdir())) == 1
    with publish(LocalStore(), uri) as file:  # a step that is tried again
        file.write(b"again")
    assert Path(uri).read_bytes() == b"again"


def test_failure_half_way_leaves_no_file(
    model: TrainedModel,
    config: ModelConfig,
    write: Callable[..., Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(table, "BATCH_CELLS", 60)
    profile = profile_input(config, model.signature, str(write()))
    bad = write(ward=["A"] * 399 + ["Z"])
    uri = f"{tmp_path}/out/predictions.parquet"
    with pytest.raises(SignatureMismatchError, match="rows 390 to 399"), publish(LocalStore(), uri) as file:
        score(model, open_input(config, model.signature, str(bad)), profile, BATCH, file, uri)
    assert list((tmp_path / "out").iterdir()) == []


KILLED = """
import sys, time
from pathlib import Path
from pipelines.publication import publish
from tests.pipelines.test_scoring import LocalStore
with publish(LocalStore(), sys.argv[1]) as file:
    file.write(b"x" * 100_000)
    file.flush()
    print("half", flush=True)
    time.sleep(60)
"""


def test_process_killed_half_way_leaves_no_final_file(tmp_path: Path) -> None:
    uri = tmp_path / "out" / "predictions.parquet"
    with subprocess.Popen([sys.executable, "-c", KILLED, str(uri)], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "half\n"
        process.send_signal(signal.SIGKILL)
    assert (uri.parent / ".predictions.parquet.partial").stat().st_size == 100_000
    assert not uri.exists()


SCORED = r"""
import json, re, sys
from datetime import UTC, datetime
from pathlib import Path
from pipelines.config import ModelConfig
from pipelines.input_profile import open_input, profile_input
from pipelines.model import read_model
from pipelines.scoring import Batch, score
folder, digest, config, data, output = sys.argv[1:]
config = ModelConfig.model_validate_json(config)
model = read_model(Path(folder), digest)
profile = profile_input(config, model.signature, data)
with open(output, "wb") as file:
    table = open_input(config, model.signature, data)
    summary = score(model, table, profile, Batch("1", "r", datetime.now(UTC)), file, output)
# Not getrusage, whose peak is inherited from the process that started this one.
peak = int(re.search(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text())[1])
print(json.dumps([summary.rows, peak / 1024]))
"""


def test_memory_does_not_grow_with_rows(tmp_path: Path) -> None:
    """Three million rows in one row group are 240 MB of numbers; a third of them, still many pieces, cost the same."""
    random = np.random.default_rng(0)
    names = [f"x{number}" for number in range(10)]
    frame = pd.DataFrame(random.normal(size=(300, 10)), columns=names).assign(y=lambda rows: rows["x0"] > 0)
    frame.to_parquet(tmp_path / "train.parquet")
    config = config_of(
        tmp_path / "train.parquet",
        target={"column": "y", "meaning": "is ill", "risk_values": [True]},
        id_column=None,
        features={"numeric": names},
        sensitive=[],
    )
    digest = save_model(train(config)[0], tmp_path / "model")

    peaks = {}
    for rows in (1_000_000, 3_000_000):
        data = tmp_path / f"{rows}.parquet"
        values = {name: random.normal(size=rows) for name in names}
        pq.write_table(pa.table(values), data, row_group_size=rows, compression="none", use_dictionary=False)
        arguments = [tmp_path / "model", digest, config.model_dump_json(), data, tmp_path / "out.parquet"]
        run = subprocess.run(
            [sys.executable, "-c", SCORED, *map(str, arguments)], capture_output=True, text=True, check=True
        )
        scored, peaks[rows] = json.loads(run.stdout)
        assert scored == rows == pq.read_metadata(tmp_path / "out.parquet").num_rows
    assert peaks[3_000_000] - peaks[1_000_000] < 20, peaks


@pytest.mark.parametrize("cells", [6, 42, 10_000], ids=["row by row", "in pieces", "at once"])
def test_figures_of_odd_values_are_those_counted_one_by_one(
    source: Path, tmp_path: Path, patients: pd.DataFrame, cells: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = config_of(source, features={**config_of(source).features.model_dump(), "unseen_categories": "ignore"})
    model = _read_back(train(config)[0], tmp_path / "model")
    dose, rows = patients["dose"].to_list(), len(patients)
    dose[:8] = [None, float("nan"), -0.0, 0.0, -1e300, 1e300, 5e-324, 2.0**53]
    ward = patients["ward"].to_list()
    ward[:6] = ["", None, "Z", "é", "A", "a"]
    file = tmp_path / "odd.parquet"
    odd = pa.Table.from_pandas(patients.drop(columns=["outcome", "age"]), preserve_index=False)
    for name, values, kind in (("dose", dose, pa.float64()), ("ward", ward, pa.string())):
        odd = odd.set_column(odd.schema.get_field_index(name), name, pa.array(values, kind))
    pq.write_table(odd, file)
    whole = profile_input(config, model.signature, str(file))
    monkeypatch.setattr(table, "BATCH_CELLS", cells)
    profile = profile_input(config, model.signature, str(file))
    assert profile == whole
    seen = {column.name: column for column in model.signature.columns}
    numbers = [value for value in dose if value is not None and value == value]
    assert profile.missing["dose"] == rows - len(numbers)
    assert profile.missing["ward"] == sum(not value for value in ward) == 2
    low, high = seen["dose"].lowest, seen["dose"].highest
    assert profile.outside_range["dose"] == sum(not low <= value <= high for value in numbers)
    assert profile.unseen_categories["ward"] == sum(bool(v) and v not in (seen["ward"].categories or ()) for v in ward)
    summary, predictions = _score(model, config, file, whole)
    assert summary.rows == len(predictions) == rows


def test_values_beyond_what_the_config_allows_or_training_saw_are_counted(
    source: Path, tmp_path: Path, patients: pd.DataFrame, write: Callable[..., Path]
) -> None:
    config = config_of(source, ranges={"dose": [0, 60]})
    model = _read_back(train(config)[0], tmp_path / "model")
    seen = {column.name: (column.lowest, column.highest) for column in model.signature.columns}
    assert seen["dose"] == (0, 60)
    assert seen["visits"] == (0, 8)
    assert seen["ward"] == (None, None)
    visits = patients["visits"].where(patients.index >= 3, 9)
    profile = profile_input(config, model.signature, str(write(visits=visits)))
    above = int((patients["dose"] > 60).sum())
    assert above
    assert profile.outside_range == {"dose": above, "visits": 3}
