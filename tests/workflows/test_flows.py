"""The workflows' own commands, in their order, in a throw-away clone with a remote: what CI does, without GitHub."""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from environments import load_platform
from tests.conftest import REPOSITORY, edit_yaml
from tests.workflows.reading import WORKFLOWS, Workflow, read
from tests.workflows.running import Runner, git

MODEL = "breast_cancer_classifier"
PLAN_RUN = "4711"

_GH = """#!/bin/sh
# Answers as GitHub would for one merged pull request whose infra-plan succeeded.
echo "$*" >> "$GH_LOG"
case "$*" in
  "run list --workflow infra-plan.yml"* | "run list --workflow infra-apply.yml --commit"*) echo {run} ;;
  *".conclusion") echo success ;;
  *".startedAt") echo 2026-11-30T12:00:00Z ;;
  "run list"*) ;;
  *"/commits/"*"/pulls"*) echo {head} ;;
  *"/actions/runs/{run} "*) echo .github/workflows/infra-plan.yml ;;
  *"/pulls -f "*) echo 7 ;;
esac
"""


def workflow(name: str) -> Workflow:
    return read(WORKFLOWS / f"{name}.yml")


def write_gh(folder: Path, head: str) -> None:
    program = folder / "gh"
    program.write_text(_GH.format(run=PLAN_RUN, head=head), encoding="utf-8")
    program.chmod(0o755)


@pytest.fixture(scope="module")
def runner(_migrated_store: Path, tmp_path_factory: pytest.TempPathFactory) -> Runner:
    """A clone of what is committed here, on a branch that changes every environment and one model."""
    home = tmp_path_factory.mktemp("flows")
    remote, clone, programs = home / "remote.git", home / "clone", home / "bin"
    for folder in (programs, home / "artifacts"):
        folder.mkdir()
    git(REPOSITORY, "clone", "--quiet", "--bare", "--no-local", "--depth=1", f"file://{REPOSITORY}", str(remote))
    git(home, "clone", "--quiet", f"file://{remote}", str(clone))
    for shared in (".venv", ".tools"):
        if (REPOSITORY / shared).exists():
            (clone / shared).symlink_to(REPOSITORY / shared)
    (clone / ".git" / "info" / "exclude").write_text(".venv*\n.tools\n", encoding="utf-8")
    (clone / ".venv-aws").symlink_to(REPOSITORY / ".venv")  # what differs is for steps
    for file in (
        "requirements.lock",
        "locks/aws.lock",
        "scripts/setup",
    ):  # older than the stamp: the packages are installed
        os.utime(clone / file, (0, 0))
    store = clone / ".groundwork" / "zenml"
    shutil.copytree(_migrated_store, store)
    for file in store.glob("*.yaml"):
        text = file.read_text(encoding="utf-8")
        file.write_text(text.replace(str(_migrated_store), str(store)), encoding="utf-8")

    base = git(clone, "rev-parse", "HEAD")
    git(clone, "switch", "--quiet", "-c", "oncology/better")
    for name in ("dev", "staging", "production"):
        edit_yaml(clone / "environments" / f"{name}.yaml", lambda raw: raw["local"].update(root=str(home / "ground")))
    edit_yaml(clone / f"pipelines/configs/{MODEL}.yaml", lambda raw: raw["estimator"]["parameters"].update(C=0.9))
    git(clone, "commit", "--quiet", "-am", "A change")
    git(clone, "push", "--quiet", "origin", "HEAD")
    write_gh(programs, git(clone, "rev-parse", "HEAD"))

    kept = {name: value for name, value in os.environ.items() if not name.startswith(("ZENML_", "GITHUB_", "MLFLOW_"))}
    environ = {
        **kept,
        "PATH": f"{programs}:{os.environ['PATH']}",
        "GH_LOG": str(home / "gh.log"),
        "GITHUB_REPOSITORY": "acme/groundwork",
        "GITHUB_RUN_ID": "4712",
        "GITHUB_SHA": base,
        "ZENML_LOCAL_STORES_PATH": str(store / "local_stores"),
    }
    known = {"github.event.pull_request.base.sha": base, "github.event.before": base}
    return Runner(clone, environ, home / "artifacts", known)


