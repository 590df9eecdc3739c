"""Every workflow is well-formed, keeps every rule, and names nothing that does not exist."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import check_jsonschema
import pytest
from click.testing import CliRunner, Result

from environments import ORDER
from tests.conftest import REPOSITORY
from tests.workflows import references
from tests.workflows.reading import ACTIONS, WORKFLOWS, Workflow, all_workflows, everything
from tests.workflows.rules import RULES, Rule

BIN = Path(sys.executable).parent
EXPECTED = {
    "backup",
    "batch-inference",
    "drift",
    "image",
    "infra-apply",
    "infra-plan",
    "infra-plan-comment",
    "promote-production",
    "promote-staging",
    "quality",
    "reconcile-audit",
    "train-on-pr",
}


def test_the_workflows_are_all_there() -> None:
    assert {workflow.name for workflow in all_workflows()} == EXPECTED
    assert all(workflow.raw["name"] == workflow.name for workflow in all_workflows())


@pytest.mark.parametrize("workflow", everything(), ids=lambda workflow: workflow.name)
@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_a_workflow_keeps_the_rule(rule: Rule, workflow: Workflow) -> None:
    assert list(rule(workflow)) == []


@pytest.mark.parametrize("workflow", everything(), ids=lambda workflow: workflow.name)
def test_what_a_workflow_names_exists(workflow: Workflow) -> None:
    assert list(references.problems(workflow)) == []


def test_paths_that_start_a_workflow_exist() -> None:
    for workflow in all_workflows():
        for trigger in workflow.triggers.values():
            for path in trigger.get("paths", []) if isinstance(trigger, dict) else []:
                assert any(REPOSITORY.glob(path)), f"{workflow.name} waits for {path}"


def test_an_action_has_one_pin() -> None:
    pins: dict[str, set[str]] = {}
    for workflow in everything():
        for _, step in workflow.steps():
            if "@" in step.uses:
                action, _, commit = step.uses.partition("@")
                pins.setdefault(action, set()).add(commit)
    assert len(pins) >= 5
    assert all(len(commits) == 1 for commits in pins.values()), pins


def test_the_daily_inference_runs_at_two_o_clock() -> None:
    (workflow,) = [workflow for workflow in all_workflows() if workflow.name == "batch-inference"]
    assert workflow.triggers["schedule"] == [{"cron": "0 2 * * *"}]


def test_the_server_is_backed_up_every_day_and_somebody_hears_when_it_is_not() -> None:
    (workflow,) = [workflow for workflow in all_workflows() if workflow.name == "backup"]
    assert workflow.triggers["schedule"] == [{"cron": "0 1 * * *"}]
    assert workflow.job("backup").raw["strategy"]["matrix"]["environment"] == list(ORDER)
    assert any("make -s backup" in step.run for step in workflow.job("backup").steps)
    assert any("scripts/report-issue backup" in step.run for step in workflow.job("report").steps)


def test_the_environments_are_applied_in_order() -> None:
    (workflow,) = [workflow for workflow in all_workflows() if workflow.name == "infra-apply"]
    assert workflow.job("staging").needs == ["reviewed", "dev"]
    assert workflow.job("approve-production").needs == ["reviewed", "staging"]
    assert workflow.job("production").needs == ["reviewed", "approve-production"]
    for job in ("dev", "staging", "production"):
        done = "\n".join(step.run for step in workflow.job(job).steps)
        assert re.search(r"make apply EXPECT=.*\n(.*\n)*make register verify deploy", done)


def test_data_scientists_review_pipelines_and_nothing_that_says_who_may_approve() -> None:
    lines = (REPOSITORY / ".github" / "CODEOWNERS").read_text(encoding="utf-8").splitlines()
    owners = dict(line.split(maxsplit=1) for line in lines if not line.startswith("#"))
    assert next(iter(owners)) == "*", "a later line takes precedence"
    assert [path for path, who in owners.items() if "data-science" in who] == ["/pipelines/"]


def check(schema: str, *files: Path) -> Result:
    return CliRunner().invoke(check_jsonschema.main, ["--builtin-schema", schema, *map(str, files)])


@pytest.mark.parametrize(
    ("schema", "files"),
    [
        ("vendor.github-workflows", sorted(WORKFLOWS.glob("*.yml"))),
        ("vendor.github-actions", sorted(ACTIONS.glob("*/action.yml"))),
        ("vendor.dependabot", [REPOSITORY / ".github" / "dependabot.yml"]),
    ],
)
def test_files_are_what_github_reads(schema: str, files: list[Path], tmp_path: Path) -> None:
    assert files
    done = check(schema, *files)
    assert done.exit_code == 0, done.output
    broken = tmp_path / "broken.yml"
    broken.write_text("jobs: {a: {runs-on: 1, steps: x}}\nupdates: 3\nruns: 4\n", encoding="utf-8")
    assert check(schema, broken).exit_code == 1, "the schema refuses what is none"


def zizmor(*paths: Path) -> subprocess.CompletedProcess[str]:
    command = [str(BIN / "zizmor"), "--offline", "--no-progress", "--quiet", *map(str, paths)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_zizmor_finds_nothing_here_and_something_where_there_is(tmp_path: Path) -> None:
    done = zizmor(REPOSITORY / ".github")
    assert done.returncode == 0, done.stdout
    bad = tmp_path / ".github" / "workflows" / "bad.yml"
    bad.parent.mkdir(parents=True)
    bad.write_text(
        "on: pull_request_target\njobs:\n  a:\n    runs-on: ubuntu-24.04\n    steps:\n"
        "      - run: echo ${{ github.event.pull_request.title }}\n",
        encoding="utf-8",
    )
    found = zizmor(bad)
    assert found.returncode > 0
    assert "template-injection" in found.stdout


@pytest.mark.skipif(shutil.which("go") is None, reason="actionlint is a Go program, and no Go is here to build it")
def test_actionlint_finds_nothing_here_and_something_where_there_is(tmp_path: Path) -> None:
    def run(*command: str, cwd: Path) -> subprocess.CompletedProcess[str]:
        return subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)

    module, program = Path(__file__).with_name("actionlint"), str(tmp_path / "actionlint")
    if run("go", "mod", "download", cwd=module).returncode:
        pytest.skip("actionlint's modules cannot be fetched here")
    built = run("go", "build", "-o", program, "github.com/rhysd/actionlint/cmd/actionlint", cwd=module)
    assert built.returncode == 0, built.stderr
    done = run(program, cwd=REPOSITORY)
    assert done.returncode == 0, done.stdout
    bad = tmp_path / "bad.yml"
    step = "{env: {C: '${{ steps.b.outputs.c }}'}, run: 'true'}"
    bad.write_text(f"on: push\njobs: {{a: {{runs-on: ubuntu-24.04, steps: [{step}]}}}}\n", encoding="utf-8")
    assert 'property "b" is not defined' in run(program, str(bad), cwd=tmp_path).stdout
