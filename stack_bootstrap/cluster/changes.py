"""How a cluster differs from what is rendered, by the server's own dry run, and making it so."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from environments.files import sha256_hex
from stack_bootstrap.cluster.connection import Cluster, ObjectRefusedError
from stack_bootstrap.cluster.objects import KINDS, MANAGED_BY, SERVED, ClusterError, Manifest, Ref, ref_of
from stack_bootstrap.cluster.render import ClusterTarget

_OF_THE_SERVER = ("creationTimestamp", "generation", "managedFields", "resourceVersion", "selfLink", "uid")
_GRANTING = frozenset({"NetworkPolicy", "Role", "RoleBinding"})
"""Kinds that widen what a namespace may do: others' objects of these are told of, and left alone."""
_GONE_SECONDS = 180


class NamespaceInUseError(ClusterError):
    """A namespace that would be deleted has runs, schedules or data in it."""


@dataclass(frozen=True)
class FieldChange:
    """One field of an object, as it is and as it would be; None where there is none."""

    path: str
    before: Any
    after: Any

    def __str__(self) -> str:
        return f"{self.path}: {_short(self.before)} -> {_short(self.after)}"


@dataclass(frozen=True)
class ObjectChange:
    """What happens to one object."""

    ref: Ref
    action: Literal["add", "change", "replace", "delete"]
    fields: tuple[FieldChange, ...] = ()


@dataclass(frozen=True)
class ClusterPlan:
    """Everything that would change in a cluster, in the order in which it would."""

    changes: tuple[ObjectChange, ...] = ()
    notes: tuple[str, ...] = ()
    compared: int = 0
    digest: str = ""
    """Over the changes; empty where there are none."""
    asked: bool = True
    """Whether the cluster was asked; without, everything would be added."""

    @property
    def differs(self) -> bool:
        """Whether there is anything to apply."""
        return bool(self.changes)

    def refs(self, *actions: str) -> tuple[str, ...]:
        """Return the objects to which one of ``actions`` happens, as addresses."""
        return tuple(sorted(str(change.ref) for change in self.changes if change.action in actions))

    def lines(self) -> Iterator[str]:
        """Yield what would change, each object and under it each field."""
        signs = {"add": "+", "change": "~", "replace": "-/+", "delete": "-"}
        for change in self.changes:
            yield f"  {signs[change.action]} {change.ref}"
            for field in change.fields:
                yield f"      {field}"


UNCHANGED = ClusterPlan()


def plan_cluster(cluster: Cluster, target: ClusterTarget, *, destroy: bool = False) -> ClusterPlan:
    """Compare what ``target`` renders with what is in ``cluster``, and change nothing.

    Args:
        cluster: where.
        target: the environment and its objects there.
        destroy: plan to delete all of them instead.

    Raises:
        ClusterError: something cannot be read, or a namespace belongs to somebody else.
    """
    manifests = () if destroy else target.manifests
    wanted = {ref_of(manifest): manifest for manifest in manifests}
    changes: list[ObjectChange] = []
    new: set[str] = set()
    for ref, manifest in wanted.items():
        if ref.namespace in new:
            changes.append(ObjectChange(ref, "add"))
            continue
        found = cluster.get(ref)
        if ref.kind == "Namespace" and found is not None:
            _require_ours(found, target)
        if found is None:
            changes.append(ObjectChange(ref, "add"))
            if ref.kind == "Namespace":
                new.add(ref.name)
        elif (change := _compared(cluster, ref, found, manifest)) is not None:
            changes.append(change)
    namespaces, notes = _namespaces(cluster, target)
    kept = {ref.name for ref in wanted if ref.kind == "Namespace"}
    for name in namespaces:
        if name not in kept:
            changes.append(ObjectChange(Ref("Namespace", None, name), "delete"))
            continue
        surplus, strange = _surplus(cluster, target, name, wanted)
        changes += surplus
        notes += strange
    return ClusterPlan(tuple(changes), tuple(notes), len(wanted), digest_of(changes, wanted))


def refuse_used(cluster: Cluster, plan: ClusterPlan) -> None:
    """Refuse a plan that deletes a namespace in which something runs, is scheduled or is kept.

    Raises:
        NamespaceInUseError: one does; all are named with what is in them.
        ClusterError: it cannot be seen.
    """
    doomed = [it.ref.name for it in plan.changes if it.action == "delete" and it.ref.kind == "Namespace"]
    found = [f"  {name}: {'; '.join(used)}" for name in doomed if (used := list(_in_use(cluster, name)))]
    if found:
        raise NamespaceInUseError(
            "These namespaces would be deleted with what is in them:\n"
            + "\n".join(found)
            + "\nNothing was changed. If a team was removed by mistake, restore its file. Otherwise stop its runs, "
            "delete its schedules and claims, and plan again."
        )


def apply_cluster(
    cluster: Cluster, plan: ClusterPlan, target: ClusterTarget, *, say: Callable[[str], None] | None = None
) -> None:
    """Make ``cluster`` as ``plan`` says. A second run goes on where one was stopped.

    Args:
        cluster: where.
        plan: what :func:`plan_cluster` found.
        target: what it was found for.
        say: told of each object when it is done.

    Raises:
        ClusterError: the server refuses an object; what stands before it in the plan is done.
    """
    manifests = {ref_of(manifest): manifest for manifest in target.manifests}
    tell = say or (lambda _line: None)
    for change in plan.changes:
        if change.action in ("delete", "replace"):
            cluster.delete(change.ref)
            if change.ref.kind == "Namespace":
                tell(f"{change.ref}: deleting it and what is in it")
            _wait_gone(cluster, change.ref)
        if change.action != "delete":
            cluster.apply(manifests[change.ref])
        tell(f"{change.ref}: {_DONE[change.action]}")


