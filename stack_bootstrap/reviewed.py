"""Plans that were printed for review: read again by ``apply --expect`` and by the comment that shows them.

Such a file may come from anybody who opens a pull request, so nothing in it is believed before it was checked.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from environments import Cloud
from environments.names import ENVIRONMENT_MAX, ENVIRONMENT_PATTERN
from stack_bootstrap.plans import PlanFileError
from stack_bootstrap.workspace import Workspace

DIGEST = re.compile(r"[0-9a-f]{64}")

_SHOWN = 40
"""Addresses of one kind of change that the summary lists; the plan's log has the rest."""

_COMMENT_LIMIT = 60_000
"""Characters; GitHub takes 65,536 in a comment."""

_KINDS = ("add", "change", "replace", "delete", "heal", "outputs")
_FILE_LIMIT = 4_000_000

Address = Annotated[str, Field(max_length=1000)]


class PrintedPlan(BaseModel):
    """One environment's plan as ``plan --json`` prints it."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    environment: Annotated[str, Field(pattern=ENVIRONMENT_PATTERN, max_length=ENVIRONMENT_MAX)]
    cloud: Cloud
    simulated: bool
    digest: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    add: tuple[Address, ...] = ()
    change: tuple[Address, ...] = ()
    replace: tuple[Address, ...] = ()
    delete: tuple[Address, ...] = ()
    heal: tuple[Address, ...] = ()
    outputs: tuple[Address, ...] = ()

    @property
    def empty(self) -> bool:
        """Whether it changes nothing."""
        return not any(getattr(self, kind) for kind in _KINDS)


_PLANS = TypeAdapter(tuple[PrintedPlan, ...])


def read_plans(file: Path) -> tuple[PrintedPlan, ...]:
    """Read what ``plan --json`` printed into ``file``.

    Raises:
        PlanFileError: the file does not exist or holds something else.
    """
    try:
        if file.stat().st_size > _FILE_LIMIT:
            raise PlanFileError(f"{file} is larger than {_FILE_LIMIT} bytes, so it is no printed plan.")
        return _PLANS.validate_json(file.read_bytes())
    except OSError as error:
        raise PlanFileError(
            f"{file} cannot be read ({error.strerror}). `make plan JSON=1 > {file}` makes it."
        ) from error
    except ValidationError as error:
        raise PlanFileError(
            f"{file} is not what `make plan JSON=1` prints ({error.error_count()} errors, first: "
            f"{error.errors(include_url=False, include_input=False)[0]['msg']}). Plan again."
        ) from error


def expected_digest(expect: str, where: Workspace) -> str:
    """Return the digest that a plan of ``where`` must have: ``expect`` itself, or what stands in the file it names.

    Raises:
        PlanFileError: it is neither, or the file holds no such plan of this environment, or a simulated one.
    """
    if DIGEST.fullmatch(expect):
        return expect
    for plan in read_plans(Path(expect)):
        if (plan.environment, plan.cloud) == (where.environment, where.cloud):
            if plan.simulated != where.simulated:
                made, wanted = ("offline", "a real") if plan.simulated else ("for real", "an offline")
                raise PlanFileError(
                    f"The plan of {where.environment} in {expect} was made {made}, so it says nothing of {wanted} run. "
                    "Plan again, and have that reviewed."
                )
            return plan.digest
    raise PlanFileError(f"{expect} holds no plan of {where.environment} on {where.cloud}, so none was reviewed.")


def summarise(folder: Path, title: str) -> str:
    """Return Markdown that shows every plan in ``folder/*.json`` and text in ``folder/*.txt``, led by a hidden marker.

    A plan that cannot be read is shown as unknown. Text from the files is fenced, so that none of it is markup.

    Raises:
        PlanFileError: there is no such folder.
    """
    if not folder.is_dir():
        raise PlanFileError(
            f"{folder} is no folder of printed plans. `make plan JSON=1 > {folder}/dev.json` makes one."
        )
    parts = [marker(title), f"### {title}"]
    files = sorted(file for file in folder.iterdir() if file.suffix in (".json", ".txt") and file.is_file())
    for file in files:
        parts.extend(_shown(file))
    if not files:
        parts.append("No environment is touched.")
    text = "\n\n".join(parts)
    if len(text) > _COMMENT_LIMIT:
        text = text[:_COMMENT_LIMIT].rstrip()
        closing = "\n```" if text.count("```") % 2 else ""
        text = f"{text}{closing}\n\nCut here; the run's log has all of it."
    return text + "\n"


def marker(title: str) -> str:
    """Return the hidden line by which a comment or issue is found again."""
    return f"<!-- groundwork: {re.sub('[^a-z0-9]+', '-', title.lower()).strip('-')} -->"


def _shown(file: Path) -> Iterator[str]:
    if file.suffix == ".txt":
        text = file.read_text(encoding="utf-8", errors="replace")[:_COMMENT_LIMIT].strip()
        if text:
            yield f"**{_plain(file.stem)}**\n\n{_fenced(text)}"
        return
    try:
        plans = read_plans(file)
    except PlanFileError:
        yield f"**{_plain(file.stem)}**: unknown, the command failed. The run's log says why."
        return
    for plan in plans:
        simulated = " (simulation: nothing of it was compared with what exists)" if plan.simulated else ""
        head = f"**{plan.environment}** on {plan.cloud}{simulated}"
        if plan.empty:
            yield f"{head}: no changes."
            continue
        counts = ", ".join(f"{len(found)} to {kind}" for kind in _KINDS if (found := getattr(plan, kind)))
        lines = [line for kind in _KINDS for line in _listed(kind, getattr(plan, kind))]
        yield f"{head}: {counts}. Digest `{plan.digest[:16]}`.\n\n{_fenced(chr(10).join(lines))}"


def _listed(kind: str, addresses: tuple[str, ...]) -> Iterator[str]:
    for address in addresses[:_SHOWN]:
        yield f"{kind:8} {address}"
    if len(addresses) > _SHOWN:
        yield f"{kind:8} and {len(addresses) - _SHOWN} more"


def _fenced(text: str) -> str:
    safe = "".join(character for character in text if character == "\n" or character.isprintable())
    return f"```\n{safe.replace('```', chr(39) * 3)}\n```"


def _plain(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9 ._-]", "_", name)[:80]
