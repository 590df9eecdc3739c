"""A model carries how its training rows were distributed, and no row of them."""

from __future__ import annotations

import numpy as np
import pandas as pd

from pipelines.model import TrainedModel
from pipelines.order_statistics import MOST_VALUES
from pipelines.reference import MOST_CATEGORIES, Reference, describe_rows


def test_numbers_are_sorted_and_categories_counted() -> None:
    frame = pd.DataFrame({"size": [3.0, np.nan, 1.0], "site": ["b", "a", "b"], "label": [0, 1, 1]})
    found = describe_rows(frame)
    assert found.rows == 3
    assert found.numeric["size"].values == (1.0, 3.0)
    assert found.numeric["size"].missing == 1
    assert found.numeric["size"].median == 1.0
    assert found.categorical["site"].counts == {"a": 1, "b": 2}
    assert found.categorical["label"].counts == {"0": 1, "1": 2}
    assert Reference.model_validate_json(found.model_dump_json()) == found


def test_of_many_values_the_quantiles_are_kept() -> None:
    found = describe_rows(pd.DataFrame({"size": np.arange(100_000.0)})).numeric["size"].values
    assert len(found) == MOST_VALUES
    assert (found[0], found[-1]) == (0.0, 99_999.0)
    assert np.allclose(np.quantile(found, [0.1, 0.5, 0.9]), [10_000, 50_000, 90_000], atol=60)


def test_rare_categories_are_counted_together() -> None:
    names = [f"c{i:05d}" for i in range(MOST_CATEGORIES + 500)]
    found = describe_rows(pd.DataFrame({"site": names + names[:700]})).categorical["site"]
    assert len(found.counts) == MOST_CATEGORIES
    assert sum(found.counts.values()) + found.others == len(names) + 700


def test_a_model_knows_features_attributes_and_label(model: TrainedModel) -> None:
    assert set(model.reference.numeric) == {"dose", "visits", "age"}
    assert set(model.reference.categorical) == {"ward", "code", "smoker", "label"}
    assert model.reference.rows == model.signature.training_rows
