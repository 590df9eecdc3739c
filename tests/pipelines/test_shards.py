"""A folder of parts scored in shards gives what one step gives, and is published whole or not at all."""

from __future__ import annotations

import json
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow.parquet as pq
import pytest

from pipelines.config import ModelConfig
from pipelines.input_profile import InputProfile, check_shards, merge_profiles, open_input, profile_input
from pipelines.model import TrainedModel
from pipelines.prediction_summary import PredictionSummary
from pipelines.publication import PartMissingError, publish_parts
from pipelines.scoring import InputChangedError, score, summarise, write_predictions
from pipelines.sources.shard import Shard
from pipelines.tables import DataSourceError
from tests.pipelines.conftest import config_of, train
from tests.pipelines.test_scoring import BATCH, LocalStore, _read_back

SIZES = (1, 150, 0, 49, 200)


@pytest.fixture
def parts(tmp_path: Path, patients: pd.DataFrame) -> Path:
    """The patients in parts of several sizes, one of them empty."""
    frame, start = patients.drop(columns=["outcome", "age"]), 0
    (tmp_path / "parts").mkdir()
    for number, size in enumerate(SIZES):
        frame.iloc[start : start + size].to_parquet(tmp_path / "parts" / f"part-{number}.parquet", index=False)
        start += size
    return tmp_path / "parts"


def _profiles(config: ModelConfig, model: TrainedModel, data: Path, shards: int) -> list[InputProfile]:
    return [profile_input(config, model.signature, f"{data}/", Shard(number, shards)) for number in range(shards)]


def _score(config: ModelConfig, model: TrainedModel, data: Path, shards: int) -> tuple[PredictionSummary, pd.DataFrame]:
    profile = merge_profiles(_profiles(config, model, data, shards))
    scored, frames = [], []
    for number, part in enumerate(profile.shards):
        table, file = open_input(config, model.signature, f"{data}/", Shard(number, shards)), BytesIO()
        first = sum(before.rows for before in profile.shards[:number])
        scored.append(write_predictions(model, table, part.data_digest, BATCH, file, first))
        file.seek(0)
        frames.append(pd.read_parquet(file))
    return summarise(model, scored, profile, BATCH, "memory"), pd.concat(frames, ignore_index=True)


@pytest.mark.parametrize("shards", [2, 3, 5])
@pytest.mark.parametrize("id_column", ["patient", None])
def test_shards_give_the_same_rows_and_the_same_figures(
    parts: Path, source: Path, tmp_path: Path, shards: int, id_column: str | None
) -> None:
    config = config_of(source, id_column=id_column)
    for part in parts.iterdir() if id_column is None else ():
        pd.read_parquet(part).drop(columns="patient").to_parquet(part, index=False)
    model = _read_back(train(config)[0], tmp_path / "model")
    whole, file = profile_input(config, model.signature, f"{parts}/"), BytesIO()
    summary = score(model, open_input(config, model.signature, f"{parts}/"), whole, BATCH, file, "memory")
    file.seek(0)
    in_shards, predictions = _score(config, model, parts, shards)
    pd.testing.assert_frame_equal(predictions, pd.read_parquet(file), check_dtype=True)
    figures: dict[str, Any] = {"exclude": {"input", "value_mean"}}
    assert in_shards.model_dump(**figures) == summary.model_dump(**figures)
    assert in_shards.value_mean == pytest.approx(summary.value_mean)
    counted: dict[str, Any] = {"exclude": {"data_digest", "shards"}}
    assert in_shards.input.model_dump(**counted) == whole.model_dump(**counted)
    assert len(in_shards.input.shards) == shards


def test_the_digest_of_shards_tells_their_rows_and_where_they_are_cut(
    parts: Path, config: ModelConfig, model: TrainedModel
) -> None:
    found = {merge_profiles(_profiles(config, model, parts, shards)).data_digest for shards in (2, 3, 5)}
    pd.read_parquet(parts / "part-3.parquet").assign(visits=0).to_parquet(parts / "part-3.parquet", index=False)
    found |= {merge_profiles(_profiles(config, model, parts, shards)).data_digest for shards in (2, 3, 5)}
    assert len(found) == 6


def test_a_shard_that_changed_after_it_was_checked_is_refused(
    parts: Path, config: ModelConfig, model: TrainedModel
) -> None:
    profile = merge_profiles(_profiles(config, model, parts, 5))
    pd.read_parquet(parts / "part-3.parquet").assign(visits=0).to_parquet(parts / "part-3.parquet", index=False)
    table = open_input(config, model.signature, f"{parts}/", Shard(3, 5))
    with pytest.raises(InputChangedError, match="changed between"):
        write_predictions(model, table, profile.shards[3].data_digest, BATCH, BytesIO())


def test_what_cannot_be_divided_is_refused(
    parts: Path, config: ModelConfig, model: TrainedModel, write: Callable[..., Path]
) -> None:
    check_shards(config, f"{parts}/", len(SIZES))
    with pytest.raises(DataSourceError, match=r"holds 5 Parquet parts, which 6 shards cannot share.*SHARDS=5"):
        check_shards(config, f"{parts}/", 6)
    with pytest.raises(DataSourceError, match="only a folder of Parquet parts is scored in shards; set SHARDS=1"):
        check_shards(config, str(write("batch.csv")), 2)
    with pytest.raises(DataSourceError, match="holds 1 Parquet parts"):
        check_shards(config, str(write()), 2)
    for part in parts.iterdir():
        pq.write_table(pq.read_table(part).slice(0, 0), part)
    with pytest.raises(DataSourceError, match="holds no rows"):
        merge_profiles(_profiles(config, model, parts, 2))


def test_nothing_is_published_unless_all_parts_are_there(tmp_path: Path) -> None:
    folder, staging = tmp_path / "run", tmp_path / "run" / "_staging"
    staging.mkdir(parents=True)
    rows = {"part-0": 3, "part-1": 4}
    (staging / "part-0").write_bytes(b"0")
    with pytest.raises(PartMissingError, match=r"nothing is published, as there is no part-1"):
        publish_parts(LocalStore(), str(staging), str(folder), rows)
    assert [path.name for path in folder.iterdir()] == ["_staging"]
    (staging / "part-1").write_bytes(b"1")
    for _ in range(2):  # a step that is tried again finds its work done
        publish_parts(LocalStore(), str(staging), str(folder), rows)
        assert {path.name for path in folder.iterdir()} == {"part-0", "part-1", "_SUCCESS"}
    assert json.loads((folder / "_SUCCESS").read_text()) == {"rows": 7, "parts": rows}
