"""The one way to run a pipeline: what the environment requires is attached to it from outside.

``pipelines/`` knows nothing of governance. :func:`govern` takes a plain pipeline and returns one that also has the
gates as steps, the hooks, the tags, the owner, the thresholds of the environment and the model. Gates find their
evidence by artifact name (``pipelines/artifacts.py``), so a pipeline cannot leave one out: one that does not produce
what its gates judge is refused before it starts.
"""

from __future__ import annotations

import contextvars
import functools
import inspect
from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from zenml.model.model import Model
from zenml.pipelines.compilation_context import PipelineCompilationContext
from zenml.steps.entrypoint_function_utils import StepArtifact

from environments import ORDER
from governance.cost import pods, recording
from governance.cost.labels import orchestrator_labels
from governance.gates.catalogue import JUDGED, is_model, required_gates
from governance.gates.context import GateContext
from governance.gates.gate import AttachContext, Kind, PipelineGate
from governance.images.requirements import Kind as ImageKind
from governance.images.settings import docker_settings
from governance.records.context import KEY, RunContext
from governance.runs import hooks
from governance.runs.errors import UngovernedPipelineError
from governance.runs.orchestrators import merge_settings
from governance.runs.plain_models import store_plain_models
from governance.runs.session import RunSession
from governance.runs.steps import executor_of
from pipelines.artifacts import CONFIG, EVALUATION, HELD, INPUT_PROFILE, MODEL
from pipelines.batch_inference import batch_inference_pipeline

if TYPE_CHECKING:
    from zenml.pipelines.pipeline_definition import Pipeline


HOOKS = ("start", "end", "success", "failure")
"""The hooks of a step that ZenML knows; all of them are the platform's."""


def govern(pipeline: Pipeline, session: RunSession, *, version: str | None = None) -> Pipeline:
    """Return ``pipeline`` with everything attached that the environment of ``session`` requires.

    Args:
        pipeline: A plain ZenML pipeline; it is not changed.
        session: The model and environment it is to run in.
        version: The model version the run belongs to; a new one is made when none is given.

    Returns:
        A pipeline to call, schedule or make a snapshot of.

    Raises:
        CommitUnknownError, UncommittedError: no commit describes what the run would be made from.
        SettingsNotAppliedError: the settings at hand are not those that were applied to the environment.
        UnpinnedImageError: the environment is protected, starts containers, and gives no image by digest.
        StackMissingError, OrchestratorMissingError: the target's stack is not registered, or cannot be used here.
        UngovernedPipelineError: when the returned pipeline is called and lacks an artifact that a required gate judges.
        ResourcesError: when it is called and a step asks for more than the environment allows.
    """
    target, context = session.target, _run_context(session, pipeline.name)
    executor = executor_of(target)
    kind: ImageKind = "inference" if pipeline.name == batch_inference_pipeline.name else "training"
    governed = pipeline.with_options(
        enable_cache=False,  # a cached result says nothing about this run
        # A step of a failed run must not go on working, and the gate's own error must reach whoever called.
        execution_mode=executor.mode,
        tags=context.tags,
        on_failure=hooks.run_failed,
        on_start=recording.step_began,
        on_end=recording.step_ended,
        model=Model(name=target.model, version=version, description=session.config.description, tags=context.tags),
        settings={
            **({"docker": docker_settings(target, kind)} if executor.starts_containers else {}),
            **merge_settings(executor.run_settings, orchestrator_labels(target, pipeline.name)),
        },
    )
    plain = governed.entrypoint

    @functools.wraps(plain)
    def with_gates(*args: Any, **kwargs: Any) -> Any:
        returned = plain(*args, **kwargs)
        compilation = PipelineCompilationContext.get()
        if compilation is None:
            raise UngovernedPipelineError(
                f"{pipeline.name} can only be governed while ZenML compiles it; call the pipeline itself."
            )
        _refuse_own_hooks(compilation.pipeline)
        _forget_caches(compilation.pipeline)
        given = inspect.signature(plain).bind(*args, **kwargs).arguments
        store_plain_models(compilation.pipeline, session.config)
        attached = _attach_gates(compilation.pipeline, session, version, given)
        executor.equip(compilation.pipeline, session.config, attached.values())
        _conclude(compilation.pipeline)
        carried = context.model_copy(update={"gates": tuple(attached)})
        settings = {KEY: carried.model_dump(mode="json"), CONFIG: session.config.model_dump(mode="json"), HELD: True}
        prices = pods.PodPrices.of(target)
        if prices is not None:
            settings[pods.KEY] = prices.model_dump(mode="json")
        compilation.pipeline.configure(extra=settings)
        return returned

    governed.entrypoint = with_gates  # type: ignore[assignment]  # ZenML's type parameter stands for any function
    return governed


