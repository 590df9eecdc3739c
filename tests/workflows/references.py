"""Whether what a step's shell text names exists: make targets and their variables, scripts, files."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tests.conftest import REPOSITORY
from tests.workflows.make_targets import targets
from tests.workflows.reading import Step, Workflow
from tests.workflows.shell import Command, commands

_TOOLS = frozenset({"[", "[[", "echo", "exit", "export", "gh", "jq", "ls", "mkdir", "sed", "touch", "head"})
"""What a runner has; anything else a job does is a make target or a script of ours."""

_OURS = ("tests", "infra", "scripts", "governance", "environments", "pipelines", "stack_bootstrap", "docs")
_WRAPPER = "scripts/with-model-key"
"""Runs the command that follows it."""

_GIVEN = frozenset(
    {"GH_TOKEN", "GITHUB_OUTPUT", "GITHUB_SHA", "GITHUB_REPOSITORY", "PWD", "ZENML_STORE_URL", "ZENML_STORE_API_KEY"}
)
_USED = re.compile(r"\$\{?([A-Za-z_][A-Za-z0-9_]*)")


def problems(workflow: Workflow) -> Iterator[str]:
    """What ``workflow`` names in its shell text and does not exist."""
    for job, step in workflow.steps():
        if workflow.is_action:  # the job that uses it says which environment
            step = Step(step.raw, {"ENV": "", "CLOUD": "", **step.env})
        for problem in _in_step(step) if step.run else _in_use(step):
            yield f"{workflow.name}: {job.name}: {problem}"


def _in_use(step: Step) -> Iterator[str]:
    if step.uses.startswith("./"):
        if not (REPOSITORY / step.uses / "action.yml").is_file():
            yield f"there is no action {step.uses}"
        if step.raw.get("with", {}).get("role") and not {"ENV", "CLOUD"} <= set(step.env):
            yield f"{step.uses} takes on a role, and ENV and CLOUD do not say where"


def _in_step(step: Step) -> Iterator[str]:
    known = {*step.env, *_GIVEN}
    found = commands(step.run)
    for command in found:
        if command.program == "":
            known.update(command.variables)
    for command in found:
        yield from _in_command(command, step)
    for variable in _USED.findall(re.sub(r"'[^']*'", "", step.run)):
        if variable not in known:
            yield f"${variable} is not set"


def _in_command(command: Command, step: Step) -> Iterator[str]:
    if command.program == _WRAPPER:
        yield from _in_command(Command(command.arguments[0], command.arguments[1:], command.variables), step)
    if command.program == "make":
        yield from _make(command, step)
    elif "/" in command.program:
        if not (REPOSITORY / command.program).is_file():
            yield f"there is no script {command.program}"
    elif command.program and command.program not in _TOOLS:
        yield f"{command.program} is neither a make target, a script of ours nor one of {', '.join(sorted(_TOOLS))}"
    for argument in command.arguments:
        for word in argument.partition("=")[2].split() if "=" in argument else [argument]:
            if word.split("/")[0] in _OURS and "/" in word:
                pattern = re.sub(r"\$\{?[A-Za-z_]+\}?", "*", word)
                if not any(REPOSITORY.glob(pattern.rstrip("/"))):
                    yield f"there is no {word}"


def _make(command: Command, step: Step) -> Iterator[str]:
    given = {**step.env, **command.variables}
    names = []
    for argument in command.arguments:
        if "=" in argument:
            name, _, value = argument.partition("=")
            given[name] = value
        elif argument != "-s":
            names.append(argument)
    if not names:
        yield "make without a target"
    knows: set[str] = set()
    for name in names:
        target = targets().get(name)
        if target is None:
            yield f"there is no target `make {name}`"
            continue
        knows |= target.knows
        yield from (f"make {name} needs {missing}" for missing in sorted(target.needs - set(given)))
        yield from (f"make {name} passes {option}, which does not exist" for option in target.unknown_options)
    on_the_line = [argument.partition("=")[0] for argument in command.arguments if "=" in argument]
    if names and knows:
        for variable in [*on_the_line, *command.variables]:
            if variable not in knows:
                yield f"make {' '.join(names)} knows no {variable}"
