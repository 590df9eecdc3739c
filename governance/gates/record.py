"""Writing a gate's verdict down before acting on it: a step that raises saves no artifact."""

from __future__ import annotations

import math

from zenml import get_step_context, log_metadata

from governance.audit.events import GateVerdict
from governance.context import context_of
from governance.gates.result import GateResult, metadata_key
from governance.hooks.compliance import leave_once


def record(result: GateResult) -> GateResult:
    """Log ``result`` on the current run, leave its verdicts for the audit log, and return it.

    Raises:
        RuntimeError: the run was not started through :func:`governance.govern.govern`.
    """
    run = get_step_context().pipeline_run
    context = context_of(run)
    if context is None:
        raise RuntimeError(f"Run {run.name} was not started through governance.govern.")
    verdict = {**result.model_dump(mode="json"), "passed": result.passed}
    log_metadata(metadata={metadata_key(result.gate): verdict}, run_id_name_or_prefix=run.id)
    for check in result.checks:
        value = check.value if check.value is not None and math.isfinite(check.value) else None
        event = context.event(
            GateVerdict,
            run,
            gate=_reference(result.gate),
            subject=_reference(check.name),
            verdict="passed" if check.passed else "cannot_conclude" if value is None else "failed",
            value=value,
            threshold=check.threshold,
            evidence={"data": f"sha256:{result.evidence_digest}"},
        )
        leave_once(run, event)
    return result


def gate_label(gate: str) -> str:
    """The label under which the audit log expects the verdicts of ``gate``."""
    return f"gate_verdict/{_reference(gate)}"


def _reference(name: str) -> str:
    return name.replace(" ", "_")
