"""What the Makefile's targets run, and which variables those programs need and know."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import Any

import click
import typer

from tests.conftest import REPOSITORY

_RULE = re.compile(r"^([a-z][a-z-]*):[^=\n]*(?:##.*)?\n((?:\t.*\n(?:\t\t.*\n)*)*)", re.MULTILINE)
_VARIABLE = re.compile(r"\$[({]([A-Z][A-Z0-9_]*)[)}]|\$\(if \$\(([A-Z_]+)\)")
_RUNS = re.compile(r"\$\(RUN\) ([a-z_.]+)((?: [^\n]*)?)")
_HIGHER = {"READS": {"JSON"}, "FLAGS": {"JSON", "DRY_RUN"}}
"""Variables of the Makefile that stand for others."""


@dataclass(frozen=True)
class Target:
    """A target of the Makefile."""

    name: str
    recipe: str
    needs: frozenset[str]
    """Variables without which the program refuses."""
    knows: frozenset[str]
    """Variables that the recipe or the program reads."""
    unknown_options: tuple[str, ...]
    """Options in the recipe that the program does not have."""


@cache
def targets() -> dict[str, Target]:
    text = (REPOSITORY / "Makefile").read_text(encoding="utf-8") + "\n"
    return {name: _target(name, recipe) for name, recipe in _RULE.findall(text)}


def _target(name: str, recipe: str) -> Target:
    own = {first or second for first, second in _VARIABLE.findall(recipe)}
    knows = own.union(*(_HIGHER.get(variable, set()) for variable in own))
    needs = set(re.findall(r'"\$\(([A-Z]+)\)"', recipe))  # quoted: it would be an empty word
    unknown: list[str] = []
    for module, rest in _RUNS.findall(recipe):
        command = command_of(module, rest.split())
        if command is None:
            continue
        for option in command.params:
            variables = [option.envvar] if isinstance(option.envvar, str) else list(option.envvar or [])
            knows.update(variables)
            if option.required and not any(f"{spelt} " in rest for spelt in option.opts):
                needs.update(variables or [option.opts[0]])
        spelt = {opt for option in command.params for opt in [*option.opts, *option.secondary_opts]}
        passed_on = rest.split(" -- ")[0]
        unknown += [found for found in re.findall(r"(?<!\S)--[a-z][a-z-]*", passed_on) if found not in spelt]
    return Target(name, recipe, frozenset(needs), frozenset(knows), tuple(unknown))


COMMAND_LINES = {
    "environments": "environments.__main__",
    "stack_bootstrap": "stack_bootstrap.__main__",
    "pipelines": "pipelines.__main__",
    "governance": "governance.cli.app",
    "governance.cli.audit": "governance.cli.audit",
    "governance.cli.infrastructure": "governance.cli.infrastructure",
}
"""By what a recipe runs with ``python -m``, where its command line is."""


@cache
def all_options() -> frozenset[str]:
    """Every option of every command line of ours."""
    found: set[str] = set()
    for module in COMMAND_LINES:
        group: Any = typer.main.get_command(import_module(COMMAND_LINES[module]).app)
        for command in getattr(group, "commands", {"": group}).values():
            found.update(spelt for option in command.params for spelt in [*option.opts, *option.secondary_opts])
    return frozenset(found)


def command_of(module: str, words: list[str]) -> click.Command | None:
    """The command that ``python -m module words`` runs; ``None`` where it is no command line of ours."""
    if module not in COMMAND_LINES:
        return None
    app: Any = import_module(COMMAND_LINES[module]).app
    group: Any = typer.main.get_command(app)
    if not isinstance(getattr(group, "commands", None), Mapping):
        return group
    name = next(word for word in words if not word.startswith("-"))
    if name not in group.commands:
        raise AssertionError(f"the Makefile runs `{module} {name}`, which does not exist")
    return group.commands[name]
