"""Synthetic rows that a new team's model can be trained on before it has data of its own."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final
from zlib import crc32

if TYPE_CHECKING:
    import pandas as pd

ROWS: Final = 3000
"""Enough for every gate to conclude, also on the smallest group of the held-out rows."""

CHANNELS: Final = ("branch", "phone", "web")
AGE_GROUPS: Final = ("18-39", "40-64", "65+")


def draw(model: str, rows: int = ROWS) -> pd.DataFrame:
    """Draw the sample of ``model``: the same rows for the same name.

    The outcome depends on amount, tenure, recent events and channel through a logistic model. It does not depend on
    the age group, so a model of it treats the groups alike but for chance.
    """
    import numpy as np
    import pandas as pd

    random = np.random.default_rng(crc32(model.encode()))
    amount = random.lognormal(mean=4.0, sigma=0.8, size=rows)
    tenure = random.integers(0, 241, size=rows)
    events = random.poisson(3.0, size=rows)
    channel = random.choice(CHANNELS, size=rows, p=(0.3, 0.2, 0.5))
    logit = (
        2.6 * (np.log(amount) - 4.0) / 0.8
        - 1.6 * (tenure - 120) / 70
        + 1.6 * (events - 3.0) / 1.7
        + np.where(channel == "web", 0.8, -0.4)
        - 1.2
    )
    return pd.DataFrame(
        {
            "record_id": np.arange(1, rows + 1),
            "amount": amount.round(2),
            "tenure_months": tenure,
            "events_last_month": events,
            "channel": channel,
            "age_group": random.choice(AGE_GROUPS, size=rows, p=(0.4, 0.35, 0.25)),
            "outcome": (random.random(rows) < 1 / (1 + np.exp(-logit))).astype("int64"),
        }
    )


def write(model: str, file: Path) -> None:
    """Write the sample of ``model`` as CSV or Parquet, by the suffix of ``file``."""
    frame = draw(model)
    file.parent.mkdir(parents=True, exist_ok=True)
    if file.suffix == ".parquet":
        frame.to_parquet(file, index=False)
    else:
        frame.to_csv(file, index=False)
