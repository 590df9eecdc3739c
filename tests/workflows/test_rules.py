"""A workflow that breaks a rule is refused: each rule against real workflows with one thing changed."""

from __future__ import annotations

import pytest

from tests.workflows import references, rules
from tests.workflows.reading import WORKFLOWS, Workflow, read
from tests.workflows.shell import commands

CHECKOUT = "actions/checkout@11bd71901bbe5b1630ceea73d27597364c9af683 # v4.2.2"
FORK_GUARD = "github.event.pull_request.head.repo.full_name == github.repository"


def broken(name: str, old: str, new: str) -> Workflow:
    text = (WORKFLOWS / f"{name}.yml").read_text(encoding="utf-8")
    assert old in text, f"{name} has changed; so must this test"
    return Workflow(name, text.replace(old, new, 1))


BREAKS = {
    rules.actions_are_pinned: [
        ("quality", CHECKOUT, "actions/checkout@v4", "not pinned"),
        ("quality", CHECKOUT, CHECKOUT.replace("af683", "af68"), "not pinned"),
        ("quality", CHECKOUT, CHECKOUT.split(" #")[0], "no version"),
        ("quality", CHECKOUT, CHECKOUT.replace("v4.2.2", "main"), "no version"),
    ],
    rules.permissions_are_least: [
        ("quality", "permissions: {}\n", "", "missing at the top"),
        ("quality", "permissions: {}\n", "permissions: write-all\n", "missing at the top"),
        ("quality", "    permissions:\n      contents: read\n", "", "no permissions of its"),
        ("quality", "contents: read", "contents: write", "may write contents"),
        ("drift", "      issues: write", "      pull-requests: write", "may hold nothing else"),
        ("infra-plan-comment", "requests: write", "requests: write\n      id-token: write", "may hold nothing else"),
    ],
    rules.strangers_get_nothing: [
        ("infra-plan", "  pull_request:", "  pull_request_target:", "pull_request_target"),
        ("infra-plan", FORK_GUARD, "true", "from a fork reaches"),
        ("image", "!= 'pull_request'", "!= 'pull_request' || true", "second way in"),
        ("image", "    if: github.event_name != 'pull_request'\n", "", "from a fork reaches"),
        (
            "infra-plan-comment",
            "          persist-credentials: false",
            "          persist-credentials: false\n          ref: ${{ github.event.workflow_run.head_sha }}",
            "checks out what a stranger",
        ),
    ],
    rules.environments_are_reached_from_main: [
        ("train-on-pr", "CLOUD: local", "KEY: ${{ secrets.X }}", "pull_request re"),
        ("train-on-pr", "timeout-minutes: 60\n", "environment: dev\n", "pull_request reaches"),
        ("image", "github.event_name != 'pull_request'", "true", "pull_request re"),
        ("infra-apply", "branches: [main]", "tags: ['*']", "any branch"),
        ("drift", "  workflow_dispatch:", "  issue_comment:", "issue_comment reaches"),
    ],
    rules.no_cloud_key_is_stored: [
        ("infra-apply", "secrets.ZENML_STORE_API_KEY", "secrets.AWS_KEY", "only secrets"),
        ("infra-apply", "          role: apply", "          aws-secret-access-key: x", "stored key"),
    ],
    rules.secrets_stay_in_their_environment: [
        ("infra-apply", "    environment: production\n", "", "outside of an environment"),
        (
            "infra-apply",
            "environment: staging\n",
            "environment: production\n",
            "staging with the secrets of production",
        ),
        ("promote-staging", "TO: staging", "TO: production", "production with the secrets of staging"),
        ("drift", "permissions: {}", "env: {KEY: '${{ secrets.KEY }}'}", "whole workflow sees"),
    ],
    rules.runs_do_not_overlap: [
        ("quality", "concurrency:", "unused:", "no concurrency"),
        ("infra-apply", "group: infra-apply", "group: a-${{ github.sha }}", "two runs"),
        ("promote-production", "cancel-in-progress: false", "cancel-in-progress: true", "half-way"),
        ("promote-production", "turn promote-production.yml", "turn promote-staging.yml", "two runs"),
    ],
    rules.no_run_is_lost: [
        ("promote-production", "group: promote-production-${{ github", "group: ${{ x", "no other does its work"),
        ("promote-production", " || inputs.tag }}\n  cancel", " }}\n  cancel", "another tag"),
        ("promote-staging", "--status success", "--status failure", "no other does its work"),
        ("promote-staging", "BEFORE: ${{", "BASE: ${{ inputs.base }}\n          BEFORE: ${{", "hide what earlier"),
    ],
    rules.stacks_are_there_first: [
        ("promote-staging", "infra-apply.yml dev staging", "infra-apply.yml dev", "not wait"),
    ],
    rules.no_expression_in_shell: [
        ("promote-production", 'MODEL="${TAG%-v*}"', "MODEL=${{ inputs.tag }}", "expression stands in shell"),
    ],
    rules.production_is_approved: [
        (
            "infra-apply",
            "[reviewed, approve-production]",
            "[reviewed, staging]",
            "without a job in production-approval",
        ),
        ("infra-apply", "needs.approve-production.result == 'success'", "!failure()", "was refused"),
        (
            "promote-production",
            "environment: production-approval",
            "environment: staging",
            "without a job in production-approval",
        ),
    ],
    rules.only_what_was_reviewed_is_applied: [
        ("infra-apply", 'make apply EXPECT="plans/$ENV.json"', "make apply", "applies whatever it plans"),
    ],
    rules.jobs_are_bounded: [
        ("quality", "    timeout-minutes: 15\n", "", "no timeout"),
        ("quality", "ubuntu-24.04", "ubuntu-latest", "which moves"),
        ("quality", "persist-credentials: false", "persist-credentials: true", "token in the clone"),
        ("quality", "    shell: bash", "    shell: sh", "shell is not bash"),
        ("quality", "      - run: make lint", "      - run: make lint\n        continue-on-error: true", "goes on"),
    ],
    rules.work_is_done_by_make: [
        ("quality", "run: make lint", "run: ruff check .", "no make target"),
    ],
}


