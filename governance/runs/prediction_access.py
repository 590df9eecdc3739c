"""That predictions were made, on record for a sample of batches: who asked, with which model, of how many rows."""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING

from governance.audit.events import PredictionAccess
from governance.core.digests import digest
from governance.core.target import Target
from governance.records.journal import Journal
from governance.runs.evidence import predictions_of

if TYPE_CHECKING:
    from zenml.models import PipelineRunResponse


def is_sampled(run: str, rate: float) -> bool:
    """Return whether the run of this name is in a sample of ``rate`` (0 to 1): by its hash, so that nobody picks."""
    return int.from_bytes(sha256(run.encode()).digest()[:8]) < rate * 2**64


def record_predictions(target: Target, journal: Journal, run: PipelineRunResponse) -> bool:
    """Write to the log that ``run`` made predictions, if it is sampled; whether it was.

    Raises:
        NotRecordedError: the log cannot be written.
    """
    made, rate = predictions_of(run), target.environment.audit.prediction_sample_rate
    if made is None or not is_sampled(run.name, rate):
        return False
    journal.write(
        journal.event(
            PredictionAccess,
            model_version=made.model_version,
            model_digest=digest(made.model_digest),
            data_digests={"input": digest(made.input.data_digest)},
            run=run.name,
            action="predict",
            rows=made.rows,
            sample_rate=rate,
        )
    )
    return True
