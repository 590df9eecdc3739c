"""Gives the stacks of environments a cluster, a bucket and a registry. Runs where the packages of Kubernetes are.

``python -m tests.kubernetes.runs.swap_stacks CONFIG``, a JSON file: stacks (namespace by name), context, endpoint,
bucket, key, secret, registry, restricted.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from zenml.client import Client
from zenml.enums import StackComponentType

RESTRICTED = {
    "allowPrivilegeEscalation": False,
    "privileged": False,
    "runAsNonRoot": True,
    "capabilities": {"drop": ["ALL"]},
    "seccompProfile": {"type": "RuntimeDefault"},
}


def swap(wanted: dict[str, Any]) -> None:
    client = Client()
    store = client.create_stack_component(
        name="cluster-store",
        flavor="s3",
        component_type=StackComponentType.ARTIFACT_STORE,
        configuration={
            "path": f"s3://{wanted['bucket']}",
            "key": wanted["key"],
            "secret": wanted["secret"],
            "client_kwargs": {"endpoint_url": wanted["endpoint"], "region_name": "us-east-1"},
        },
    )
    registry = client.create_stack_component(
        name="cluster-registry",
        flavor="default",
        component_type=StackComponentType.CONTAINER_REGISTRY,
        configuration={"uri": wanted["registry"]},
    )
    builder = client.create_stack_component(
        name="cluster-builder",
        flavor="local",
        component_type=StackComponentType.IMAGE_BUILDER,
        configuration={},
    )
    pods = {"container_security_context": RESTRICTED}
    for name, namespace in wanted["stacks"].items():
        orchestrator = client.create_stack_component(
            name=f"cluster-{name}",
            flavor="kubernetes",
            component_type=StackComponentType.ORCHESTRATOR,
            configuration={
                "kubernetes_context": wanted["context"],
                "kubernetes_namespace": namespace,
                "service_account_name": "workload",
                "skip_local_validations": True,
                "pass_zenml_token_as_secret": True,
                "job_monitoring_interval": 0.5,
                "interrupt_check_interval": 0.5,
                "pod_settings": pods if wanted["restricted"] else {},
                "orchestrator_pod_settings": pods if wanted["restricted"] else {},
            },
        )
        client.update_stack(
            name,
            component_updates={
                StackComponentType.ARTIFACT_STORE: [store.id],
                StackComponentType.CONTAINER_REGISTRY: [registry.id],
                StackComponentType.IMAGE_BUILDER: [builder.id],
                StackComponentType.ORCHESTRATOR: [orchestrator.id],
            },
        )
        held = client.get_stack(name).components
        on_this_machine = (StackComponentType.MODEL_REGISTRY, StackComponentType.EXPERIMENT_TRACKER)
        if gone := {kind: list[str]() for kind in on_this_machine if kind in held}:
            client.update_stack(name, component_updates=gone)


if __name__ == "__main__":
    swap(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")))
