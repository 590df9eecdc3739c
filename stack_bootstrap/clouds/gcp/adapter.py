"""Google Cloud as a cloud."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from environments import Environment, GcpCloud, Platform
from environments.cluster import NetworkPeer
from stack_bootstrap.clouds.adapter import CloudAdapter, Place
from stack_bootstrap.clouds.state_bucket import StateBucket, state_bucket_name

if TYPE_CHECKING:
    from stack_bootstrap.cluster.render import ClusterTarget
    from stack_bootstrap.workspace import Workspace

_METADATA_SERVER = NetworkPeer(cidrs=("169.254.169.252/32", "169.254.169.254/32"), ports=(80, 988))
"""Source: cloud.google.com/kubernetes-engine/docs/how-to/network-policy, "Network policy and Workload Identity"."""


class GcpAdapter(CloudAdapter):
    """State in Cloud Storage, identities of the environment's project."""

    has_state_bucket = True

    def backend(self, environment: Environment, home: Path) -> dict[str, str]:  # noqa: ARG002 (nothing is on this machine)
        """See :meth:`CloudAdapter.backend`."""
        return {"bucket": state_bucket_name(environment), "prefix": f"gcp/{environment.environment}"}

    def place(self, environment: Environment) -> Place:
        """See :meth:`CloudAdapter.place`."""
        gcp = _section(environment)
        return Place((gcp.region,), gcp.project_id)

    def ci_login(self, environment: Environment, identity: str) -> dict[str, str]:
        """See :meth:`CloudAdapter.ci_login`."""
        return {"service_account": f"{identity}@{_section(environment).project_id}.iam.gserviceaccount.com"}

    def make_state_bucket(self, environment: Environment, *, dry_run: bool = False) -> StateBucket:
        """See :meth:`CloudAdapter.make_state_bucket`."""
        from stack_bootstrap.clouds.gcp.state_bucket import make_state_bucket

        return make_state_bucket(environment, dry_run=dry_run)

    def cluster(self, platform: Platform, environment: Environment) -> ClusterTarget | None:
        """See :meth:`CloudAdapter.cluster`. Clients and pods are the project's service accounts."""
        from stack_bootstrap.cluster.render import ClusterTarget

        gcp = _section(environment)
        if gcp.kubernetes is None:
            return None
        host = f"{gcp.project_id}.iam.gserviceaccount.com"
        user = {"apiGroup": "rbac.authorization.k8s.io", "kind": "User"}
        return ClusterTarget.rendered(
            platform,
            environment,
            "gcp",
            gcp.kubernetes,
            client=lambda names: {**user, "name": f"{names.client}@{host}"},
            pod_annotations=lambda names: {"iam.gke.io/gcp-service-account": f"{names.workload}@{host}"},
            credentials=_METADATA_SERVER,
            comes_with_terraform=True,
        )

    def refuse_full_stores(self, plan: Mapping[str, Any], where: Workspace) -> None:  # noqa: ARG002 (the plan names all)
        """See :meth:`CloudAdapter.refuse_full_stores`."""
        from stack_bootstrap.clouds.gcp.full_stores import refuse_full_stores

        refuse_full_stores(plan)


def _section(environment: Environment) -> GcpCloud:
    assert environment.gcp is not None, "pick_cloud has seen to it"
    return environment.gcp


ADAPTER = GcpAdapter()