@pytest.mark.parametrize(
    ("rule", "name", "old", "new", "said"), [(rule, *broken) for rule, all_of in BREAKS.items() for broken in all_of]
)
def test_a_workflow_that_breaks_a_rule_is_refused(rule: rules.Rule, name: str, old: str, new: str, said: str) -> None:
    assert list(rule(read(WORKFLOWS / f"{name}.yml"))) == []
    found = list(rule(broken(name, old, new)))
    assert any(said in problem for problem in found), found


def test_every_rule_is_broken_at_least_once() -> None:
    assert set(BREAKS) == set(rules.RULES)


@pytest.mark.parametrize(
    ("name", "old", "new", "said"),
    [
        ("quality", "make lint", "make lnit", "no target `make lnit`"),
        ("quality", "make lint", "make lint REVERSE=1", "knows no REVERSE"),
        ("quality", "make lint", "curl https://example.com", "curl is neither"),
        ("quality", "make lint", "scripts/lint", "no script scripts/lint"),
        ("quality", "make test", 'make test ARGS="tests/nothing"', "there is no tests/nothing"),
        ("quality", "make test", 'make test ARGS="tests/$MISSING"', "$MISSING is not set"),
        ("quality", "make test", "echo $(make lnit)", "no target `make lnit`"),
        ("train-on-pr", "      MODEL: ${{ matrix.model }}\n", "", "make train needs MODEL"),
        ("infra-plan", "      ENV: ${{ matrix.environment }}\n", "", "make policy needs ENV"),
        ("infra-apply", "      CLOUD: ${{ vars.CLOUD }}\n", "", "do not say where"),
        ("quality", "./.github/actions/setup", "./.github/actions/setpu", "no action"),
    ],
)
def test_what_does_not_exist_is_found(name: str, old: str, new: str, said: str) -> None:
    found = list(references.problems(broken(name, old, new)))
    assert any(said in problem for problem in found), found


def test_the_shell_is_read_as_a_shell_does() -> None:
    text = """A=1 make -s plan JSON=1 > "out/$ENV.json" || touch 'x y' 2>&1
    if [ -z "$A" ]; then b=$(gh api x | jq -c '.[0] | .a'); fi  # a comment; make none
    mkdir d && { make \\
      drift; }
    """
    assert [(command.program, command.arguments, command.variables) for command in commands(text)] == [
        ("gh", ["api", "x"], {}),
        ("jq", ["-c", ".[0] | .a"], {}),
        ("make", ["-s", "plan", "JSON=1"], {"A": "1"}),
        ("touch", ["x y"], {}),
        ("[", ["-z", "$A", "]"], {}),
        ("", [], {"b": "SUBSTITUTED"}),
        ("mkdir", ["d"], {}),
        ("make", ["drift"], {}),
    ]
