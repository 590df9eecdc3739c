"""Plan, apply, destroy and drift of one environment on one cloud, and the contracts that come of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO, Any

from environments import SERVER, Platform
from environments.errors import ExpectedError
from stack_bootstrap.clouds import adapter_for
from stack_bootstrap.cluster.changes import UNCHANGED, ClusterPlan
from stack_bootstrap.cluster.session import apply_inside, plan_inside, refuse_used_inside
from stack_bootstrap.contract import StackContract, parse_stacks
from stack_bootstrap.local_state import CopiedStateError, repair_state, vanished_folders
from stack_bootstrap.plan_digest import joined_digest, plan_digest
from stack_bootstrap.plans import Changes, PlanFileError, check_review, read_changes, write_review
from stack_bootstrap.recorders import InfrastructureAct, recorded
from stack_bootstrap.terraform import GuardRefusedError, StalePlanError, StateLockedError, Terraform, TerraformError
from stack_bootstrap.workspace import Workspace, workspace


class InfrastructureError(ExpectedError):
    """An operation was refused; the message says why and what to do."""


class ProtectedEnvironmentError(InfrastructureError):
    """A protected environment would lose something that exists, and that was not said to be meant."""


class UnreviewedPlanError(InfrastructureError):
    """What would be applied is not what was reviewed."""


class NotApprovedError(InfrastructureError):
    """Whoever was asked did not say yes to what would change in a protected environment."""


class DestroyIncompleteError(InfrastructureError):
    """Destroying stopped half-way; the message says what is left and how to go on."""


class NotAppliedError(InfrastructureError):
    """The environment was never applied, so there is nothing to read."""


GUARD = "module.environment_guard"
"""Address of the module by which a state remembers whose it is, in every root."""


@dataclass(frozen=True)
class PlanResult:
    """A plan, and what it would do."""

    workspace: Workspace
    differs: bool
    """Whether there is anything to apply."""
    changes: Changes
    plan_file: Path
    digest: str
    """Over what it would do, see :func:`stack_bootstrap.plan_digest.plan_digest`."""
    notes: tuple[str, ...] = ()
    """What was found and put right before planning."""
    compared: int | None = None
    """How many resources were looked at, where that was asked for."""
    inside: ClusterPlan = UNCHANGED
    """What would change inside the cluster, where there is one."""
    outside: bool = True
    """Whether there is anything for Terraform to do."""


@dataclass(frozen=True)
class ApplyResult:
    """What was done, and the contracts by team as they are now."""

    workspace: Workspace
    changes: Changes
    stacks: dict[str, StackContract]
    notes: tuple[str, ...] = ()


def plan(where: Workspace, *, stream: IO[str] | None = None, plan_file: Path | None = None) -> PlanResult:
    """Plan ``where`` and leave the plan and its review at ``plan_file`` (default: the workspace's own).

    Args:
        where: the environment and cloud.
        stream: shows Terraform's output as it happens.
        plan_file: where the plan goes.

    Raises:
        GuardRefusedError: the state belongs to another environment.
        InfrastructureError: the state was copied from another checkout.
        TerraformError: Terraform failed.
    """
    return _plan(where, plan_file or where.plan_file, stream)


def apply(
    where: Workspace,
    *,
    plan_file: Path | None = None,
    expect: str | None = None,
    allow_delete: bool = False,
    approve: Callable[[PlanResult], bool] | None = None,
    stream: IO[str] | None = None,
) -> ApplyResult:
    """Apply the reviewed plan in ``plan_file``, or else plan and apply exactly that.

    Args:
        where: the environment and cloud.
        plan_file: a plan that :func:`plan` made, with its review beside it.
        expect: digest of the plan that was reviewed, perhaps on another machine. Any other plan is refused, unless it
            changes nothing.
        allow_delete: let a protected environment lose what exists.
        approve: asked before a protected environment is changed. It shows the plan itself, which is not streamed then.
        stream: shows Terraform's output as it happens.

    Raises:
        FullStoreError: the plan deletes a store that holds something.
        NotApprovedError: ``approve`` said no.
        ClusterError: the cluster refuses an object, or cannot be asked.
        NamespaceInUseError: the plan deletes a namespace in which something runs, is scheduled or is kept.
        PlanFileError: ``plan_file`` is not a reviewed plan for ``where`` and its settings.
        ProtectedEnvironmentError: the plan deletes or replaces what exists, and ``where`` is protected.
        StalePlanError: the state has changed since the plan was made.
        UnreviewedPlanError: the plan is not the one that has the digest ``expect``.
        TerraformError: Terraform failed.
    """
    if plan_file is not None:
        return _apply(_as_expected(_reviewed(where, plan_file.resolve()), expect), allow_delete, approve, stream)
    shows = where.protected and approve is not None
    with _transient_plan(where) as file:
        planned = _as_expected(_plan(where, file, None if shows else stream), expect)
        return _apply(planned, allow_delete, approve, stream)


def destroy(
    where: Workspace, *, confirm: str | None = None, dry_run: bool = False, stream: IO[str] | None = None
) -> PlanResult:
    """Destroy everything that Terraform owns in ``where``, or with ``dry_run`` say what that would be.

    Args:
        where: the environment and cloud.
        confirm: the environment's name, which a protected environment asks for.
        dry_run: only plan.
        stream: shows Terraform's output as it happens.

    Raises:
        DestroyIncompleteError: Terraform failed half-way. What is left is still guarded against other settings.
        FullStoreError: something would not be deleted, such as a store that holds something.
        ProtectedEnvironmentError: ``where`` is protected, and on a cloud, or ``confirm`` does not name it.
        InfrastructureError: ``confirm`` names another environment.
        GuardRefusedError: the state belongs to another environment.
        TerraformError: Terraform failed.
    """
    if confirm is not None and confirm != where.environment:
        raise InfrastructureError(
            f"--confirm {confirm} does not name the environment {where.environment}. Nothing was destroyed."
        )
    protected = where.protected or (not dry_run and _applied_as_protected(where))
    if protected and confirm is None and not dry_run:
        raise ProtectedEnvironmentError(
            f"{where.environment} is protected. Destroying it takes its name: --confirm {where.environment}. "
            "Nothing was destroyed."
        )
    if protected and adapter_for(where.cloud).keeps_protected and not (dry_run or where.simulated):
        raise ProtectedEnvironmentError(
            f"{where.environment} is protected, so parts of it would not be deleted. Set protected: false in "
            f"{where.environment}.yaml, apply that, and destroy then. Nothing was destroyed."
        )
    with _transient_plan(where) as file:
        planned = _plan(where, file, stream, destroy=True)
        if not dry_run:
            _refuse_full_stores(where, planned)
            with recorded(InfrastructureAct("destroy", where, planned.changes, planned.digest)):
                apply_inside(where, planned.inside, stream)
                if planned.outside:
                    _destroy(Terraform(where, stream=stream), file)
    return planned


def _applied_as_protected(where: Workspace) -> bool:
    """Return whether the state says so: settings that were edited since have unprotected nothing yet."""
    outputs = Terraform(where).pull_state().get("outputs", {})
    return bool(outputs.get("protected", {}).get("value"))


def _destroy(terraform: Terraform, plan_file: Path) -> None:
    """Apply a plan that destroys everything. One that stops half-way leaves its state with the guard it had."""
    before, where = terraform.pull_state(), terraform.workspace
    try:
        terraform.apply(plan_file, destroys=where.environment)
    except (GuardRefusedError, StalePlanError, StateLockedError):
        raise  # nothing was begun
    except TerraformError as error:
        left = terraform.pull_state()
        guards = [it for it in before.get("resources", []) if it.get("module") == GUARD]
        if guards and left.get("resources") and not any(it.get("module") == GUARD for it in left["resources"]):
            # It was the first to be destroyed. What is left needs it, as settings of another environment would.
            terraform.push_state({**left, "serial": left["serial"] + 1, "resources": [*left["resources"], *guards]})
        kept = sorted(
            f"{it['module']}.{it['type']}.{it['name']}" if "module" in it else f"{it['type']}.{it['name']}"
            for it in left.get("resources", [])
            if it["mode"] == "managed" and it.get("module") != GUARD
        )
        listed = "\n".join(f"  {address}" for address in kept)
        raise DestroyIncompleteError(
            f"{error}\n\nDestroying {where} stopped half-way. These are left, and the state still belongs to "
            f"{where.environment}:\n{listed}\nMend what Terraform says above, or take what shall stay out of the state "
            f"(`python -m stack_bootstrap terraform --env {where.environment} --cloud {where.cloud} -- state rm "
            "ADDRESS`), and destroy again. To have everything back, apply."
        ) from error


def drift(where: Workspace, *, stream: IO[str] | None = None) -> PlanResult:
    """Return how what exists differs from the code and the settings. Change nothing, and leave no plan behind."""
    with _transient_plan(where) as file:
        result = _plan(where, file, stream)
        shown = Terraform(where).show(file).get("resource_changes", [])
        outside = sum(found.get("mode") == "managed" for found in shown)
        return replace(result, compared=outside + result.inside.compared)


def read_stacks(platform: Platform, environment: str, cloud: str | None = None) -> dict[str, StackContract]:
    """Read the contracts by team of ``environment`` on ``cloud`` as they were last applied.

    Raises:
        ContractError: what Terraform put out is no contract.
        NotAppliedError: the environment was not applied yet.
        SettingsError: the environment is unknown or does not describe the cloud.
        TerraformError: Terraform failed.
    """
    platform.environment(environment)
    where = workspace(platform, environment, cloud)
    return _stacks(where, Terraform(where))


def read_server(platform: Platform, cloud: str | None = None) -> Mapping[str, Any]:
    """Read where the shared server is on ``cloud``, as it was last applied.

    Raises:
        NotAppliedError: it was not applied yet.
        TerraformError: Terraform failed.
        WorkspaceError: no settings describe it there.
    """
    where = workspace(platform, SERVER, cloud)
    value = Terraform(where).output(SERVER)
    if not isinstance(value, Mapping):
        raise NotAppliedError(f"{where} has not been applied: make apply ENV={SERVER} CLOUD={where.cloud} does it.")
    return value


def validate(where: Workspace) -> None:
    """Check that the root of ``where`` is valid Terraform. Neither state nor account is touched.

    Raises:
        TerraformError: it is not.
    """
    Terraform(where).validate()


def unlock(where: Workspace, lock_id: str) -> None:
    """Free a lock that a run which is gone left on the state of ``where``."""
    Terraform(where).unlock(lock_id)


@contextmanager
def _transient_plan(where: Workspace) -> Iterator[Path]:
    """Yield a plan file of this run's own, so that it is in the way of no other run and of no plan under review."""
    where.home.mkdir(parents=True, exist_ok=True, mode=0o700)
    with TemporaryDirectory(dir=where.home, prefix="plan-") as folder:
        yield Path(folder) / "plan.tfplan"


def _plan(where: Workspace, plan_file: Path, stream: IO[str] | None, *, destroy: bool = False) -> PlanResult:
    repaired = repair_state(where.state_file) if where.state_file else None
    terraform = Terraform(where, stream=stream)
    vanished = _vanished(where)
    while True:
        differs = terraform.plan(plan_file, replace=() if destroy else vanished, destroy=destroy)
        # While Terraform waited for its turn, another apply may have healed a folder. Its marker is back, so that to
        # replace it now would remove what it holds.
        before, vanished = vanished, _vanished(where)
        if vanished == before:
            break
    # Reading a plan costs a process, so a plan that changes nothing is not read.
    shown = terraform.show(plan_file) if differs else {}
    inside = plan_inside(where, destroy=destroy)
    if stream is not None and inside.differs:
        stream.write("\n".join(("In the cluster, by the server's own dry run:", *inside.lines(), "")))
    changes = read_changes(shown, vanished).joined(_changes_of(inside))
    write_review(plan_file, where, changes, inside.digest)
    return PlanResult(
        where,
        differs or inside.differs,
        changes,
        plan_file,
        joined_digest(plan_digest(shown), inside.digest),
        (*((repaired,) if repaired else ()), *inside.notes),
        inside=inside,
        outside=differs,
    )


def _changes_of(inside: ClusterPlan) -> Changes:
    actions = ("add", "change", "replace", "delete")
    return Changes(**{action: inside.refs(action) for action in actions})


def _as_expected(planned: PlanResult, expect: str | None) -> PlanResult:
    """Return ``planned``, when it is what was reviewed; a plan that changes nothing needs no review."""
    if expect is None or not planned.differs or planned.digest == expect:
        return planned
    raise UnreviewedPlanError(
        f"What {planned.workspace} would now become is not what was reviewed: the plan is {planned.digest[:16]} "
        f"({planned.changes}), the reviewed one {expect[:16]}. Nothing was applied. The code, the settings or what "
        "exists have changed since; have the plan reviewed anew."
    )


def _apply(
    planned: PlanResult,
    allow_delete: bool,
    approve: Callable[[PlanResult], bool] | None,
    stream: IO[str] | None,
) -> ApplyResult:
    where, changes = planned.workspace, planned.changes
    if where.protected and changes.destructive and not allow_delete:
        raise ProtectedEnvironmentError(
            f"{where.environment} is protected, and this would delete or replace what exists there:\n"
            + "\n".join(f"  {address}" for address in changes.destructive)
            + "\nNothing was changed. If that is meant, apply with --allow-delete."
        )
    terraform = Terraform(where, stream=stream)
    _refuse_full_stores(where, planned)
    if where.protected and planned.differs and approve is not None and not approve(planned):
        raise NotApprovedError(f"{where.environment} is as it was: what would change was not approved.")
    with recorded(InfrastructureAct("apply", where, changes, planned.digest)):
        if planned.outside:
            terraform.apply(planned.plan_file)
        apply_inside(where, planned.inside, stream)
    return ApplyResult(where, changes, _stacks(where, terraform), planned.notes)


def _refuse_full_stores(where: Workspace, planned: PlanResult) -> None:
    if planned.changes.destructive and not where.simulated:
        refuse_used_inside(where, planned.inside)
        adapter_for(where.cloud).refuse_full_stores(Terraform(where).show(planned.plan_file), where)


def _reviewed(where: Workspace, plan_file: Path) -> PlanResult:
    """Return the plan in ``plan_file`` as it stands now."""
    review = check_review(plan_file, where)
    # From the plan itself and the folders as they are: what is refused must not rest on a file anybody can edit.
    shown = Terraform(where).show(plan_file)
    changes = read_changes(shown, _vanished(where))
    returned = sorted(set(review.changes.heal) & set(changes.replace))
    if returned:
        raise PlanFileError(
            f"{plan_file} would make anew what had vanished when it was made and is there again, with what it holds: "
            f"{', '.join(returned)}. Plan again."
        )
    inside = plan_inside(where)
    if inside.digest != review.cluster_digest:
        raise PlanFileError(
            f"What would change in the cluster of {where} is not what was reviewed with {plan_file}. Nothing was "
            "changed. Plan again, and review that."
        )
    return PlanResult(
        where,
        True,
        changes.joined(_changes_of(inside)),
        plan_file,
        joined_digest(plan_digest(shown), inside.digest),
        inside=inside,
    )


def _vanished(where: Workspace) -> tuple[str, ...]:
    if where.state_file is None or where.ground is None:
        return ()
    try:
        return vanished_folders(where.state_file, where.ground)
    except CopiedStateError as error:
        raise InfrastructureError(str(error)) from error


def _stacks(where: Workspace, terraform: Terraform) -> dict[str, StackContract]:
    if where.stands_in:
        return {}  # the server serves stacks and has none
    value = terraform.output("stacks")
    if not value:
        raise NotAppliedError(
            f"{where} has not been applied: make apply ENV={where.environment} CLOUD={where.cloud} does it."
        )
    return parse_stacks(value, source=f"the output 'stacks' of {where}")


__all__ = [
    "ApplyResult",
    "InfrastructureError",
    "NotAppliedError",
    "NotApprovedError",
    "PlanFileError",
    "PlanResult",
    "ProtectedEnvironmentError",
    "UnreviewedPlanError",
    "apply",
    "destroy",
    "drift",
    "plan",
    "read_server",
    "read_stacks",
    "unlock",
    "validate",
    "workspace",
]
