"""The cluster of a workspace: what plan, apply, destroy and drift do there beside Terraform."""

from __future__ import annotations

from dataclasses import replace
from typing import IO, TYPE_CHECKING

from stack_bootstrap.cluster.changes import (
    UNCHANGED,
    ClusterPlan,
    ObjectChange,
    apply_cluster,
    digest_of,
    plan_cluster,
    refuse_used,
)
from stack_bootstrap.cluster.connection import Cluster, ContextMissingError
from stack_bootstrap.cluster.objects import ClusterError, ref_of

if TYPE_CHECKING:
    from stack_bootstrap.cluster.render import ClusterTarget
    from stack_bootstrap.workspace import Workspace


def plan_inside(where: Workspace, *, destroy: bool = False) -> ClusterPlan:
    """Return how the cluster of ``where`` differs from its settings; nothing differs where it has none.

    A simulation asks no cluster: everything would be added. Neither does a plan that finds no context for a cluster
    which Terraform makes.

    Raises:
        ClusterError: the cluster cannot be asked, or a namespace there belongs to somebody else.
    """
    target = where.cluster
    if target is None or (where.simulated and destroy):
        return UNCHANGED
    if where.simulated:
        return _everything_added(target)
    try:
        cluster = Cluster(target.settings.context)
    except ContextMissingError as error:
        if not target.comes_with_terraform:
            raise
        note = f"What is inside the cluster was not looked at. {error}"
        return replace(UNCHANGED if destroy else _everything_added(target), notes=(note,))
    return plan_cluster(cluster, target, destroy=destroy)


def _everything_added(target: ClusterTarget) -> ClusterPlan:
    manifests = {ref_of(manifest): manifest for manifest in target.manifests}
    changes = tuple(ObjectChange(ref, "add") for ref in manifests)
    return ClusterPlan(changes, compared=len(changes), digest=digest_of(changes, manifests), asked=False)


def refuse_used_inside(where: Workspace, plan: ClusterPlan) -> None:
    """Refuse a plan that deletes a namespace in which something runs, is scheduled or is kept.

    Raises:
        NamespaceInUseError: one does.
    """
    if where.cluster is not None and plan.differs and not where.simulated:
        refuse_used(Cluster(where.cluster.settings.context), plan)


def apply_inside(where: Workspace, plan: ClusterPlan, stream: IO[str] | None) -> None:
    """Make the cluster of ``where`` as ``plan`` says, and tell ``stream`` of each object.

    Raises:
        ClusterError: the server refuses an object; what stands before it in the plan is done. Or the plan was made
            before there was a cluster to ask.
    """
    if where.cluster is None or not plan.differs or where.simulated:
        return
    if not plan.asked:
        raise ClusterError(
            f"Terraform's part of {where} is done. Its cluster is there now and empty: get a context for it, named "
            f"{where.cluster.settings.context}, and apply again, which puts {len(plan.changes)} objects into it."
        )

    def say(line: str) -> None:
        if stream is not None:
            stream.write(f"{line}\n")
            stream.flush()

    apply_cluster(Cluster(where.cluster.settings.context), plan, where.cluster, say=say)
