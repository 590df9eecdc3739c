"""Does the model treat the groups of each sensitive attribute alike?

What is measured depends on the task: rates of a risk or of each class, errors and residuals of a number. The modules of
``governance/gates/tasks`` define them.
"""

from pathlib import Path
from typing import Annotated

import pandas as pd
from zenml import step

from environments import Environment, Fairness, Gates
from governance.core.target import Target
from governance.gates.context import GateContext
from governance.gates.gate import Artifacts, AttachContext, Control, ControlContext, PipelineGate
from governance.gates.groups import group_rows
from governance.gates.record import record
from governance.gates.result import Check, GateResult, Measure, at_least, at_most, find_measure
from governance.gates.scored import Scored, score_rows
from governance.gates.tasks import group_judge
from governance.gates.tasks.base import FairnessMeasure, measure_name
from pipelines.artifacts import MODEL, VALIDATION_DATA
from pipelines.config import SensitiveAttribute, read_config
from pipelines.model import TrainedModel, read_model
from pipelines.reference import Reference

NO_ATTRIBUTE = "attributes judged"


def measure_fairness(
    scored: Scored, attributes: tuple[SensitiveAttribute, ...], reference: Reference, *, resamples: int
) -> tuple[Measure, ...]:
    """Return both measures of each attribute with bootstrap intervals, and what each group of it reaches."""
    judge, found = group_judge(scored.task), list[Measure]()
    for attribute in attributes:
        groups = group_rows(scored.frame, attribute, reference)
        found += [*judge.measure(scored, groups, resamples), *judge.describe(scored, groups)]
    return tuple(found)


def judge_measures(
    measures: tuple[Measure, ...], attributes: tuple[str, ...], gates: Gates, model: str, task: str = "binary"
) -> list[Check]:
    """Compare each attribute's measures with the limits; one that the environment exempts passes, with why."""
    limits, checks = gates.fairness, []
    for attribute in attributes:
        for measure in group_judge(task).fairness:
            found = find_measure(measures, measure_name(measure.name, attribute))
            checks.append(_check(found, measure, gates, task, limits.reason_for(model, attribute, measure.name)))
    if not attributes:
        reason = limits.no_attributes.get(model)
        unproven = "" if reason else "the model's configuration names no sensitive attribute"
        advice = "name one, or give the reason under gates.fairness.no_attributes of the environment"
        checks.append(at_least(NO_ATTRIBUTE, 0, 0 if reason else 1, unproven=unproven, detail=reason or advice))
    return checks


def _check(found: Measure, measure: FairnessMeasure, gates: Gates, task: str, exempt: str | None) -> Check:
    if exempt is not None:
        # Nothing is asked of it: the bound is the worst value there is, and the reason is shown.
        bound, worst = at_most if measure.bound == "at most" else at_least, measure.worst
        return bound(found.name, worst if found.value is None else found.value, worst, detail=f"exempt: {exempt}")
    limit = measure.limit(gates.fairness)
    return found.check(measure.bound, limit, gates.confidence, _too_small(found, gates.fairness, task))


def _too_small(found: Measure, limits: Fairness, task: str) -> str:
    if found.facts.get("groups", 0) < 2:
        return "fewer than two groups occur"
    group = found.facts["smallest_group"]
    if group < limits.minimum_group_rows:
        return f"a group has {group:g} rows, at least {limits.minimum_group_rows} are needed"
    outcome = limits.minimum_group_per_class if task == "regression" else found.facts["fewest_of_a_class"]
    if outcome < limits.minimum_group_per_class:
        return f"a group has {outcome:g} rows of an outcome, at least {limits.minimum_group_per_class} are needed"
    return ""


def judge_fairness(
    scored: Scored,
    attributes: tuple[SensitiveAttribute, ...],
    reference: Reference,
    gates: Gates,
    context: GateContext,
) -> GateResult:
    """Measure and judge every attribute."""
    measures = measure_fairness(scored, attributes, reference, resamples=gates.resamples) if attributes else ()
    names = tuple(attribute.column for attribute in attributes)
    checks = judge_measures(measures, names, gates, context.model, scored.task)
    return context.result(GATE.name, scored.evidence, checks, measures)


@step(enable_cache=False)
def validate_fairness(
    model: TrainedModel,
    validation_data: pd.DataFrame,
    attributes: tuple[SensitiveAttribute, ...],
    gates: Gates,
    context: GateContext,
) -> Annotated[GateResult, "fairness_gate"]:
    """Stop the run unless the model that was just trained is shown to treat groups alike.

    Raises:
        GateFailedError: a limit is missed, or cannot be shown to be kept.
    """
    scored = score_rows(model, validation_data)
    return record(judge_fairness(scored, attributes, model.reference, gates, context), context).require()


@step(enable_cache=False)
def validate_release_fairness(
    release: Path,
    digest: str,
    validation_data: pd.DataFrame,
    attributes: tuple[SensitiveAttribute, ...],
    gates: Gates,
    context: GateContext,
) -> Annotated[GateResult, "fairness_gate"]:
    """Stop the run unless the released model in the folder ``release`` is shown to treat groups alike.

    Raises:
        GateFailedError: a limit is missed, or cannot be shown to be kept.
        ModelTamperedError: the folder's digest is not ``digest``.
    """
    model = read_model(release, digest)
    scored = score_rows(model, validation_data)
    return record(judge_fairness(scored, attributes, model.reference, gates, context), context).require()


def _attach(context: AttachContext, found: Artifacts) -> None:
    given = {"validation_data": found[VALIDATION_DATA], "attributes": context.config.attributes, **context.common}
    if MODEL in found:
        validate_fairness(model=found[MODEL], **given)
    else:
        validate_release_fairness(**context.release, **given)


def _judge_again(result: GateResult, target: Target) -> list[Check]:
    config = read_config(target.model)
    names = config.sensitive_columns
    return judge_measures(result.measures, names, target.environment.gates, target.model, config.task)


def _controls(context: ControlContext) -> list[Control]:
    gates, everybody = context.gates, context.synthetic.held_out
    few = context.synthetic.few(2 * gates.fairness.minimum_group_rows - 2)

    def judge(frame: pd.DataFrame, model: str = "good", named: bool = True) -> GateResult:
        attributes = context.synthetic.config.attributes if named else ()
        scored, reference = context.synthetic.scored(model, frame), context.synthetic.models[model].reference
        return judge_fairness(scored, attributes, reference, gates, context.gate_context)

    first = measure_name(group_judge(context.synthetic.config.task).fairness[0].name, "sex")
    return [
        Control("a model that treats groups alike", None, lambda: judge(everybody)),
        Control("a model that overlooks one group", first, lambda: judge(everybody, "biased")),
        Control("groups too small", first, lambda: judge(few)),
        Control("no attribute named", NO_ATTRIBUTE, lambda: judge(everybody, named=False)),
    ]


def _control_rows(environment: Environment) -> int:
    limits = environment.gates.fairness
    return max(2 * limits.minimum_group_rows, 6 * limits.minimum_group_per_class)


GATE = PipelineGate(
    name="fairness",
    result="fairness_gate",
    pipelines=("trains", "judges a release"),
    needs=(VALIDATION_DATA,),
    judges_model=True,
    attach=_attach,
    judge_again=_judge_again,
    controls=_controls,
    control_rows=_control_rows,
)
