"""An own cluster with its store and registry as a cloud."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from environments import Environment, KubernetesCloud, Platform
from stack_bootstrap.clouds.adapter import CloudAdapter, Place
from stack_bootstrap.clouds.state_bucket import StateBucket, state_bucket_name

if TYPE_CHECKING:
    from stack_bootstrap.cluster.render import ClusterTarget
    from stack_bootstrap.workspace import Workspace


class KubernetesAdapter(CloudAdapter):
    """State in the environment's own store; there is no account."""

    has_state_bucket = True

    def backend(self, environment: Environment, home: Path) -> dict[str, str]:  # noqa: ARG002 (nothing is on this machine)
        """See :meth:`CloudAdapter.backend`."""
        store = _section(environment).store
        unasked = ("credentials_validation", "metadata_api_check", "region_validation", "requesting_account_id")
        return {
            "bucket": state_bucket_name(environment),
            "endpoints": f"{{s3={json.dumps(store.endpoint)}}}",
            "key": f"kubernetes/{environment.environment}/terraform.tfstate",
            "region": store.region,
            "use_lockfile": "true",
            "use_path_style": "true",
            **{f"skip_{what}": "true" for what in unasked},
        }

    def place(self, environment: Environment) -> Place:  # noqa: ARG002 (a store of one's own is in no region of AWS)
        """See :meth:`CloudAdapter.place`."""
        return Place()

    def ci_login(self, environment: Environment, identity: str) -> dict[str, str]:  # noqa: ARG002 (none is exchanged)
        """See :meth:`CloudAdapter.ci_login`: workflows get a kubeconfig and the store's keys as secrets."""
        return {}

    def make_state_bucket(self, environment: Environment, *, dry_run: bool = False) -> StateBucket:
        """See :meth:`CloudAdapter.make_state_bucket`."""
        from stack_bootstrap.clouds.kubernetes.state_bucket import make_state_bucket

        return make_state_bucket(environment, dry_run=dry_run)

    def cluster(self, platform: Platform, environment: Environment) -> ClusterTarget:
        """See :meth:`CloudAdapter.cluster`."""
        from stack_bootstrap.cluster.render import ClusterTarget

        return ClusterTarget.rendered(platform, environment, "kubernetes", _section(environment))

    def server_cluster(self, platform: Platform, environment: Environment) -> ClusterTarget:
        """See :meth:`CloudAdapter.server_cluster`."""
        from stack_bootstrap.cluster.server import server_target

        return server_target(platform, environment)

    def refuse_full_stores(self, plan: Mapping[str, Any], where: Workspace) -> None:
        """See :meth:`CloudAdapter.refuse_full_stores`."""
        from stack_bootstrap.clouds.aws.full_stores import refuse_full_stores

        refuse_full_stores(plan, where.backend["region"], endpoint=endpoint_in(where.backend))


def endpoint_in(backend: Mapping[str, str]) -> str:
    """Return the store's endpoint in the settings of the backend."""
    return str(json.loads(backend["endpoints"].removeprefix("{s3=").removesuffix("}")))


def _section(environment: Environment) -> KubernetesCloud:
    assert environment.kubernetes is not None, "pick_cloud has seen to it"
    return environment.kubernetes


ADAPTER = KubernetesAdapter()
