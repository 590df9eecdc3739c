"""What real pods may be and reach in a namespace: Pod Security, limits, and a network that refuses by default."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import edit_yaml
from tests.kubernetes.api import Api, pod, until
from tests.kubernetes.conftest import Installation, install

pytestmark = pytest.mark.slow

# A policy reaches a new pod a second or two after it runs.
SERVE = "import http.server; http.server.HTTPServer(('', 8080), http.server.SimpleHTTPRequestHandler).serve_forever()"
TRY = """
import json, socket, sys, time
def answers(host, port):
    try:
        socket.create_connection((host, port), timeout=4).close()
    except OSError:
        return False
    return True
time.sleep(5)
targets = json.loads(sys.argv[1])
print(json.dumps({name: answers(*target) for name, target in targets.items()}))
"""


def test_a_pod_that_is_not_restricted_is_refused_and_the_stacks_own_settings_pass(applied: Installation) -> None:
    pods = f"/api/v1/namespaces/{applied.namespace('oncology')}/pods?dryRun=All"
    good = pod("any", "any", ["any"])
    assert applied.api("POST", pods, good).status == 201
    for field, value in (
        ("allowPrivilegeEscalation", True),
        ("capabilities", {"drop": []}),
        ("runAsNonRoot", False),
        ("seccompProfile", {"type": "Unconfined"}),
    ):
        bad = json.loads(json.dumps(good))
        bad["spec"]["containers"][0]["securityContext"][field] = value
        answer = applied.api("POST", pods, bad)
        assert (answer.status, "violates PodSecurity" in answer.said) == (403, True), (field, answer.said)
    bad = {**good, "spec": {**good["spec"], "hostNetwork": True}}
    assert "violates PodSecurity" in applied.api("POST", pods, bad).said


def test_a_container_that_asks_for_more_than_a_step_may_is_refused(applied: Installation) -> None:
    pods = f"/api/v1/namespaces/{applied.namespace('oncology')}/pods?dryRun=All"
    for resource, amount in (("cpu", "9"), ("memory", "33Gi")):
        greedy = pod("any", "any", ["any"])
        greedy["spec"]["containers"][0]["resources"] = {"limits": {resource: amount}}
        answer = applied.api("POST", pods, greedy)
        assert (answer.status, f"maximum {resource} usage per Container" in answer.said) == (403, True), answer.said
    modest = applied.api("POST", pods, pod("any", "any", ["any"])).body
    assert modest["spec"]["containers"][0]["resources"] == {
        "limits": {"cpu": "8", "memory": "1Gi"},
        "requests": {"cpu": "250m", "memory": "1Gi"},
    }


def test_all_pods_of_a_team_together_may_ask_for_no_more_than_its_quota(applied: Installation) -> None:
    pods = f"/api/v1/namespaces/{applied.namespace('diabetes-care')}/pods?dryRun=All"
    wide = pod("any", "any", ["any"])
    one = {**wide["spec"]["containers"][0], "resources": {"requests": {"cpu": "2"}}}
    wide["spec"]["containers"] = [{**one, "name": f"c{number}"} for number in range(5)]
    answer = applied.api("POST", pods, wide)
    assert (answer.status, "exceeded quota: team" in answer.said) == (403, True), answer.said
    service = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "open"}}
    service |= {"spec": {"type": "NodePort", "ports": [{"port": 80}]}}
    answer = applied.api("POST", pods.replace("/pods?", "/services?"), service)
    assert "exceeded quota" in answer.said


@contextmanager
def listening() -> Iterator[int]:
    """A server on this machine that answers every connection; yields its port."""
    with socket.create_server(("", 0)) as server:

        def serve() -> None:
            while True:
                try:
                    server.accept()[0].close()
                except OSError:
                    return

        threading.Thread(target=serve, daemon=True).start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)


def test_pods_reach_what_the_settings_name_and_neither_each_other_nor_another_team(
    tmp_path: Path, api: Api, cluster: Any, image: str
) -> None:
    here = install(tmp_path, api, cluster)
    try:
        with listening() as store, listening() as beside:
            _network(here, image, store, beside)
    finally:
        here.remove()


def _network(here: Installation, image: str, store: int, beside: int) -> None:
    server = here.target().settings.egress.api_server
    machine, api_port = server.cidrs[0].removesuffix("/32"), server.ports[0]
    edit_yaml(
        here.settings / "dev.yaml",
        lambda raw: raw["kubernetes"]["egress"].update(store={"cidrs": [f"{machine}/32"], "ports": [store]}),
    )
    here.apply()
    own, theirs = here.namespace("oncology"), here.namespace("diabetes-care")
    for namespace in (own, theirs):
        _run(here.api, namespace, pod("serving", image, ["python3", "-c", SERVE]))
    addresses = {namespace: _address(here.api, namespace, "serving") for namespace in (own, theirs)}
    targets = {
        "store": (machine, store),
        "another port of the same machine": (machine, beside),
        "API server": (machine, api_port),
        "a pod of the same team": (addresses[own], 8080),
        "a pod of another team": (addresses[theirs], 8080),
    }
    attempt = ["python3", "-c", TRY, json.dumps(targets)]
    reached = {"step": {"store"}, "orchestrator": {"store", "API server"}}
    for name, labels in (("step", {}), ("orchestrator", {"part": "orchestrator"})):
        _run(here.api, own, pod(name, image, attempt, labels))
    found = {name: _printed(here.api, own, name) for name in reached}
    assert {name: {it for it, answered in told.items() if answered} for name, told in found.items()} == reached
    # The same attempt where nothing refuses: what was not reached above is there.
    for namespace in (own, theirs):
        here.api("DELETE", f"/apis/networking.k8s.io/v1/namespaces/{namespace}/networkpolicies")
    _run(here.api, own, pod("open", image, attempt))
    assert all(_printed(here.api, own, "open").values())


def _run(api: Api, namespace: str, made: dict[str, Any]) -> None:
    answer = api("POST", f"/api/v1/namespaces/{namespace}/pods", made)
    assert answer.status == 201, answer.said


def _address(api: Api, namespace: str, name: str) -> str:
    path = f"/api/v1/namespaces/{namespace}/pods/{name}"
    until(lambda: api("GET", path).body["status"]["phase"] == "Running", f"{name} runs", 180)
    return str(api("GET", path).body["status"]["podIP"])


def _printed(api: Api, namespace: str, name: str) -> dict[str, bool]:
    path = f"/api/v1/namespaces/{namespace}/pods/{name}"
    until(lambda: api("GET", path).body["status"]["phase"] in ("Succeeded", "Failed"), f"{name} ends", 180)
    told = api("GET", f"{path}/log").body
    assert isinstance(told, dict), told
    return told
