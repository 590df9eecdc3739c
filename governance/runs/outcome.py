"""How a run ended, in the words of the gate or the step that ended it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zenml.enums import ExecutionStatus

from governance.gates.catalogue import goes_on
from governance.gates.result import GateFailedError
from governance.runs.errors import RunBrokenError
from governance.runs.evidence import verdicts_of

if TYPE_CHECKING:
    from zenml.models import PipelineRunResponse, StepRunResponse

    from governance.runs.following import Follower


def require_success(run: PipelineRunResponse, follower: Follower) -> None:
    """Go on only if ``run`` ended well: an orchestrator may end well whatever its steps did.

    Raises:
        GateFailedError: a gate stopped it.
        RunBrokenError: a step failed, was killed or never began.
    """
    if run.status.is_successful:
        return
    for result in verdicts_of(run):
        if not goes_on(result):
            raise GateFailedError(result)
    failed = {name: step for name, step in run.steps.items() if step.status == ExecutionStatus.FAILED}
    for name, step in failed.items():
        raise follower.explain(name) or _as_zenml_says(name, step)
    raise follower.explain("") or RunBrokenError(
        f"Run {run.name} ended as {run.status} before a step said why. See the log of its orchestrator.",
        reason=str(run.status),
    )


def _as_zenml_says(name: str, step: StepRunResponse) -> RunBrokenError:
    told = step.exception_info
    if told is None:
        return RunBrokenError(
            f"Step {name} failed and left no reason: it was killed, or its container never began.",
            reason="StepLost",
            step=name,
        )
    last = told.traceback.strip().rpartition("\n")[2]
    kind = last.partition(":")[0].rpartition(".")[2]
    message = told.message or last.partition(": ")[2]
    return RunBrokenError(f"Step {name} failed: {kind}: {message}", reason=kind or "StepFailed", step=name)
