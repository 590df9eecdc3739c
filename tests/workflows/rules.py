"""The rules that every workflow keeps. Each takes a workflow and yields what breaks the rule."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

from tests.workflows.reading import Job, Step, Workflow
from tests.workflows.shell import Command, commands

Rule = Callable[[Workflow], Iterator[str]]

_PIN = re.compile(r"^[\w.-]+/[\w./-]+@[0-9a-f]{40}$")
_WRITES = {"id-token", "issues", "pull-requests"}
_SECRETS = re.compile(r"\bsecrets\.([A-Za-z_][A-Za-z0-9_]*)|\bsecrets\s*\[|secrets:\s*inherit")
_ALLOWED_SECRETS = {"GROUNDWORK_SERVER_DATABASE", "MODEL_SIGNING_KEY", "ZENML_STORE_API_KEY"}
_STORED_KEYS = ("aws-access-key-id", "aws-secret-access-key", "credentials_json", "creds", "client-secret")
_CHANGING = re.compile(r"\bmake\b[^\n|;&]*\s(apply|register|deploy|promote|rollback|infer|destroy|validate)\b")
_NEEDS_APPROVAL = re.compile(r"\bmake\b[^\n|;&]*\s(apply|register|deploy|promote|rollback|destroy)\b")
_OWN_REPOSITORY = "github.event.pull_request.head.repo.full_name == github.repository"
_ELSEWHERE = "github.event_name != 'pull_request'"
_FROM_MAIN = {"push", "release", "schedule", "workflow_dispatch"}
_USES_STACKS = re.compile(r"\bmake\b[^\n|;&]*\s(train|promote|validate|infer)\b")
_STATUS_FUNCTION = re.compile(r"\b(always|cancelled|failure)\(\)")
APPROVAL = "production-approval"


def actions_are_pinned(workflow: Workflow) -> Iterator[str]:
    """Every action by full commit, its version in a comment beside it."""
    for job, step in workflow.steps():
        if not step.uses or step.uses.startswith("./"):
            continue
        if not _PIN.match(step.uses):
            yield f"{job.name}: {step.uses} is not pinned to a full commit SHA"
    for action, comment in re.findall(r"\buses: *(\S+@\S+)(.*)$", workflow.text, re.MULTILINE):
        if not re.fullmatch(r" # v\d+(\.\d+)*", comment):
            yield f"{action} has no version in a comment beside it"
    for job in workflow.jobs:
        if "uses" in job.raw:
            yield f"{job.name}: reusable workflows are not used here; share steps by a composite action"


def permissions_are_least(workflow: Workflow) -> Iterator[str]:
    """None for the workflow, named ones for each job, and only few that write."""
    if workflow.is_action:
        return
    if workflow.raw.get("permissions") != {}:
        yield "permissions: {} is missing at the top; each job names its own"
    for job in workflow.jobs:
        granted = job.raw.get("permissions")
        if not isinstance(granted, dict):
            yield f"{job.name}: has no permissions of its own"
            continue
        writes = {scope for scope, level in granted.items() if level == "write"}
        if writes - _WRITES:
            yield f"{job.name}: may write {', '.join(sorted(writes - _WRITES))}"
        if "pull-requests" in writes and (set(granted) != {"pull-requests"} or job.checks_out):
            yield f"{job.name}: writes to pull requests, so it may hold nothing else and check nothing out"
        if "id-token" in writes and not _logs_in(job):
            yield f"{job.name}: may have an identity token but takes on no identity"


def strangers_get_nothing(workflow: Workflow) -> Iterator[str]:
    """No pull_request_target; a job that a fork's pull request can start has no identity."""
    if "pull_request_target" in workflow.triggers:
        yield "pull_request_target runs with the repository's secrets; use pull_request"
    for job in workflow.jobs if "pull_request" in workflow.triggers else []:
        trusted = job.raw.get("permissions", {}).get("id-token") == "write"
        if trusted and _OWN_REPOSITORY not in job.condition and _ELSEWHERE not in job.condition:
            yield f"{job.name}: a pull request from a fork reaches an identity"
        if _ELSEWHERE in job.condition and "||" in job.condition:
            yield f"{job.name}: its condition has a second way in"
    if "workflow_run" in workflow.triggers:
        for job, step in workflow.steps():
            if step.uses.startswith("actions/checkout@") and "ref" in step.raw.get("with", {}):
                yield f"{job.name}: checks out what a stranger's pull request names"