_DONE = {"add": "added", "change": "changed", "replace": "replaced", "delete": "deleted"}


def _compared(cluster: Cluster, ref: Ref, found: Manifest, wanted: Manifest) -> ObjectChange | None:
    try:
        after = cluster.apply(wanted, dry_run=True)
    except ObjectRefusedError as error:
        # Whose rights a binding gives cannot be changed: it is made anew.
        if error.status == 422 and ref.kind == "RoleBinding":
            return ObjectChange(ref, "replace", tuple(_fields(_kept(found), {**_kept(found), **wanted}, "")))
        raise
    fields = tuple(_fields(_kept(found), _kept(after), ""))
    return ObjectChange(ref, "change", fields) if fields else None


def _kept(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """Return ``manifest`` without what the server keeps for itself."""
    about = {key: value for key, value in manifest["metadata"].items() if key not in _OF_THE_SERVER}
    return {**{key: value for key, value in manifest.items() if key != "status"}, "metadata": about}


def _fields(before: Any, after: Any, path: str) -> Iterator[FieldChange]:
    if isinstance(before, dict) and isinstance(after, dict):
        for key in sorted({*before, *after}):
            yield from _fields(before.get(key), after.get(key), f"{path}.{key}" if path else key)
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        for index, (one, other) in enumerate(zip(before, after, strict=True)):
            yield from _fields(one, other, f"{path}[{index}]")
    elif before != after:
        yield FieldChange(path, before, after)


def _short(value: Any) -> str:
    return "(none)" if value is None else json.dumps(value, sort_keys=True)


def _require_ours(namespace: Manifest, target: ClusterTarget) -> None:
    """Refuse a namespace that another environment or somebody else made."""
    about = namespace["metadata"]
    labels, name = about.get("labels") or {}, about["name"]
    mismatched = {key: labels[key] for key, value in target.labels.items() if labels.get(key, value) != value}
    applied = any(
        entry.get("manager") == MANAGED_BY and entry.get("operation") == "Apply"
        for entry in about.get("managedFields") or []
    )
    if mismatched or not (applied or target.labels.items() <= labels.items()):
        said = ", ".join(f"{key}={value}" for key, value in sorted(mismatched.items())) or "without our labels"
        marks = " ".join(f"{key}={value}" for key, value in sorted(target.labels.items()))
        raise ClusterError(
            f"cluster.namespace.{name}: it exists and is not of {target.environment} ({said}). Nothing was changed. "
            f"If it is to be taken over, `kubectl label --overwrite namespace {name} {marks}`; else change prefix."
        )


def _namespaces(cluster: Cluster, target: ClusterTarget) -> tuple[list[str], list[str]]:
    """Return the environment's namespaces, and notes on what only bears its labels."""
    ours, notes = [], []
    for found in cluster.list_objects("Namespace", labels=target.labels):
        about = found["metadata"]
        if about["name"] == target.namespace_of(about["labels"].get("team", "")):
            ours.append(about["name"])
        else:
            notes.append(
                f"namespace {about['name']} bears the labels of {target.environment} but not its name: left alone"
            )
    return sorted(ours), notes


def _surplus(
    cluster: Cluster, target: ClusterTarget, namespace: str, wanted: Mapping[Ref, Manifest]
) -> tuple[list[ObjectChange], list[str]]:
    """Return what of ours is rendered no more, and notes on what others granted there."""
    surplus, notes = [], []
    for kind in KINDS:
        if kind.name == "Namespace" or (kind.name in SERVED and not target.serves):
            continue
        for found in cluster.list_objects(kind.name, namespace):
            ref = Ref(kind.name, namespace, found["metadata"]["name"])
            if ref in wanted:
                continue
            if target.labels.items() <= (found["metadata"].get("labels") or {}).items():
                surplus.append(ObjectChange(ref, "delete"))
            elif kind.name in _GRANTING:
                notes.append(f"{ref} was made by somebody else: look whether it grants what it should")
    return surplus, notes


def _in_use(cluster: Cluster, namespace: str) -> Iterator[str]:
    at = f"/namespaces/{namespace}"
    running = [job for job in cluster.list_at(f"/apis/batch/v1{at}/jobs") if (job.get("status") or {}).get("active")]
    schedules = cluster.list_at(f"/apis/batch/v1{at}/cronjobs")
    claims = cluster.list_at(f"/api/v1{at}/persistentvolumeclaims")
    for what, found in (("running jobs", running), ("schedules", schedules), ("claims of volumes", claims)):
        if found:
            yield f"{what} {', '.join(sorted(it['metadata']['name'] for it in found))}"


def _wait_gone(cluster: Cluster, ref: Ref) -> None:
    deadline = time.monotonic() + _GONE_SECONDS
    while (found := cluster.get(ref)) is not None:
        if time.monotonic() > deadline:
            said = [
                it["message"] for it in (found.get("status") or {}).get("conditions") or [] if it["status"] == "True"
            ]
            raise ClusterError(
                f"{ref}: it is still being deleted after {_GONE_SECONDS} s: {' '.join(said) or 'no reason is given'} "
                "Run the same command again when that is mended."
            )
        time.sleep(0.5)


def digest_of(changes: Sequence[ObjectChange], wanted: Mapping[Ref, Manifest]) -> str:
    """Return the SHA-256 over what is done to which object, and what each becomes; empty where nothing is done."""
    if not changes:
        return ""
    does = [[str(change.ref), change.action, wanted.get(change.ref)] for change in changes]
    return sha256_hex(json.dumps(sorted(does, key=str), sort_keys=True))