def _run_context(session: RunSession, pipeline: str) -> RunContext:
    target, journal = session.target, session.journal
    journal.require_origin()
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
    """Return the gates that were attached to a governed pipeline when it was prepared."""
    return RunContext.model_validate(governed.configuration.extra[KEY]).gates


def _refuse_own_hooks(pipeline: Pipeline) -> None:
    """Refuse a step's own hook: it would replace the platform's, and the run's end would go unrecorded."""
    own = [
        invocation_id
        for invocation_id, invocation in pipeline.invocations.items()
        if any(getattr(invocation.step.configuration, f"{kind}_hook_source") for kind in HOOKS)
    ]
    if own:
        raise UngovernedPipelineError(
            f"Pipeline {pipeline.name!r}: {', '.join(own)} brings hooks of its own, which would replace the "
            f"platform's. Remove {', '.join(f'on_{kind}' for kind in HOOKS)} from the step."
        )


def _forget_caches(pipeline: Pipeline) -> None:
    """Take back what a step says of caching for itself, which ZenML would put before what the pipeline says."""
    for invocation in pipeline.invocations.values():
        if invocation.step.configuration.enable_cache:
            invocation.step = invocation.step.with_options(enable_cache=False)


def _outputs(pipeline: Pipeline) -> dict[str, StepArtifact]:
    """Return what the pipeline puts out, by artifact name.

    Raises:
        UngovernedPipelineError: it puts out something that gates judge more than once, or a model by another name, so
            that one of them would pass unseen.
    """
    found = [
        StepArtifact(invocation_id=invocation_id, output_name=name, annotation=output, pipeline=pipeline)
        for invocation_id, invocation in pipeline.invocations.items()
        for name, output in invocation.step.entrypoint_definition.outputs.items()
    ]
    counts = Counter(artifact.output_name for artifact in found)
    repeated = [name for name in JUDGED if counts[name] > 1]
    if repeated:
        raise UngovernedPipelineError(
            f"Pipeline {pipeline.name!r} puts out {', '.join(map(repr, repeated))} more than once; a gate can judge "
            "only one. Keep one step that puts it out."
        )
    models = [a.output_name for a in found if is_model(a.annotation.resolved_annotation)]
    if MODEL in models and len(models) > 1:
        raise UngovernedPipelineError(
            f"Pipeline {pipeline.name!r} puts out several models: {', '.join(models)}. Gates judge {MODEL!r} only; "
            "train each model in a pipeline of its own."
        )
    return {artifact.output_name: artifact for artifact in found}