def environments_are_reached_from_main(workflow: Workflow) -> Iterator[str]:
    """Whoever may push a branch may rewrite its workflows, so what runs for a branch needs no environment or secret.

    So every environment on GitHub can be limited to main and release tags, which is what keeps others out.
    """
    for job in workflow.jobs:
        if workflow.is_action or not (job.environment or _secrets(job)):
            continue
        for event, given in workflow.triggers.items():
            if event == "push" and given.get("branches") != ["main"]:
                yield f"{job.name}: a push to any branch reaches {job.environment}"
            if event not in _FROM_MAIN and not (event == "pull_request" and _ELSEWHERE in job.condition):
                yield f"{job.name}: {event} reaches a secret or an environment"


def no_cloud_key_is_stored(workflow: Workflow) -> Iterator[str]:
    """Clouds are reached by OpenID Connect, so no secret holds a key of theirs."""
    for found in _SECRETS.finditer(workflow.text):
        if found[1] not in _ALLOWED_SECRETS:
            yield f"uses {found[0]!r}; the only secrets are {', '.join(sorted(_ALLOWED_SECRETS))}"
    for job, step in workflow.steps():
        for name in step.raw.get("with", {}):
            if name in _STORED_KEYS:
                yield f"{job.name}: {name} gives a stored key to {step.uses}"


def secrets_stay_in_their_environment(workflow: Workflow) -> Iterator[str]:
    """A job that holds a secret runs in the environment that it works on, so production's secret is production's."""
    for job in workflow.jobs:
        if not _secrets(job):
            continue
        if workflow.is_action or job.environment is None:
            yield f"{job.name}: uses a secret outside of an environment"
        for step in job.steps:
            for variable in ("ENV", "TO"):
                named = step.env.get(variable)
                if named is not None and named != job.environment:
                    yield f"{job.name}: works on {named} with the secrets of {job.environment}"
        if "ENV" not in job.env:
            yield f"{job.name}: uses a secret and does not say which environment it works on"
    if not workflow.is_action and _SECRETS.search(str(workflow.raw.get("env", {}))):
        yield "the whole workflow sees a secret"


def runs_do_not_overlap(workflow: Workflow) -> Iterator[str]:
    """A concurrency group for all; what changes something is not cut off, and runs once at a time.

    That is by one group for all runs, or by jobs that take turns.
    """
    if workflow.is_action:
        return
    concurrency = workflow.raw.get("concurrency")
    if not isinstance(concurrency, dict) or "group" not in concurrency:
        yield "has no concurrency group"
        return
    for job in workflow.jobs:
        changing = [number for number, step in enumerate(job.steps) if _changes(step)]
        if changing and "${{" in str(concurrency["group"]):
            turn = ["scripts/take-turn", f"{workflow.name}.yml", job.name]
            if not any([command.program, *command.arguments] == turn for command in _before(job, changing[0])):
                yield f"{job.name}: changes environments, but {concurrency['group']} lets two runs do so at once"
        if changing and concurrency.get("cancel-in-progress", False) is not False:
            yield f"{job.name}: changes environments, and may be cancelled half-way"


def no_run_is_lost(workflow: Workflow) -> Iterator[str]:
    """GitHub cancels a group's waiting run when another arrives, so that one must do what the cancelled one would have.

    Either any run does the same, or each does all since the last that succeeded, or every release has its own group.
    """
    if workflow.is_action or not any(_changes(step) for _, step in workflow.steps()):
        return
    group = str(workflow.raw.get("concurrency", {}).get("group"))
    inputs = (workflow.triggers.get("workflow_dispatch") or {}).get("inputs", {})
    catches_up = f"gh run list --workflow {workflow.name}.yml --branch main --status success" in workflow.text
    if catches_up:
        if any("inputs." in step.env.get("BASE", "") for _, step in workflow.steps()):
            yield "starts where somebody says, and its success would hide what earlier runs left"
    elif "release" in workflow.triggers and "github.event.release.tag_name" in group:
        yield from (
            f"a waiting run for another {name} is cancelled" for name in inputs if f"inputs.{name}" not in group
        )
    elif inputs or not set(workflow.triggers) <= {"schedule", "workflow_dispatch"}:
        yield f"the group {group} drops a waiting run, and no other does its work"


def stacks_are_there_first(workflow: Workflow) -> Iterator[str]:
    """A push starts infra-apply too, so whatever it trains or promotes waits until a new team's stacks are there."""
    if "push" not in workflow.triggers:
        return
    used = {job.environment for job in workflow.jobs if any(_USES_STACKS.search(step.run) for step in job.steps)} - {
        None
    }
    found = [command for _, step in workflow.steps() for command in commands(step.run)]
    awaited = [command.arguments for command in found if command.program == "scripts/await-jobs"]
    if used and [used] != [set(names) for other, *names in awaited if other == "infra-apply.yml"]:
        yield f"does not wait until infra-apply has registered the stacks of {', '.join(sorted(map(str, used)))}"


