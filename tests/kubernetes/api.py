"""A cluster's API as somebody sees it, without anything of ours in between."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

RESTRICTED = {
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
    "runAsNonRoot": True,
    "runAsUser": 10001,
    "seccompProfile": {"type": "RuntimeDefault"},
}


@dataclass(frozen=True)
class Answer:
    """What the API server said."""

    status: int
    body: Any

    @property
    def said(self) -> str:
        """The server's own words, where it refused."""
        return str(self.body.get("message", self.body)) if isinstance(self.body, dict) else str(self.body)


@dataclass(frozen=True)
class Api:
    """The API with the administrator's rights of a kubeconfig or, with ``token``, those of a service account."""

    kubeconfig: Path
    context: str
    token: str | None = None

    def __call__(self, method: str, path: str, body: Any = None, content: str = "application/json") -> Answer:
        """Send one request and return the answer, whatever it is."""
        import kubernetes.client
        import kubernetes.config
        from kubernetes.client.exceptions import ApiException

        configuration = kubernetes.client.Configuration()
        kubernetes.config.load_kube_config(str(self.kubeconfig), self.context, configuration)
        if self.token is not None:
            configuration.api_key["authorization"] = f"Bearer {self.token}"
        with kubernetes.client.ApiClient(configuration) as client:
            try:
                response = client.call_api(
                    path,
                    method,
                    header_params={"Accept": "application/json, */*", "Content-Type": content},
                    body=body,
                    auth_settings=["BearerToken"],
                    _preload_content=False,
                    _request_timeout=(5, 30),
                )[0]
            except ApiException as error:
                return Answer(int(error.status), _parsed(error.body))
            return Answer(int(response.status), _parsed(response.data))

    def as_account(self, namespace: str, name: str) -> Api:
        """Become a service account, by a token that the cluster gives for it."""
        answer = self(
            "POST",
            f"/api/v1/namespaces/{namespace}/serviceaccounts/{name}/token",
            {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {"expirationSeconds": 3600}},
        )
        assert answer.status == 201, answer.said
        return Api(self.kubeconfig, self.context, answer.body["status"]["token"])

    def may(self, verb: str, resource: str, namespace: str, group: str = "", name: str = "") -> bool:
        """Ask whether this identity may do something."""
        kind, _, subresource = resource.partition("/")
        attributes = {"verb": verb, "group": group, "resource": kind, "namespace": namespace, "name": name}
        answer = self(
            "POST",
            "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews",
            {
                "apiVersion": "authorization.k8s.io/v1",
                "kind": "SelfSubjectAccessReview",
                "spec": {"resourceAttributes": {**attributes, "subresource": subresource}},
            },
        )
        assert answer.status == 201, answer.said
        return bool(answer.body["status"]["allowed"])


def _parsed(body: Any) -> Any:
    text = body.decode("utf-8", "replace") if isinstance(body, bytes) else str(body)
    try:
        return json.loads(text)
    except ValueError:
        return text


def until(condition: Callable[[], bool], what: str, seconds: float = 60) -> None:
    """Wait until ``condition`` holds."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"it did not happen within {seconds} s: {what}"
        time.sleep(0.2)


def pod(name: str, image: str, command: list[str], labels: dict[str, str] | None = None) -> dict[str, Any]:
    """A pod as Pod Security's ``restricted`` takes it, of the account of steps."""
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "labels": labels or {}},
        "spec": {
            "serviceAccountName": "step",
            "restartPolicy": "Never",
            "terminationGracePeriodSeconds": 0,
            "containers": [{"name": "main", "image": image, "command": command, "securityContext": RESTRICTED}],
        },
    }
