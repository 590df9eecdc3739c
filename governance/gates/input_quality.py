"""Is a batch close enough to what the model knows to be scored?"""

from typing import Annotated

from zenml import step

from environments import DataQuality
from governance.gates.context import GateContext
from governance.gates.data_checks import MISSING, ROWS
from governance.gates.gate import DATA_QUALITY, Artifacts, AttachContext, Control, ControlContext, PipelineGate
from governance.gates.record import record
from governance.gates.result import GateResult, at_least, at_most
from pipelines.artifacts import INPUT_PROFILE
from pipelines.input_profile import InputProfile

OUTSIDE = "largest share outside the range"
UNSEEN = "largest share of unseen categories"


def judge_input(profile: InputProfile, limits: DataQuality, context: GateContext) -> GateResult:
    """Check a batch that fits the model's signature: values missing, outside the known range, and unseen categories.

    Repeated rows are not looked for, as that would need all rows in memory; the same person may be scored twice.
    """
    checks = [at_least(ROWS, profile.rows, 1)]
    for name, counts, limit in (
        (MISSING, profile.missing, limits.missing_share),
        (OUTSIDE, profile.outside_range, limits.outside_share),
        (UNSEEN, profile.unseen_categories, limits.unseen_share),
    ):
        if counts and profile.rows:
            worst = max(counts, key=lambda column: counts[column])
            checks.append(at_most(name, counts[worst] / profile.rows, limit, detail=f"column {worst!r}"))
    return context.result(GATE.name, {"data": profile.data_digest}, checks)


@step(enable_cache=False)
def validate_input(
    profile: InputProfile, limits: DataQuality, context: GateContext
) -> Annotated[GateResult, "input_quality_gate"]:
    """Stop the run before a batch is scored that is too far from what the model knows.

    Raises:
        GateFailedError: the batch is not fit; the message names each failed check.
    """
    return record(judge_input(profile, limits, context), context).require()


def _attach(context: AttachContext, found: Artifacts) -> None:
    validate_input(found[INPUT_PROFILE], **context.limits)


def _controls(context: ControlContext) -> list[Control]:
    def judge(batch: str) -> GateResult:
        return judge_input(context.synthetic.profile(batch), context.environment.data_quality, context.gate_context)

    return [
        Control("a batch like the training rows", None, lambda: judge("good")),
        Control("a batch with values missing", MISSING, lambda: judge("missing")),
        Control("a batch beyond the known range", OUTSIDE, lambda: judge("outside")),
        Control("a batch of unseen categories", UNSEEN, lambda: judge("unseen")),
    ]


GATE = PipelineGate(
    name="input quality",
    result="input_quality_gate",
    section=DATA_QUALITY,
    pipelines=("scores",),
    needs=(INPUT_PROFILE,),
    guards=(INPUT_PROFILE,),
    attach=_attach,
    controls=_controls,
)