def test_a_strangers_change_is_planned_on_a_cloud_without_an_account(runner: Runner) -> None:
    plan = workflow("infra-plan")
    outputs = runner.run(plan, "touched")
    assert json.loads(outputs["environments"]) == ["dev", "staging", "production"]
    runner.run(without(plan, "make policy"), "plan-offline", cloud="aws", environment="dev")  # tests of infra/ do that
    (planned,) = json.loads((runner.artifacts / "plan-offline-aws-dev" / "aws-dev.json").read_text(encoding="utf-8"))
    assert planned["simulated"] is True
    assert planned["add"]

    # The comment is made by the default branch's code from those files.
    comment = workflow("infra-plan-comment")
    runner.run(comment, "summarise")
    text = (runner.artifacts / "comment" / "comment.md").read_text(encoding="utf-8")
    assert text.startswith("<!-- groundwork: infra-plan -->")
    assert "**dev** on aws (simulation" in text
    assert "aws-dev-cost" in text
    runner.run(comment, "comment")
    called = Path(runner.environ["GH_LOG"]).read_text(encoding="utf-8")
    assert "api repos/acme/groundwork/issues/7/comments -F body=@comment.md" in called
    (runner.checkout / "comment.md").unlink()

    # Applying holds itself to that plan, also in a simulation.
    offline = replace(runner, environ={**runner.environ, "OFFLINE": "1"}, known={**runner.known, "vars.CLOUD": "aws"})
    shutil.move(runner.artifacts / "plan-offline-aws-dev", runner.artifacts / "plan-dev")
    (runner.artifacts / "plan-dev" / "aws-dev.json").rename(runner.artifacts / "plan-dev" / "dev.json")
    offline.run(without(workflow("infra-apply"), "make register verify deploy"), "dev")
    shutil.rmtree(runner.artifacts / "plan-dev")


def without(flow: Workflow, command: str) -> Workflow:
    """``flow`` with a step left out that needs what a simulation does not have."""
    assert f"run: {command}\n" in flow.text
    return Workflow(flow.name, flow.text.replace(f"run: {command}\n", "run: ''\n"))


@pytest.mark.slow
def test_a_change_goes_from_a_pull_request_to_the_days_predictions(runner: Runner) -> None:
    plan = workflow("infra-plan")
    runner.run(plan, "touched")
    policy = without(plan, "make policy")
    for environment in runner.matrix(plan.job("plan"), "environment"):
        runner.run(policy, "plan", environment=environment)

    people(runner)
    # Merged: what was reviewed is applied, in order, and found by asking GitHub.
    git(runner.checkout, "switch", "--quiet", "main")
    git(runner.checkout, "merge", "--quiet", "--no-ff", "-m", "Merge", "oncology/better")
    git(runner.checkout, "push", "--quiet", "origin", "HEAD")
    apply = workflow("infra-apply")
    runner.environ["GITHUB_SHA"] = git(runner.checkout, "rev-parse", "HEAD")
    assert runner.run(apply, "reviewed")["plan_run"] == PLAN_RUN
    registered = Workflow("infra-apply", apply.text.replace("make register verify deploy", "make register"))
    for environment in ("dev", "staging", "production"):
        runner.run(registered, environment)

    staging = workflow("promote-staging")
    assert json.loads(runner.run(staging, "touched")["models"]) == [MODEL]
    for model in runner.matrix(staging.job("train"), "model"):
        runner.run(staging, "train", model=model)
        trained = json.loads((runner.artifacts / f"trained-{model}" / f"{model}.json").read_text(encoding="utf-8"))
        assert str(trained["version"]) == "1"
        runner.run(staging, "promote", model=model)

    production = workflow("promote-production")
    runner.known["github.event.release.tag_name"] = f"{MODEL}-v1"
    approve(runner)
    runner.run(production, "promote")
    assert list((runner.artifacts / "evidence").iterdir())

    batch = workflow("batch-inference")
    assert json.loads(runner.run(batch, "models")["models"]) == [MODEL]
    runner.run(batch, "infer", model=MODEL)
    assert "rows scored" in runner.said[-1]


def people(runner: Runner) -> None:
    """Grace works here, and may ask; Edsger may approve. Their keys are in the ground."""
    from governance.audit.actor import current_identity
    from governance.core.target import target_for
    from governance.signing.signatories import demo_key

    target = target_for(load_platform(runner.checkout / "environments"), MODEL, "production", "local")
    demo_key(target, "grace@example.com", f"account:{current_identity().subject}")
    demo_key(target, "edsger@example.com")


def approve(runner: Runner) -> None:
    """What the playbook tells an approver to do."""
    text = (REPOSITORY / "docs" / "playbook.md").read_text(encoding="utf-8")
    (command,) = {line.strip() for line in text.splitlines() if line.strip().startswith("make approve ")}
    step = {"run": command, "env": {"VERSION": "1", "YES": "1"}}
    by_hand = Workflow("by-hand", json.dumps({"on": "push", "jobs": {"approve": {"steps": [step]}}}))
    runner.run(by_hand, "approve")
