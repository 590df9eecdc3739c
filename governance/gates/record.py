"""Writing a gate's verdict down before acting on it: a step that raises saves no artifact."""

from __future__ import annotations

from zenml import get_step_context, log_metadata

from governance.gates.result import GateResult

SUFFIX = " gate"


def metadata_key(gate: str) -> str:
    """The run metadata key that holds the verdict of ``gate``."""
    return gate + SUFFIX


def record(result: GateResult) -> GateResult:
    """Log ``result`` on the current run and return it."""
    run = get_step_context().pipeline_run
    verdict = {**result.model_dump(mode="json"), "passed": result.passed}
    log_metadata(metadata={metadata_key(result.gate): verdict}, run_id_name_or_prefix=run.id)
    return result
