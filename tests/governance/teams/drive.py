"""Run in a copy of the checkout: from two new teams to their models, one of them in production. Prints JSON.

A process of its own, since Python would otherwise find the packages of the checkout that the tests are in.
"""

from __future__ import annotations

import functools
import importlib.metadata
import json
import sys

from environments import ORDER, load_platform
from governance.infrastructure import AuditRecorder
from governance.teams.create import create
from governance.teams.local_keys import make_keys
from governance.teams.request import NewTeam
from stack_bootstrap.infrastructure import apply
from stack_bootstrap.recorders import attached
from stack_bootstrap.workspace import workspace

SHORT = NewTeam("qa", "lise@example.com", "cc-risk", approvers=("emmy@example.com",))
LONG = NewTeam(
    "abcdefghijklmnop",
    "chien@example.com",
    "cc-risk",
    models=("churn_classifier", "default_classifier", "fraud_ring_classifier"),
    data_format="parquet",
)


def main() -> None:
    """Add the teams, lay their ground, train and score each model, and bring one to production."""
    told: dict[str, object] = {}
    for request in (SHORT, LONG):
        create(request, load_platform(), plan=False)
    platform = load_platform()
    make_keys(SHORT, platform)
    with attached(AuditRecorder()):
        stacks = {name: apply(workspace(platform, name, "local")).stacks for name in ORDER}
    told["stacks"] = {name: sorted(by_team) for name, by_team in stacks.items()}
    from governance.core.progress import quiet_third_parties
    from governance.core.target import target_for
    from governance.runs import jobs
    from governance.runs.evidence import evaluation_of, predictions_of
    from stack_bootstrap.registration import merge, register

    quiet_third_parties()
    # As in conftest.py: ZenML asks three times a run.
    importlib.metadata.packages_distributions = functools.cache(importlib.metadata.packages_distributions)
    wanted = merge(
        {name: {team: it for team, it in stacks[name].items() if team in ("qa", LONG.name)} for name in ORDER}
    )
    told["registered"] = sum(1 for _ in register(wanted))
    told["registered again"] = sum(1 for _ in register(wanted))
    trained: dict[str, object] = {}
    for request in (SHORT, LONG):
        for model in request.all_models():
            run = jobs.train(target_for(platform, model, "dev"))
            evaluation = evaluation_of(run)
            assert evaluation is not None
            trained[model] = {"auc": evaluation.metrics["roc_auc"], "steps": sorted(run.steps)}
        scored = predictions_of(jobs.infer(target_for(platform, request.all_models()[0], "dev")))
        assert scored is not None
        trained[request.all_models()[0]]["rows"] = scored.rows  # type: ignore[index]
    told["trained"] = trained
    told["release"] = _bring_to_production()
    json.dump(told, sys.stdout)


def _bring_to_production() -> dict[str, object]:
    from governance.approvals.approve import approve
    from governance.core.target import target_for
    from governance.promotion.promote import ApprovalDueError
    from governance.promotion.release import next_steps, release
    from governance.signing.signatories import choose_signatory

    platform = load_platform()
    production = target_for(platform, "qa_classifier", "production")
    told: dict[str, object] = {"before": next_steps(production)}
    try:
        release(production)
    except ApprovalDueError as due:
        told["due"] = str(due)
    told["then"] = next_steps(production)
    approve(production, choose_signatory(production, SHORT.approvers[0]))
    told["version"] = release(production).version
    told["again"] = release(production).promotion is None
    told["after"] = next_steps(production)
    return told


if __name__ == "__main__":
    main()
