"""Our rules over what lives inside a cluster: the rendered objects pass, and each fault is found by name."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from environments import load_platform
from stack_bootstrap.cluster.objects import Manifest
from stack_bootstrap.policy.cluster_rules import cluster_violations
from stack_bootstrap.workspace import workspace
from tests.conftest import REPOSITORY, edit_yaml

NAMESPACE = "acme-ml-oncology-dev"


def rendered(settings: Path) -> list[Manifest]:
    target = workspace(load_platform(settings), "dev", "kubernetes").cluster
    assert target is not None
    return json.loads(json.dumps(target.manifests))  # type: ignore[no-any-return]


def one(objects: list[Manifest], kind: str, name: str) -> Manifest:
    return next(
        it
        for it in objects
        if (it["kind"], it["metadata"]["name"]) == (kind, name)
        and it["metadata"].get("namespace", NAMESPACE) == NAMESPACE
    )


def test_what_the_committed_settings_render_breaks_no_rule() -> None:
    for environment in ("dev", "staging", "production"):
        target = workspace(load_platform(REPOSITORY / "environments"), environment, "kubernetes").cluster
        assert target is not None
        assert cluster_violations(target.manifests) == []


def _grant(verb: str, resource: str) -> Callable[[list[Manifest]], Any]:
    rule = {"apiGroups": [""], "resources": [resource], "verbs": [verb]}
    return lambda objects: one(objects, "Role", "client")["rules"].append(rule)


@pytest.mark.parametrize(
    ("spoil", "rule", "says"),
    [
        (_grant("get", "secrets"), "least-rights", "reads secrets"),
        (_grant("create", "pods/exec"), "least-rights", "reaches into pods by pods/exec"),
        (_grant("impersonate", "serviceaccounts"), "least-rights", "grants impersonate"),
        (_grant("*", "pods"), "least-rights", r"grants \*"),
        (
            lambda objects: one(objects, "RoleBinding", "client")["roleRef"].update(kind="ClusterRole", name="edit"),
            "least-rights",
            "binds the ClusterRole edit",
        ),
        (
            lambda objects: one(objects, "Namespace", NAMESPACE)["metadata"]["labels"].update(
                {"pod-security.kubernetes.io/enforce": "baseline"}
            ),
            "pods-restricted",
            "enforces baseline Pod Security",
        ),
        (lambda objects: objects.remove(one(objects, "NetworkPolicy", "default-deny")), "network-closed", "no policy"),
        (
            lambda objects: one(objects, "NetworkPolicy", "egress-store")["spec"]["egress"][0].pop("to"),
            "network-closed",
            "reach the whole internet",
        ),
        (
            lambda objects: one(objects, "NetworkPolicy", "egress-store")["spec"].update(ingress=[{}]),
            "network-closed",
            "be reached from the whole internet",
        ),
        (lambda objects: objects.remove(one(objects, "ResourceQuota", "team")), "quota", "nothing bounds"),
        (
            lambda objects: one(objects, "Role", "client")["metadata"]["labels"].pop("team"),
            "labels-complete",
            "lacks the labels team",
        ),
    ],
)
def test_each_fault_is_found(
    spoil: Callable[[list[Manifest]], Any], rule: str, says: str, settings_directory: Path
) -> None:
    objects = rendered(settings_directory)
    spoil(objects)
    (found,) = cluster_violations(objects)
    assert found.rule == rule
    assert NAMESPACE in found.address
    assert re.search(says, found.message)


def test_settings_that_open_the_network_are_found(settings_directory: Path) -> None:
    edit_yaml(
        settings_directory / "dev.yaml",
        lambda raw: raw["kubernetes"]["egress"].update(others={"all": {"cidrs": ["0.0.0.0/0"], "ports": [443]}}),
    )
    found = cluster_violations(rendered(settings_directory))
    assert {violation.rule for violation in found} == {"network-closed"}
    assert len(found) == 3, "in the namespace of each team"
