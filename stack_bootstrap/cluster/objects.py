"""Kubernetes objects as plain data, what identifies one, and by which labels those of an environment are known."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from environments.errors import ExpectedError

Manifest = dict[str, Any]
"""One object as Kubernetes takes it."""


class ClusterError(ExpectedError):
    """Something in the cluster cannot be read or made; the message names the object, why, and what to do."""


class Kind(NamedTuple):
    """A kind of object, and where the API serves it."""

    api_version: str
    name: str
    plural: str


KINDS: tuple[Kind, ...] = (
    Kind("v1", "Namespace", "namespaces"),
    Kind("v1", "ServiceAccount", "serviceaccounts"),
    Kind("rbac.authorization.k8s.io/v1", "Role", "roles"),
    Kind("rbac.authorization.k8s.io/v1", "RoleBinding", "rolebindings"),
    Kind("v1", "ResourceQuota", "resourcequotas"),
    Kind("v1", "LimitRange", "limitranges"),
    Kind("networking.k8s.io/v1", "NetworkPolicy", "networkpolicies"),
    Kind("v1", "Service", "services"),
    Kind("policy/v1", "PodDisruptionBudget", "poddisruptionbudgets"),
    Kind("apps/v1", "Deployment", "deployments"),
    Kind("networking.k8s.io/v1", "Ingress", "ingresses"),
)
"""Kinds that are rendered, in the order in which they are applied: rights and limits stand before any pod can."""

SERVED = frozenset({"Service", "PodDisruptionBudget", "Deployment", "Ingress"})
"""Kinds that only the shared server has: of an environment they are not asked for."""

_BY_NAME = {kind.name: kind for kind in KINDS}

MANAGED_BY = "groundwork"
"""Value of the label ``managed_by``, and the manager of the fields that are applied."""

PREFIX_LABEL = "groundwork/prefix"
"""Label that tells apart two platforms that share a cluster."""


def known_by(prefix: str, environment: str) -> dict[str, str]:
    """Return the labels by which the objects of ``environment`` are found."""
    return {"environment": environment, "managed_by": MANAGED_BY, PREFIX_LABEL: prefix}


@dataclass(frozen=True, order=True)
class Ref:
    """What identifies an object in a cluster."""

    kind: str
    namespace: str | None
    name: str

    def __str__(self) -> str:
        where = f"{self.namespace}/" if self.namespace else ""
        return f"cluster.{self.kind.lower()}.{where}{self.name}"

    @property
    def path(self) -> str:
        """The object's path in the API."""
        return f"{path_of(self.kind, self.namespace)}/{self.name}"


def path_of(kind: str, namespace: str | None) -> str:
    """Return the path under which the API lists ``kind``, in one namespace or, for None, in all."""
    served = _BY_NAME[kind]
    root = f"/api/{served.api_version}" if "/" not in served.api_version else f"/apis/{served.api_version}"
    return f"{root}/namespaces/{namespace}/{served.plural}" if namespace else f"{root}/{served.plural}"


def ref_of(manifest: Mapping[str, Any]) -> Ref:
    """Return what identifies ``manifest``."""
    about = manifest["metadata"]
    return Ref(manifest["kind"], about.get("namespace"), about["name"])


def manifest(kind: str, name: str, labels: Mapping[str, str], namespace: str | None = None, **parts: Any) -> Manifest:
    """Build an object of ``kind``.

    Args:
        kind: one of :data:`KINDS`.
        name: its name.
        labels: its labels.
        namespace: where it lives; None for what lives in none.
        parts: the rest of it, such as ``spec``.
    """
    about: dict[str, Any] = {"name": name, "labels": dict(labels)}
    if namespace:
        about["namespace"] = namespace
    return {"apiVersion": _BY_NAME[kind].api_version, "kind": kind, "metadata": about, **parts}
