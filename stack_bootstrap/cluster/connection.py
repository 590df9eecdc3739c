"""One cluster's API server: reading, applying and deleting objects, each error one line that names the object."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from importlib import import_module
from typing import Any

from stack_bootstrap.cluster.objects import MANAGED_BY, ClusterError, Manifest, Ref, path_of, ref_of

_APPLY = "application/apply-patch+yaml"
_SECONDS = (5, 30)
"""To connect, and to wait for an answer."""


class ObjectRefusedError(ClusterError):
    """The server refuses an object; ``status`` is HTTP's."""

    def __init__(self, subject: str, status: int, said: str) -> None:
        self.status = status
        super().__init__(f"{subject}: the cluster refuses it ({status}): {said}")


class ContextMissingError(ClusterError):
    """The kubeconfig has no such context."""


class Cluster:
    """A connection with the rights of one context of the kubeconfig, or of the pod that this runs in."""

    def __init__(self, context: str | None) -> None:
        """Connect by ``context``; None stands for the pod's own account.

        Raises:
            ClusterError: the client library is missing.
            ContextMissingError: there is no such context.
        """
        self.name = f"context {context}" if context else "this pod's own cluster"
        try:
            config: Any = import_module("kubernetes.config")
            client: Any = import_module("kubernetes.client")
            self._failure: Any = import_module("kubernetes.client.exceptions").ApiException
            self._unreachable: Any = import_module("urllib3.exceptions").HTTPError
        except ImportError as error:
            raise ClusterError(f"The package kubernetes is not installed ({error}); run 'make setup'.") from error
        configuration = client.Configuration()
        configuration.retries = 1
        try:
            if context is None:
                config.load_incluster_config(configuration)
            else:
                config.load_kube_config(os.environ.get("KUBECONFIG"), context, configuration, persist_config=False)
        except config.ConfigException as error:
            raise ContextMissingError(
                f"The cluster cannot be reached by {self.name}: {error} Name a context of your kubeconfig in the "
                "environment's file (context, in the section kubernetes), or set KUBECONFIG to the file that has it."
            ) from error
        self._api: Any = client.ApiClient(configuration)

    def get(self, ref: Ref) -> Manifest | None:
        """Return the object as it is, or None where there is none.

        Raises:
            ClusterError: it may not be read, or nothing answers.
        """
        try:
            return self._call("GET", ref.path, str(ref))
        except ObjectRefusedError as error:
            if error.status == 404:
                return None
            raise

    def apply(self, wanted: Manifest, *, dry_run: bool = False) -> Manifest:
        """Apply ``wanted`` server-side, taking back fields that others changed, and return what comes of it.

        Raises:
            ClusterError: the server refuses it, or nothing answers.
        """
        query = [("fieldManager", MANAGED_BY), ("force", "true"), *([("dryRun", "All")] if dry_run else [])]
        ref = ref_of(wanted)
        return self._call("PATCH", ref.path, str(ref), query, wanted)

    def list_objects(
        self, kind: str, namespace: str | None = None, labels: Mapping[str, str] | None = None
    ) -> list[Manifest]:
        """Return the objects of ``kind`` that have all of ``labels``, in one namespace or, for None, in all.

        Raises:
            ClusterError: they may not be listed, or nothing answers.
        """
        return self.list_at(path_of(kind, namespace), labels)

    def list_at(self, path: str, labels: Mapping[str, str] | None = None) -> list[Manifest]:
        """Return the objects that the API lists at ``path``; see :meth:`list_objects`."""
        selector = ",".join(f"{key}={value}" for key, value in sorted((labels or {}).items()))
        found = self._call("GET", path, path, [("labelSelector", selector)] if selector else [])
        return list(found.get("items") or [])

    def delete(self, ref: Ref) -> None:
        """Delete an object, and with it what it owns. One that is gone already is no error.

        Raises:
            ClusterError: it may not be deleted, or nothing answers.
        """
        try:
            self._call("DELETE", ref.path, str(ref), [("propagationPolicy", "Foreground")])
        except ObjectRefusedError as error:
            if error.status != 404:
                raise

    def _call(
        self,
        method: str,
        path: str,
        subject: str,
        query: list[tuple[str, str]] | None = None,
        body: Manifest | None = None,
    ) -> Manifest:
        headers = {"Accept": "application/json", **({"Content-Type": _APPLY} if body else {})}
        try:
            answer = self._api.call_api(
                path,
                method,
                query_params=query or [],
                header_params=headers,
                body=body,
                response_type="object",
                auth_settings=["BearerToken"],
                _return_http_data_only=True,
                _request_timeout=_SECONDS,
            )
        except self._failure as error:
            raise ObjectRefusedError(subject, int(error.status), _reason(error)) from error
        except self._unreachable as error:
            raise ClusterError(
                f"{subject}: the API server of {self.name} does not answer ({error.__class__.__name__}). Is its "
                "address right, and can this machine reach it?"
            ) from error
        assert isinstance(answer, dict)
        return answer


def _reason(error: Any) -> str:
    """Return what the server said, in one line."""
    try:
        said = json.loads(error.body)["message"]
    except (TypeError, ValueError, KeyError):
        said = error.reason or error.body
    return " ".join(str(said).split())