def no_expression_in_shell(workflow: Workflow) -> Iterator[str]:
    """Expressions reach a shell through variables, where they cannot become code."""
    for job, step in workflow.steps():
        if "${{" in step.run:
            yield f"{job.name}: an expression stands in shell text: {step.run.strip()[:60]!r}"
        if "actions/github-script" in step.uses and "${{" in str(step.raw.get("with", {}).get("script")):
            yield f"{job.name}: an expression stands in a script"


def production_is_approved(workflow: Workflow) -> Iterator[str]:
    """What changes production waits for the reviewers of its approval environment."""
    for job in workflow.jobs:
        if job.environment != "production" or not any(_NEEDS_APPROVAL.search(step.run) for step in job.steps):
            continue
        approving = [name for name in job.needs if workflow.job(name).environment == APPROVAL]
        if not approving:
            yield f"{job.name}: changes production without a job in {APPROVAL} before it"
        elif _STATUS_FUNCTION.search(job.condition) and not any(
            f"needs.{name}.result == 'success'" in job.condition for name in approving
        ):
            yield f"{job.name}: its condition lets it run when {approving[0]} was refused"


def only_what_was_reviewed_is_applied(workflow: Workflow) -> Iterator[str]:
    """``make apply`` names the reviewed plan, unless it only lays this runner's own ground."""
    for job, step in workflow.steps():
        for line in re.findall(r"make [^\n|;&]*\bapply\b[^\n|;&]*", step.run):
            if "EXPECT=" not in line and "EXPECT" not in step.env and step.env.get("CLOUD") != "local":
                yield f"{job.name}: {line!r} applies whatever it plans"


def jobs_are_bounded(workflow: Workflow) -> Iterator[str]:
    """A named runner image, a time limit, a shell that stops at the first error, no credentials left in the clone."""
    if not workflow.is_action and workflow.raw.get("defaults") != {"run": {"shell": "bash"}}:
        yield "defaults.run.shell is not bash, so a pipe's failure would be missed"
    for job in workflow.jobs:
        if not workflow.is_action:
            if "timeout-minutes" not in job.raw:
                yield f"{job.name}: has no timeout-minutes"
            if not re.fullmatch(r"[a-z]+-[0-9][0-9.]*", str(job.raw.get("runs-on"))):
                yield f"{job.name}: runs on {job.raw.get('runs-on')}, which moves"
        for step in job.steps:
            kept = step.raw.get("with", {}).get("persist-credentials")
            if step.uses.startswith("actions/checkout@") and kept is not False:
                yield f"{job.name}: checkout leaves its token in the clone"
            if step.raw.get("continue-on-error"):
                yield f"{job.name}: goes on after an error"


def work_is_done_by_make(workflow: Workflow) -> Iterator[str]:
    """What a job does with the code, a person can do with make."""
    for job in workflow.jobs:
        if job.checks_out and not any(re.search(r"\bmake ", step.run) for step in job.steps):
            yield f"{job.name}: checks the code out and runs no make target"


RULES: tuple[Rule, ...] = (
    actions_are_pinned,
    permissions_are_least,
    strangers_get_nothing,
    environments_are_reached_from_main,
    no_cloud_key_is_stored,
    secrets_stay_in_their_environment,
    runs_do_not_overlap,
    no_run_is_lost,
    stacks_are_there_first,
    no_expression_in_shell,
    production_is_approved,
    only_what_was_reviewed_is_applied,
    jobs_are_bounded,
    work_is_done_by_make,
)


def _changes(step: Step) -> bool:
    return bool(_CHANGING.search(step.run)) and step.env.get("CLOUD") != "local"


def _before(job: Job, number: int) -> Iterator[Command]:
    for step in job.steps[:number]:
        yield from commands(step.run)


def _secrets(job: Job) -> bool:
    return bool(_SECRETS.search(_expressions(job.raw)))


def _expressions(value: Any) -> str:
    if isinstance(value, dict):
        return "\n".join(_expressions(inner) for inner in value.values())
    if isinstance(value, list):
        return "\n".join(_expressions(inner) for inner in value)
    return str(value)


def _logs_in(job: Job) -> bool:
    """Whether it becomes a cloud's identity, or acts under the name that its token gives it in the audit log."""
    return any("role" in step.raw.get("with", {}) or _acts(step) for step in job.steps)


def _acts(step: Step) -> bool:
    return bool(re.search(r"\bmake\b", step.run))
