"""Amazon Web Services as a cloud."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from environments import Environment, Platform
from environments.cluster import NetworkPeer
from environments.model import AwsCloud
from stack_bootstrap.clouds.adapter import CloudAdapter, Place
from stack_bootstrap.clouds.state_bucket import StateBucket, state_bucket_name

if TYPE_CHECKING:
    from stack_bootstrap.cluster.render import ClusterTarget
    from stack_bootstrap.workspace import Workspace

_POD_IDENTITY_AGENT = NetworkPeer(cidrs=("169.254.170.23/32",), ports=(80,))
"""Source: docs.aws.amazon.com/eks/latest/userguide/pod-id-how-it-works.html."""


class AwsAdapter(CloudAdapter):
    """State in S3, identities in IAM."""

    has_state_bucket = True

    def backend(self, environment: Environment, home: Path) -> dict[str, str]:  # noqa: ARG002 (nothing is on this machine)
        """See :meth:`CloudAdapter.backend`."""
        aws = _section(environment)
        return {
            "allowed_account_ids": json.dumps([aws.account_id]),
            "bucket": state_bucket_name(environment),
            "key": f"aws/{environment.environment}/terraform.tfstate",
            "region": aws.region,
            "use_lockfile": "true",
        }

    def place(self, environment: Environment) -> Place:
        """See :meth:`CloudAdapter.place`."""
        aws = _section(environment)
        return Place(aws.allowed_regions or (aws.region,), aws.account_id)

    def ci_login(self, environment: Environment, identity: str) -> dict[str, str]:
        """See :meth:`CloudAdapter.ci_login`."""
        aws = _section(environment)
        arn = f"arn:{partition_of(aws.region)}:iam::{aws.account_id}:role/{identity}"
        return {"role": arn, "region": aws.region}

    def make_state_bucket(self, environment: Environment, *, dry_run: bool = False) -> StateBucket:
        """See :meth:`CloudAdapter.make_state_bucket`."""
        from stack_bootstrap.clouds.aws.state_bucket import make_state_bucket

        return make_state_bucket(environment, dry_run=dry_run)

    def cluster(self, platform: Platform, environment: Environment) -> ClusterTarget | None:
        """See :meth:`CloudAdapter.cluster`. Terraform makes each client role a member of its team's group."""
        from stack_bootstrap.cluster.render import ClusterTarget

        aws = _section(environment)
        if aws.kubernetes is None:
            return None
        group = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Group"}
        return ClusterTarget.rendered(
            platform,
            environment,
            "aws",
            aws.kubernetes,
            client=lambda names: {**group, "name": names.namespace},
            credentials=_POD_IDENTITY_AGENT,
        )

    def refuse_full_stores(self, plan: Mapping[str, Any], where: Workspace) -> None:
        """See :meth:`CloudAdapter.refuse_full_stores`."""
        from stack_bootstrap.clouds.aws.full_stores import refuse_full_stores

        refuse_full_stores(plan, where.backend["region"])


def partition_of(region: str) -> str:
    """Return the partition of ``region``, the part of an ARN that tells AWS's separate clouds apart."""
    separate = {"cn": "aws-cn", "us-gov": "aws-us-gov"}
    return next((partition for prefix, partition in separate.items() if region.startswith(f"{prefix}-")), "aws")


def _section(environment: Environment) -> AwsCloud:
    assert environment.aws is not None, "pick_cloud has seen to it"
    return environment.aws


ADAPTER = AwsAdapter()
