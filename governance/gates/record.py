"""Writing a gate's verdict down before acting on it: a step that raises saves no artifact."""

from __future__ import annotations

import math
from typing import Any

from zenml import get_step_context, log_metadata

from governance.audit.events import GateVerdict
from governance.core import clock
from governance.core.digests import digest
from governance.gates.context import GateContext
from governance.gates.result import Check, GateResult, metadata_key
from governance.records import run_outbox
from governance.records.context import context_of

MOST_EVENTS = 25
"""A gate with more checks, such as drift over many columns, names those that did not pass and counts the others."""


def record(result: GateResult, context: GateContext) -> GateResult:
    """Log ``result`` on the current run, leave its verdicts for the audit log, and return it.

    Checks that cannot conclude are marked first by the statements among ``context.exemptions`` that cover them now.

    Raises:
        RuntimeError: the run was not started through :func:`governance.runs.govern.govern`.
    """
    run = get_step_context().pipeline_run
    carried = context_of(run)
    if carried is None:
        raise RuntimeError(f"Run {run.name} was not started through governance.runs.govern.")
    version = str(run.model_version.number) if run.model_version else None
    result = result.set_aside(
        context.exemptions, model_version=version, model_digest=result.evidence.get("model"), at=clock.now()
    )
    log_metadata(metadata={metadata_key(result.gate): summary(result)}, run_id_name_or_prefix=run.id)
    for fields in verdict_fields(result, result.digest):
        run_outbox.enqueue(carried.event(GateVerdict, run, **fields))
    return result


def verdict_fields(result: GateResult, result_digest: str) -> list[dict[str, Any]]:
    """Return the fields of the events that say what ``result`` decided.

    Args:
        result: the result; its measures do not matter.
        result_digest: its digest, measures included.
    """
    common: dict[str, Any] = {
        "gate": as_reference(result.gate),
        "policy_version": result.policy_version,
        "model_digest": digest(result.evidence["model"]) if "model" in result.evidence else None,
        "evidence": {name: digest(value) for name, value in {**result.evidence, "result": result_digest}.items()},
    }
    named = [c for c in result.checks if len(result.checks) <= MOST_EVENTS or not c.passed]
    others = len(result.checks) - len(named)
    rest = [{"subject": "other_checks", "verdict": "passed", "value": others}] if others else []
    return [{**common, **figures} for figures in (*map(_figures, named), *rest)]


def summary(result: GateResult) -> dict[str, Any]:
    """Return ``result`` as run metadata: without the measures, which its artifact holds, and with its digest."""
    return {**result.model_dump(mode="json", exclude={"measures"}), "passed": result.passed, "digest": result.digest}


def _figures(check: Check) -> dict[str, object]:
    return {
        "subject": as_reference(check.name),
        "verdict": check.verdict,
        "value": _finite(check.value),
        "lower": _finite(check.lower),
        "upper": _finite(check.upper),
        "threshold": check.threshold,
    }


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None


def gate_label(gate: str) -> str:
    """Return the label under which the audit log expects the verdicts of ``gate``."""
    return f"gate_verdict/{as_reference(gate)}"


def as_reference(name: str) -> str:
    """Spell ``name`` in the characters that the log's references take."""
    plain = "".join(c if c.isascii() and (c.isalnum() or c in "_.:/@+-") else "_" for c in name)
    return plain[:200]
