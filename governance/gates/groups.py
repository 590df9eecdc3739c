"""The groups of a sensitive attribute, as rows fall into them."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pandas as pd

from governance.core.errors import RefusedError
from pipelines.config import SensitiveAttribute
from pipelines.data import MOST_GROUPS
from pipelines.reference import Reference

UNKNOWN = "unknown"


class BandsMissingError(RefusedError):
    """A sensitive number has too many values to be groups."""


@dataclass(frozen=True)
class Groups:
    """Which group each row belongs to: ``of_row`` has shape ``(rows,)`` and holds names."""

    attribute: str
    of_row: np.ndarray

    @property
    def names(self) -> list[str]:
        """The groups that occur, sorted."""
        return [str(name) for name in np.unique(self.of_row)]


def group_rows(frame: pd.DataFrame, attribute: SensitiveAttribute, reference: Reference) -> Groups:
    """Divide rows by ``attribute``: a category by its values, a number by its bands or, where they are few, its values.

    Rows without a value are a group of their own.

    Raises:
        BandsMissingError: a number has more than ten values in the training rows, and no bands.
    """
    column = frame[attribute.column]
    if attribute.column not in reference.numeric:
        return Groups(attribute.column, column.map(lambda v: UNKNOWN if pd.isna(v) else str(v)).to_numpy(dtype=str))
    if not attribute.bands:
        known = len(set(reference.numeric[attribute.column].values))
        if known > MOST_GROUPS:
            raise BandsMissingError(
                f"sensitive: {attribute.column!r} is a number with {known} values, which are no groups: name bands in "
                "the model's config"
            )
        return Groups(attribute.column, column.map(lambda v: UNKNOWN if pd.isna(v) else f"{v:g}").to_numpy(dtype=str))
    edges = attribute.bands
    labels = [f"below {edges[0]:g}", *(f"{a:g} to {b:g}" for a, b in pairwise(edges))]
    labels.append(f"from {edges[-1]:g}")
    values = column.to_numpy(dtype="float64")
    named = np.array(labels)[np.searchsorted(edges, values, side="right")]
    return Groups(attribute.column, np.where(np.isnan(values), UNKNOWN, named))
