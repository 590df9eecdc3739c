"""The one way to run a pipeline: what the environment requires is attached to it from outside.

``pipelines/`` knows nothing of governance. :func:`govern` takes a plain pipeline and returns one that also has the
gates as steps, the hooks, the tags, the owner, the thresholds of the environment and the model. Gates find their
evidence by artifact name (``pipelines/artifacts.py``), so a pipeline cannot leave one out: one that does not produce
what its gates judge is refused before it starts.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from zenml.config import DockerSettings
from zenml.enums import ExecutionMode
from zenml.model.model import Model
from zenml.pipelines.compilation_context import PipelineCompilationContext
from zenml.steps.entrypoint_function_utils import StepArtifact

from environments import CHECKOUT
from governance import hooks
from governance.context import KEY, RunContext
from governance.cost import recording
from governance.cost.labels import orchestrator_labels
from governance.errors import Refused
from governance.gates import data_quality, performance
from governance.journal import Journal
from governance.target import Target
from pipelines.artifacts import EVALUATION, MODEL, TRAINING_DATA, VALIDATION_DATA
from pipelines.config import read_config
from pipelines.model import TrainedModel

if TYPE_CHECKING:
    from zenml.pipelines.pipeline_definition import Pipeline


HOOKS = ("start", "end", "success", "failure")
"""The hooks of a step that ZenML knows; all of them are the platform's."""


class UngovernedPipeline(Refused):
    """A pipeline lacks what governance needs of it; the message names what is missing."""


@dataclass(frozen=True)
class Gate:
    """A gate and the artifact it judges. Every other step that uses the artifact waits for the verdict."""

    name: str
    artifact: str
    invoke: Callable[[Target, StepArtifact], None]


def _data_gate(artifact: str) -> Gate:
    def invoke(target: Target, data: StepArtifact) -> None:
        config = read_config(target.model)
        data_quality.validate_data_quality(
            data,
            columns=data_quality.Columns(numeric=config.features.numeric, categorical=config.features.categorical),
            limits=target.environment.data_quality,
            model=target.model,
            environment=target.environment.environment,
        )

    return Gate(data_quality.NAME, artifact, invoke)


def _performance_gate(artifact: str) -> Gate:
    def invoke(target: Target, evaluation: StepArtifact) -> None:
        performance.validate_model_performance(
            evaluation,
            thresholds=target.thresholds,
            model=target.model,
            environment=target.environment.environment,
        )

    return Gate(performance.NAME, artifact, invoke)


def required_gates(outputs: Mapping[str, StepArtifact]) -> tuple[Gate, ...]:
    """The gates that a pipeline with these outputs must pass.

    One that trains (it puts out a model, by artifact name or by type) is judged on its training data and on its
    evaluation. One that only evaluates is judged on the evaluation. One that does neither has nothing to judge.
    """
    trains = MODEL in outputs or any(
        artifact.annotation.resolved_annotation is TrainedModel for artifact in outputs.values()
    )
    if trains:
        return _data_gate(TRAINING_DATA), _performance_gate(EVALUATION)
    if EVALUATION in outputs:
        return _data_gate(VALIDATION_DATA), _performance_gate(EVALUATION)
    return ()


def govern(pipeline: Pipeline, target: Target, *, version: str | None = None) -> Pipeline:
    """``pipeline`` with everything attached that ``target``'s environment requires.

    Args:
        pipeline: A plain ZenML pipeline; it is not changed.
        target: The model and environment it is to run in.
        version: The model version the run belongs to; a new one is made when none is given.

    Returns:
        A pipeline to call, schedule or make a snapshot of.

    Raises:
        UngovernedPipeline: when the returned pipeline is called and lacks an artifact that a required gate judges.
    """
    context = _context(target, pipeline.name)
    governed = pipeline.with_options(
        enable_cache=False,  # a cached result says nothing about this run
        # A step of a failed run must not go on working, and the gate's own error must reach whoever called.
        execution_mode=ExecutionMode.FAIL_FAST,
        tags=context.tags,
        on_failure=hooks.run_failed,
        on_start=recording.step_began,
        on_end=recording.step_ended,
        model=Model(
            name=target.model, version=version, description=read_config(target.model).description, tags=context.tags
        ),
        settings={
            **({"docker": _docker_settings()} if target.cloud != "local" else {}),
            **orchestrator_labels(target, pipeline.name),
        },
    )
    plain = governed.entrypoint

    @functools.wraps(plain)
    def with_gates(*args: Any, **kwargs: Any) -> Any:
        returned = plain(*args, **kwargs)
        compilation = PipelineCompilationContext.get()
        if compilation is None:
            raise UngovernedPipeline(
                f"{pipeline.name} can only be governed while ZenML compiles it; call the pipeline itself."
            )
        _refuse_own_hooks(compilation.pipeline)
        attached = _attach_gates(compilation.pipeline, target)
        _conclude(compilation.pipeline)
        carried = context.model_copy(update={"gates": attached})
        compilation.pipeline.configure(extra={KEY: carried.model_dump(mode="json")})
        return returned

    governed.entrypoint = with_gates  # type: ignore[assignment]  # ZenML's type parameter stands for any function
    return governed


