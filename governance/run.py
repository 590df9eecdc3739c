"""Running a governed pipeline on its target's stack, and saying in our words how it ended."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from zenml.client import Client
from zenml.constants import ENV_ZENML_ACTIVE_STACK_ID
from zenml.logger import get_logger
from zenml.utils.source_utils import set_custom_source_root

from environments import CHECKOUT
from governance.context import context_of
from governance.errors import Refused
from governance.govern import govern
from governance.hooks.mlflow_logging import METADATA_KEY
from governance.target import Target

if TYPE_CHECKING:
    from zenml.models import PipelineRunResponse
    from zenml.pipelines.pipeline_definition import Pipeline

_logger = get_logger(__name__)


class StackMissing(Refused):
    """The target's stack is not registered."""


@contextmanager
def active_stack(name: str) -> Iterator[None]:
    """Use the stack ``name`` inside the block, in this process only.

    Raises:
        StackMissing: no such stack is registered.
    """
    try:
        stack = Client().get_stack(name, allow_name_prefix_match=False)
    except KeyError as error:
        raise StackMissing(
            f"There is no ZenML stack {name!r}. Run `make apply` and `make register` for its environment first."
        ) from error
    before = os.environ.get(ENV_ZENML_ACTIVE_STACK_ID)
    # By environment variable and not by Client.activate_stack: that writes the choice into the user's configuration,
    # where it would outlive this run and steer other processes.
    os.environ[ENV_ZENML_ACTIVE_STACK_ID] = str(stack.id)
    try:
        yield
    finally:
        if before is None:
            del os.environ[ENV_ZENML_ACTIVE_STACK_ID]
        else:
            os.environ[ENV_ZENML_ACTIVE_STACK_ID] = before


def run(pipeline: Pipeline, target: Target, *, version: str | None = None, **parameters: Any) -> PipelineRunResponse:
    """Govern ``pipeline`` and run it on ``target``'s stack with ``parameters``.

    Returns:
        The finished run (or the submitted one, where the orchestrator does not wait).

    Raises:
        GateFailed: a gate stopped the run.
        UngovernedPipeline: the pipeline lacks what a gate judges; nothing was started.
        StackMissing: the target's stack is not registered.
    """
    set_custom_source_root(str(CHECKOUT))  # steps are found by module name from the checkout, whoever started us
    governed = govern(pipeline, target, version=version).with_options(
        run_name=f"{pipeline.name}-{target.environment.environment}-{uuid4().hex[:12]}"
    )
    with active_stack(target.stack):
        started = governed(**parameters)
        assert started is not None, "only a scheduled pipeline returns no run, and this one has no schedule"
        finished = Client().get_pipeline_run(started.id)
    _report_silent_observers(finished, target)
    return finished


def _report_silent_observers(run: PipelineRunResponse, target: Target) -> None:
    """Hooks cannot fail a run; what they should have left and did not is said aloud instead of missed."""
    stack = Client().get_stack(target.stack)
    tracked = any(c.flavor_name == "mlflow" for components in stack.components.values() for c in components)
    expected = ["owner", *([METADATA_KEY] if tracked else [])]
    missing = [key for key in expected if key not in run.run_metadata]
    if run.status.is_finished and context_of(run) is not None and missing:
        _logger.warning("Run %s ended without %s: a hook failed. See the run's logs.", run.name, ", ".join(missing))


def compiled_steps(pipeline: Pipeline, target: Target, **parameters: Any) -> list[str]:
    """Names of the steps that a governed run would have, gates included; nothing is started.

    Raises:
        UngovernedPipeline: the pipeline lacks what a gate judges.
    """
    governed = govern(pipeline, target)
    governed.prepare(**parameters)
    return list(governed.invocations)
