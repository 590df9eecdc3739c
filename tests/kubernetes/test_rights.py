"""What each service account may do in a real cluster: what runs were seen to need, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from stack_bootstrap.cluster.changes import apply_cluster, plan_cluster
from tests.kubernetes.api import Api, until
from tests.kubernetes.conftest import Installation
from tests.kubernetes.needed import SEEN_NEEDED

NEEDED = {**SEEN_NEEDED, "step": {}, "default": {}}
RIGHTS = [
    (account, group, resource, verb)
    for account, needed in NEEDED.items()
    for (group, resource), verbs in needed.items()
    for verb in verbs.split()
]
DANGEROUS = [
    ("", "secrets", "get"),
    ("", "secrets", "list"),
    ("", "pods", "create"),
    ("", "pods/exec", "create"),
    ("", "pods/attach", "create"),
    ("", "pods/portforward", "create"),
    ("", "pods/ephemeralcontainers", "update"),
    ("", "serviceaccounts", "impersonate"),
    ("", "serviceaccounts/token", "create"),
    ("", "configmaps", "get"),
    ("", "services", "create"),
    ("", "resourcequotas", "patch"),
    ("networking.k8s.io", "networkpolicies", "delete"),
    ("rbac.authorization.k8s.io", "roles", "escalate"),
    ("rbac.authorization.k8s.io", "roles", "bind"),
    ("rbac.authorization.k8s.io", "rolebindings", "create"),
    ("apps", "deployments", "create"),
    ("batch", "jobs", "deletecollection"),
]


@pytest.fixture(scope="module")
def accounts(applied: Installation) -> dict[str, Api]:
    """The API as each account of the team oncology sees it, by a token of its own."""
    return {name: applied.api.as_account(applied.namespace("oncology"), name) for name in NEEDED}


@pytest.mark.parametrize("account", NEEDED)
def test_an_account_has_the_rights_that_were_measured_and_no_other(
    account: str, accounts: dict[str, Api], applied: Installation
) -> None:
    namespace = applied.namespace("oncology")
    body = {"apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectRulesReview", "spec": {"namespace": namespace}}
    answer = accounts[account]("POST", "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews", body)
    found = {
        (group, resource, verb)
        for rule in answer.body["status"]["resourceRules"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
        # Everybody may ask who they are and what they may do.
        if group not in ("authentication.k8s.io", "authorization.k8s.io")
    }
    assert found == {(group, resource, verb) for name, group, resource, verb in RIGHTS if name == account}


def test_each_verb_is_what_grants_it_and_its_loss_is_seen_and_mended(
    accounts: dict[str, Api], applied: Installation
) -> None:
    namespace, target = applied.namespace("oncology"), applied.target()
    for account, group, resource, verb in RIGHTS:
        role = f"/apis/rbac.authorization.k8s.io/v1/namespaces/{namespace}/roles/{account}"
        rules = applied.api("GET", role).body["rules"]
        poorer = [_without(rule, group, resource, verb) for rule in rules]
        assert poorer != rules
        patch = [{"op": "replace", "path": "/rules", "value": [rule for rule in poorer if rule["verbs"]]}]
        assert applied.api("PATCH", role, patch, "application/json-patch+json").status == 200
        who = accounts[account]
        until(lambda: not who.may(verb, resource, namespace, group), f"{account} loses {verb} {resource}")  # noqa: B023
        plan = plan_cluster(applied.cluster, target)
        assert plan.refs("change") == (f"cluster.role.{namespace}/{account}",)
        apply_cluster(applied.cluster, plan, target)
        until(lambda: who.may(verb, resource, namespace, group), f"{account} has {verb} {resource} again")  # noqa: B023


def _without(rule: dict[str, Any], group: str, resource: str, verb: str) -> dict[str, Any]:
    if rule["apiGroups"] != [group] or rule["resources"] != [resource]:
        return rule
    return {**rule, "verbs": [kept for kept in rule["verbs"] if kept != verb]}


@pytest.mark.parametrize("account", ["client", "workload"])
def test_what_would_lead_further_is_refused(account: str, accounts: dict[str, Api], applied: Installation) -> None:
    namespace = applied.namespace("oncology")
    allowed = [what for what in DANGEROUS if accounts[account].may(what[2], what[1], namespace, what[0])]
    assert allowed == []


def _calls(namespace: str) -> Iterator[tuple[str, str, Any]]:
    core, batch = f"/api/v1/namespaces/{namespace}", f"/apis/batch/v1/namespaces/{namespace}"
    yield "GET", f"{core}/pods", None
    yield "GET", f"{batch}/jobs", None
    yield "GET", f"{core}/secrets", None
    yield "GET", f"{core}/secrets/theirs", None
    yield "POST", f"{core}/pods/any/exec?command=id", None
    yield "POST", f"{core}/serviceaccounts/workload/token", {"spec": {}}


def test_real_calls_of_a_client_work_in_its_namespace_and_nowhere_else(
    accounts: dict[str, Api], applied: Installation
) -> None:
    client, own, theirs = accounts["client"], applied.namespace("oncology"), applied.namespace("diabetes-care")
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "theirs"}, "stringData": {"key": "value"}}
    for namespace in (own, theirs):
        applied.api("POST", f"/api/v1/namespaces/{namespace}/secrets", secret)
    assert [client(*call).status for call in _calls(own)] == [200, 200, 403, 403, 403, 403]
    assert [client(*call).status for call in _calls(theirs)] == [403] * 6
    assert client("DELETE", f"/api/v1/namespaces/{theirs}/secrets/theirs").status == 403
    assert client("DELETE", f"/api/v1/namespaces/{own}/secrets/theirs").status == 200
    for beyond in ("/api/v1/nodes", "/api/v1/namespaces", f"/api/v1/namespaces/{own}/configmaps"):
        assert client("GET", beyond).status == 403


def test_pods_of_steps_hold_no_token_of_the_cluster(applied: Installation) -> None:
    namespace = applied.namespace("oncology")
    found = {
        name: applied.api("GET", f"/api/v1/namespaces/{namespace}/serviceaccounts/{name}").body
        for name in ("client", "default", "step", "workload")
    }
    assert {name: account["automountServiceAccountToken"] for name, account in found.items()} == {
        "client": False,
        "default": False,
        "step": False,
        "workload": True,
    }
