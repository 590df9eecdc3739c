"""The data sets that come with scikit-learn."""

from __future__ import annotations

from functools import partial

import pyarrow as pa

from pipelines.sources.table import Table


def open_bundled(location: str) -> Table:
    """Open ``sklearn:breast_cancer``, ``sklearn:diabetes`` or ``sklearn:digits``, unscaled."""
    from sklearn import datasets

    # Unscaled: clinicians and fairness reports need years and the recorded sex, not z-scores.
    load = {
        "sklearn:breast_cancer": datasets.load_breast_cancer,
        "sklearn:diabetes": partial(datasets.load_diabetes, scaled=False),
        "sklearn:digits": datasets.load_digits,
    }[location]
    bunch = load(as_frame=True)
    table = pa.Table.from_pandas(bunch.frame, preserve_index=False)
    return Table(
        location,
        table.schema.remove_metadata(),
        lambda names: iter(table.select(names).to_batches(max_chunksize=table.num_rows)),
    )