def _context(target: Target, pipeline: str) -> RunContext:
    journal = Journal(target)
    return RunContext(
        environment=target.environment.environment,
        cloud=target.cloud,
        team=target.team.team,
        owner=target.owner,
        cost_center=target.team.cost_center,
        model=target.model,
        pipeline=pipeline,
        gates=(),
        provenance=journal.provenance,
        actor=journal.actor,
    )


def gates_of(governed: Pipeline) -> tuple[str, ...]:
    """The gates that were attached to a governed pipeline when it was prepared."""
    return RunContext.model_validate(governed.configuration.extra[KEY]).gates


def _refuse_own_hooks(pipeline: Pipeline) -> None:
    """A step's own hook would replace the platform's, and the run's end would go unrecorded."""
    own = [
        invocation_id
        for invocation_id, invocation in pipeline.invocations.items()
        if any(getattr(invocation.step.configuration, f"{kind}_hook_source") for kind in HOOKS)
    ]
    if own:
        raise UngovernedPipeline(
            f"Pipeline {pipeline.name!r}: {', '.join(own)} brings hooks of its own, which would replace the "
            f"platform's. Remove {', '.join(f'on_{kind}' for kind in HOOKS)} from the step."
        )


def _outputs(pipeline: Pipeline) -> dict[str, StepArtifact]:
    return {
        name: StepArtifact(invocation_id=invocation_id, output_name=name, annotation=output, pipeline=pipeline)
        for invocation_id, invocation in pipeline.invocations.items()
        for name, output in invocation.step.entrypoint_definition.outputs.items()
    }


def _attach_gates(pipeline: Pipeline, target: Target) -> tuple[str, ...]:
    outputs = _outputs(pipeline)
    gates = required_gates(outputs)
    missing = [f"{gate.artifact!r} for the gate {gate.name!r}" for gate in gates if gate.artifact not in outputs]
    if missing:
        raise UngovernedPipeline(
            f"Pipeline {pipeline.name!r} cannot run in {target.environment.environment}: it puts out no artifact "
            f"{' and none '.join(missing)}. Name the output of the step that makes it so, e.g. "
            'Annotated[pd.DataFrame, "training_data"].'
        )
    for gate in gates:
        evidence = outputs[gate.artifact]
        waiting = _consumers(pipeline, evidence)
        before = set(pipeline.invocations)
        gate.invoke(target, evidence)
        (invocation_id,) = set(pipeline.invocations) - before
        for consumer in waiting:
            pipeline.invocations[consumer].upstream_steps.add(invocation_id)
    return tuple(gate.name for gate in gates)


def _consumers(pipeline: Pipeline, artifact: StepArtifact) -> list[str]:
    found = []
    for invocation_id, invocation in pipeline.invocations.items():
        for used in invocation.input_artifacts.values():
            for one in used if isinstance(used, list) else [used]:
                if (one.invocation_id, one.output_name) == (artifact.invocation_id, artifact.output_name):
                    found.append(invocation_id)
    return found


def _conclude(pipeline: Pipeline) -> None:
    """Make one step the last and let only that one announce success.

    A pipeline-level success hook runs once per step. With one last step, which waits for every other end of the
    graph, a hook on it runs exactly once, after everything else.
    """
    used = {upstream for invocation in pipeline.invocations.values() for upstream in invocation.upstream_steps}
    ends = [invocation_id for invocation_id in pipeline.invocations if invocation_id not in used]
    last = pipeline.invocations[ends[-1]]
    last.upstream_steps.update(ends[:-1])
    # A copy: the step itself belongs to its author, and to other pipelines.
    last.step = last.step.with_options(on_success=hooks.run_succeeded)


def _docker_settings() -> DockerSettings:
    return DockerSettings(requirements=str(CHECKOUT / "requirements.lock"), install_stack_requirements=False)