def _attach_gates(
    pipeline: Pipeline, session: RunSession, version: str | None, parameters: Mapping[str, Any]
) -> dict[str, str]:
    """Attach what is required, and return which step each gate is, by the gate's name."""
    outputs, target = _outputs(pipeline), session.target
    environment = target.environment.environment
    gates = required_gates(outputs, environment)
    if not gates and environment != ORDER[0]:
        raise UngovernedPipelineError(
            f"Pipeline {pipeline.name!r} cannot run in {environment}: it puts out nothing that a gate judges. One that "
            f"scores puts out {INPUT_PROFILE!r}, one that validates {EVALUATION!r}, one that trains {MODEL!r}."
        )
    _refuse_what_is_missing(pipeline, gates, outputs, parameters, environment)
    # While a pipeline is compiled, ZenML's client answers with promises; what gates are told is read outside of that.
    context = AttachContext(
        target=target,
        config=session.config,
        journal=session.journal,
        gate_context=contextvars.Context().run(_gate_context, session),
        version=version,
        parameters=parameters,
    )
    attached: dict[str, int] = {}
    waits: list[tuple[str, str]] = []
    judges: dict[str, str] = {}
    for gate, _ in gates:
        before = set(pipeline.invocations)
        gate.attach(context, outputs)
        added = [invocation for invocation in pipeline.invocations if invocation not in before]
        if not added:
            raise UngovernedPipelineError(f"The gate {gate.name!r} added no step to {pipeline.name}: see its `attach`.")
        attached |= {invocation: len(attached) + place for place, invocation in enumerate(added)}
        judges[gate.name] = added[0]
        waits += [(artifact, added[0]) for artifact in gate.guards]
    for artifact, judge in waits:
        for consumer in _consumers(pipeline, outputs[artifact]):
            # A gate waits only for those before it: two may guard the same artifact.
            if attached.get(consumer, len(attached)) > attached[judge]:
                pipeline.invocations[consumer].upstream_steps.add(judge)
    return judges


def _refuse_what_is_missing(
    pipeline: Pipeline,
    gates: tuple[tuple[PipelineGate, Kind], ...],
    outputs: Mapping[str, StepArtifact],
    parameters: Mapping[str, Any],
    environment: str,
) -> None:
    missing = [
        f"{artifact!r} for the gate {gate.name!r}"
        for gate, kind in gates
        for artifact in gate.needs_of(kind)
        if artifact not in outputs
    ]
    if missing:
        raise UngovernedPipelineError(
            f"Pipeline {pipeline.name!r} cannot run in {environment}: it puts out no artifact "
            f"{' and none '.join(missing)}. Name the output of the step that makes it so, e.g. "
            'Annotated[pd.DataFrame, "training_data"].'
        )
    absent = sorted({name for gate, kind in gates for name in gate.parameters_of(kind) if not parameters.get(name)})
    if absent:
        raise UngovernedPipelineError(
            f"Pipeline {pipeline.name!r} cannot run in {environment}: it judges or uses a model that it does not "
            f"train, and is not given {' and '.join(absent)} of the release, so the gates cannot load it themselves."
        )


def _gate_context(session: RunSession) -> GateContext:
    return GateContext(
        model=session.target.model,
        environment=session.target.environment.environment,
        policy_version=session.policy,
        exemptions=session.overrides,
    )


def _consumers(pipeline: Pipeline, artifact: StepArtifact) -> list[str]:
    found = []
    for invocation_id, invocation in pipeline.invocations.items():
        for used in invocation.input_artifacts.values():
            for source in used if isinstance(used, list) else [used]:
                if (source.invocation_id, source.output_name) == (artifact.invocation_id, artifact.output_name):
                    found.append(invocation_id)
    return found


def _conclude(pipeline: Pipeline) -> None:
    """Make one step the last and let only that one announce success.

    A pipeline-level success hook runs once per step. With one last step, which waits for every other end of the
    graph, a hook on it runs exactly once, after everything else. It is the end that comes latest anyway, so that the
    others run beside what it waits for.
    """
    used = {upstream for invocation in pipeline.invocations.values() for upstream in invocation.upstream_steps}
    ends = [invocation_id for invocation_id in reversed(pipeline.invocations) if invocation_id not in used]
    depths = _depths(pipeline)
    latest = max(ends, key=depths.__getitem__)
    last = pipeline.invocations[latest]
    last.upstream_steps.update(end for end in ends if end != latest)
    # A copy: the step itself belongs to its author, and to other pipelines.
    last.step = last.step.with_options(on_success=hooks.run_succeeded)


def _depths(pipeline: Pipeline) -> dict[str, int]:
    """Return the place of each step in the longest chain of steps that leads to it."""
    found: dict[str, int] = {}

    def depth(name: str) -> int:
        if name not in found:
            found[name] = 1 + max(map(depth, pipeline.invocations[name].upstream_steps), default=0)
        return found[name]

    for name in pipeline.invocations:
        depth(name)
    return found
