"""The data sets that come with scikit-learn."""

from __future__ import annotations

import pyarrow as pa

from pipelines.sources.table import Table


def open_bundled(location: str) -> Table:
    """Open ``sklearn:breast_cancer`` or ``sklearn:diabetes``, unscaled."""
    from sklearn.datasets import load_breast_cancer, load_diabetes

    # Unscaled: clinicians and fairness reports need years and the recorded sex, not z-scores.
    bunch = (
        load_breast_cancer(as_frame=True)
        if location == "sklearn:breast_cancer"
        else load_diabetes(as_frame=True, scaled=False)
    )
    table = pa.Table.from_pandas(bunch.frame, preserve_index=False)
    return Table(
        location,
        table.schema.remove_metadata(),
        lambda names: iter(table.select(names).to_batches(max_chunksize=table.num_rows)),
    )
