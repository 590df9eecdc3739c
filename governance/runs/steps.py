"""What a governed pipeline's steps may use, and what stops when a gate says no, by what will run them."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, get_args

from zenml.config.retry_config import StepRetryConfig
from zenml.enums import ExecutionMode
from zenml.stack import Stack

from environments.model import RunLimits
from governance.core.errors import RefusedError
from governance.core.stacks import require_stack
from governance.runs.orchestrators import OrchestratorAdapter, ResourcesError, adapter_of
from pipelines.config import suggest
from pipelines.resources import EVERY_STEP, Role, StepResources, mebibytes
from pipelines.steps import __all__ as shared_steps

if TYPE_CHECKING:
    from zenml.orchestrators import BaseOrchestrator
    from zenml.pipelines.pipeline_definition import Pipeline

    from governance.core.target import Target
    from governance.runs.following import Follower
    from pipelines.config import ModelConfig

_BEST_FIRST = (ExecutionMode.FAIL_FAST, ExecutionMode.STOP_ON_FAILURE, ExecutionMode.CONTINUE_ON_FAILURE)
_IN_PROCESS = "local"
_ROLES: tuple[Role, ...] = get_args(Role)


class OrchestratorMissingError(RefusedError):
    """The stack's orchestrator cannot be loaded here."""


@dataclass(frozen=True)
class Executor:
    """What runs the steps of one stack."""

    stack: Stack
    adapter: OrchestratorAdapter
    limits: RunLimits

    @property
    def orchestrator(self) -> BaseOrchestrator:
        """The stack's orchestrator."""
        return self.stack.orchestrator

    @property
    def starts_containers(self) -> bool:
        """Whether any step runs elsewhere than in this process."""
        return self.orchestrator.flavor != _IN_PROCESS or self.stack.step_operator is not None

    @property
    def mode(self) -> ExecutionMode:
        """How a run ends when a step fails: at once, where the orchestrator can."""
        supported = self.orchestrator.supported_execution_modes
        return next(mode for mode in _BEST_FIRST if mode in supported)

    @property
    def run_settings(self) -> dict[str, Any]:
        """ZenML's settings of a run."""
        return self.adapter.run_settings(self.limits)

    def follower(self) -> Follower:
        """Return what follows a run, and stops it."""
        return self.adapter.follower(self.orchestrator, self.limits)

    def equip(self, pipeline: Pipeline, config: ModelConfig, gates: Collection[str]) -> None:
        """Give the steps of ``pipeline``, which is being compiled, what ``config`` asks for, and hold them to gates.

        Args:
            pipeline: with its gates attached.
            config: of the model.
            gates: names of the steps that are gates.

        Raises:
            ResourcesError: it asks for what the environment does not allow, or the orchestrator cannot give.
        """
        asked = _asked(pipeline, config)
        for name, invocation in pipeline.invocations.items():
            resources = asked.get(name, StepResources())
            _refuse_over(config.model, f"{_role(pipeline.name)}.{name}", resources, self.limits)
            tries = 0 if name in gates else resources.retries or 0
            try:
                settings = self.adapter.step_settings(resources, self.limits, tries=tries)
            except ResourcesError as error:
                raise ResourcesError(f"{config.model}.yaml: resources.{_role(pipeline.name)}.{name}.{error}") from error
            if settings or tries:
                # A copy: the step itself belongs to its author, and to other pipelines.
                invocation.step = invocation.step.with_options(
                    settings=settings, retry=StepRetryConfig(max_retries=tries) if tries else None
                )
        if self.mode == ExecutionMode.CONTINUE_ON_FAILURE:
            _wait_for(pipeline, gates)


def executor_of(target: Target) -> Executor:
    """Return what runs the steps of ``target``'s stack.

    Raises:
        StackMissingError: the stack is not registered.
        OrchestratorMissingError: its orchestrator is none that this environment of Python can load.
    """
    registered = require_stack(target.stack)
    try:
        stack = Stack.from_model(registered)
        flavor = stack.orchestrator.flavor
    except ImportError as error:
        raise OrchestratorMissingError(
            f"The orchestrator of the stack {target.stack} needs packages that are not installed here: {error}. "
            f"`make setup CLOUD={target.cloud}` installs them."
        ) from error
    return Executor(stack, adapter_of(flavor), _limits(target))


def _limits(target: Target) -> RunLimits:
    """Return the environment's limits, narrowed to those of the cluster where its cloud's section describes one."""
    general = target.environment.limits
    of_cluster = getattr(getattr(target.environment, target.cloud), "limits", None)
    shared = set() if of_cluster is None else set(type(of_cluster).model_fields) & set(RunLimits.model_fields)
    return general.model_copy(update={name: getattr(of_cluster, name) for name in shared})


def _role(pipeline: str) -> str:
    return pipeline.removesuffix("_pipeline")


def _asked(pipeline: Pipeline, config: ModelConfig) -> Mapping[str, StepResources]:
    role = next((role for role in _ROLES if role == _role(pipeline.name)), None)
    if role is None or role not in config.resources:
        return {}
    given = dict(config.resources[role])
    general = given.pop(EVERY_STEP, StepResources())
    # A shard's step is asked for by its name without the number, and is there in a sharded run only.
    known = {*pipeline.invocations, *map(_unnumbered, pipeline.invocations), *shared_steps, EVERY_STEP}
    for name in given:
        if name not in known:
            raise ResourcesError(
                f"{config.model}.yaml: resources.{role}.{name}: {pipeline.name} has no such step.{suggest(name, known)}"
            )
    return {
        name: given.get(name, given.get(_unnumbered(name), StepResources())).over(general)
        for name in pipeline.invocations
    }


def _unnumbered(name: str) -> str:
    return re.sub(r"_[0-9]+$", "", name)


def _refuse_over(model: str, where: str, asked: StepResources, limits: RunLimits) -> None:
    for name in ("cpu", "memory", "accelerators", "retries", "deadline_minutes"):
        wanted, most = getattr(asked, name), getattr(limits, name)
        if wanted is None:
            continue
        over = mebibytes(wanted) > mebibytes(most) if name == "memory" else wanted > most
        if over:
            raise ResourcesError(
                f"{model}.yaml: resources.{where}.{name}: {wanted} is over the environment's limit of {most} "
                f"(limits.{name}). Ask for less, or have the limit raised."
            )


def _wait_for(pipeline: Pipeline, gates: Collection[str]) -> None:
    """Have every step that no gate waits for wait for all: nothing else keeps it from going on beside a failed one.

    Where an orchestrator stops a whole run, this is not needed.
    """
    needed, ahead = set(gates), list(gates)
    while ahead:
        for upstream in pipeline.invocations[ahead.pop()].upstream_steps:
            if upstream not in needed:
                needed.add(upstream)
                ahead.append(upstream)
    for name, invocation in pipeline.invocations.items():
        if name not in needed:
            invocation.upstream_steps.update(gates)
