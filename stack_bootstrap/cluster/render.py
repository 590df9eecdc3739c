"""From the settings and team files to the objects of a cluster: the same for an own cluster and for a cloud's."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from environments import PLATFORM, Environment, Platform
from environments.cluster import ClusterSettings, NetworkPeer
from environments.model import RunLimits
from environments.names import Names, names_for, spell, stack_name
from stack_bootstrap.cluster.network import network_policies
from stack_bootstrap.cluster.objects import Manifest, known_by, manifest
from stack_bootstrap.cluster.rights import CLIENT, RIGHTS, STEP, WORKLOAD, rules_of

POD_SECURITY = {
    f"pod-security.kubernetes.io/{mode}{suffix}": value
    for mode in ("enforce", "audit", "warn")
    for suffix, value in (("", "restricted"), ("-version", "latest"))
}


@dataclass(frozen=True)
class ClusterTarget:
    """The cluster that an environment's runs use, and who is who in it."""

    prefix: str
    environment: str
    cloud: str
    settings: ClusterSettings
    client: Callable[[Names], Mapping[str, str] | None] = lambda _names: None
    """From a team's names to the subject outside the cluster that may do what its client account may."""
    pod_annotations: Callable[[Names], Mapping[str, str]] = lambda _names: {}
    """From a team's names to the annotations that bind its pods' accounts to an identity of the cloud."""
    credentials: NetworkPeer | None = None
    """What on each node hands pods the credentials of that identity."""
    comes_with_terraform: bool = False
    """Whether the cluster itself is one of Terraform's resources, so that a first plan finds none."""
    manifests: tuple[Manifest, ...] = ()
    serves: bool = False
    """Whether it is the shared server, and no environment, that has these."""

    @classmethod
    def rendered(
        cls, platform: Platform, environment: Environment, cloud: str, settings: ClusterSettings, **identities: Any
    ) -> ClusterTarget:
        """Return the cluster of ``environment`` on ``cloud`` with its manifests; ``identities`` are fields of it."""
        target = cls(environment.prefix, environment.environment, cloud, settings, **identities)
        return replace(target, manifests=render(platform, environment, target))

    @property
    def labels(self) -> dict[str, str]:
        """The labels by which everything of this environment is known there."""
        return known_by(self.prefix, self.environment)

    def namespace_of(self, team: str) -> str:
        """Return the namespace of ``team``."""
        return spell("namespace", prefix=self.prefix, team=team, environment=self.environment)


def render(platform: Platform, environment: Environment, target: ClusterTarget) -> tuple[Manifest, ...]:
    """Return every object that ``environment`` has in its cluster, in the order in which they are to be applied."""
    centers = {
        team.team: team.cost_center for team in platform.teams.values() if environment.environment in team.environments
    }
    rendered: list[Manifest] = []
    for team, center in {**centers, PLATFORM: environment.labels["cost_center"]}.items():
        labels = {
            **environment.labels,
            **target.labels,
            "cost_center": center,
            "team": team,
            "zenml_stack": stack_name(team, environment.environment, target.cloud),
        }
        rendered += _team(team, labels, target, environment.limits)
    return tuple(rendered)


def _team(team: str, labels: Mapping[str, str], target: ClusterTarget, most: RunLimits) -> list[Manifest]:
    names = names_for(team, target.environment, target.cloud, target.prefix)
    namespace, client = names.namespace, target.client(names)
    return [
        manifest("Namespace", namespace, {**labels, **POD_SECURITY}),
        *_accounts(namespace, labels, target.settings.pull_secret, target.pod_annotations(names)),
        *_roles(namespace, labels, () if client is None else (client,)),
        *_limits(namespace, labels, target.settings, most),
        *network_policies(namespace, labels, target.settings.egress, target.credentials),
    ]


def _accounts(
    namespace: str, labels: Mapping[str, str], pull_secret: str | None, annotations: Mapping[str, str]
) -> list[Manifest]:
    made = []
    for name in ("default", CLIENT, STEP, WORKLOAD):
        # Only the pod that starts a run's steps asks the API server: no other holds a token for it.
        account = manifest("ServiceAccount", name, labels, namespace, automountServiceAccountToken=name == WORKLOAD)
        if pull_secret is not None and name in (STEP, WORKLOAD):
            account["imagePullSecrets"] = [{"name": pull_secret}]
        if annotations and name in (STEP, WORKLOAD):
            account["metadata"]["annotations"] = dict(annotations)
        made.append(account)
    return made


def _roles(namespace: str, labels: Mapping[str, str], clients: tuple[Mapping[str, str], ...]) -> list[Manifest]:
    made = []
    for name in RIGHTS:
        subjects: list[Mapping[str, str]] = [{"kind": "ServiceAccount", "name": name, "namespace": namespace}]
        if name == CLIENT:
            subjects += clients
        made += [
            manifest("Role", name, labels, namespace, rules=rules_of(name)),
            manifest(
                "RoleBinding",
                name,
                labels,
                namespace,
                roleRef={"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": name},
                subjects=[dict(subject) for subject in subjects],
            ),
        ]
    return made


def _limits(namespace: str, labels: Mapping[str, str], settings: ClusterSettings, most: RunLimits) -> list[Manifest]:
    quota, asked = settings.quota, settings.defaults
    hard: dict[str, Any] = {
        "pods": str(quota.pods),
        "requests.cpu": f"{quota.cpu:g}",
        "requests.memory": quota.memory,
        f"requests.{settings.accelerator}": str(quota.accelerators),
        # Pipelines serve nobody: an address that the outside can reach would be a way in.
        "services.loadbalancers": "0",
        "services.nodeports": "0",
    }
    container = {
        "type": "Container",
        "max": {"cpu": f"{most.cpu:g}", "memory": most.memory},
        "default": {"cpu": f"{most.cpu:g}", "memory": asked.memory},
        "defaultRequest": {"cpu": f"{asked.cpu:g}", "memory": asked.memory},
    }
    return [
        manifest("ResourceQuota", "team", labels, namespace, spec={"hard": hard}),
        manifest("LimitRange", "container", labels, namespace, spec={"limits": [container]}),
    ]
