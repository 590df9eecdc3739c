"""Run in a copy of the checkout that has a gate of its own: what is known of that gate, printed as JSON."""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

from environments import SettingsError, load_platform
from governance.approvals.overrides import override
from governance.audit import current_identity
from governance.core.progress import quiet_third_parties
from governance.core.roles import people_who_approve
from governance.core.target import target_for
from governance.gates.promotion import judge_promotion
from governance.gates.prove import controls, run
from governance.gates.synthetic import make_synthetic_data
from governance.report.collect import collect
from governance.report.render import render
from governance.runs import jobs
from governance.signing.people import principal_of
from governance.signing.signatories import demo_key
from stack_bootstrap.infrastructure import apply
from stack_bootstrap.registration import register_all
from stack_bootstrap.workspace import workspace

OWN, MODEL = "class balance", "breast_cancer_classifier"


def main() -> None:
    """Train a model in dev, then ask everything that knows gates about this one."""
    quiet_third_parties()
    platform = load_platform()
    dev, staging, production = (target_for(platform, MODEL, name) for name in platform.environments)
    register_all({"dev": apply(workspace(platform, "dev", "local")).stacks})
    demo_key(production, "trainer@example.com", principal_of(current_identity()))
    trained = jobs.train(dev)
    version = trained.model_version
    assert version is not None
    told: dict[str, object] = {"steps": list(trained.steps)}
    for target in (staging, production):
        judged = next(found for found in judge_promotion(version, dev, target, trained) if found.gate == OWN)
        told[target.environment.environment] = str(judged.checks[0]), judged.verdict
    signer = demo_key(dev, people_who_approve(dev)[0])
    reason = "a rare disease is rare in every data set"
    told["overridden"] = override(dev, signer, gate=OWN, reason=reason, dry_run=True).exemption.gate
    report = collect(dev)
    told["sections"] = [outcome.section for outcome in report.gates if outcome.result.gate == OWN]
    told["page"] = OWN.capitalize() in render(report)
    with tempfile.TemporaryDirectory() as folder:
        synthetic = make_synthetic_data(Path(folder), rows=3000)
        proven = [run(gate, control, "dev") for gate, control in controls(dev.environment, synthetic) if gate == OWN]
    told["proven"] = {outcome.control: (outcome.passed, outcome.proven) for outcome in proven}
    file = platform.directory / "production.yaml"
    file.write_text(file.read_text().replace("rarer_share: 0.4", "rarer_share: 0.1"))
    try:
        load_platform()
    except SettingsError as refused:
        told["refused"] = str(refused)
    json.dump(told, sys.stdout)


if __name__ == "__main__":
    main()
