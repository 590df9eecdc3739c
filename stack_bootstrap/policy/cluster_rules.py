"""Our rules over what lives inside a cluster: each from one object, or all of a namespace, to what is wrong with it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from stack_bootstrap.cluster.objects import Manifest, ref_of
from stack_bootstrap.policy.rules import ANYWHERE, REQUIRED_LABELS, Violation

_READING = frozenset({"get", "list", "watch", "*"})
_BEYOND = frozenset({"*", "bind", "deletecollection", "escalate", "impersonate"})
_INTO_PODS = frozenset({"pods/attach", "pods/ephemeralcontainers", "pods/exec", "pods/portforward"})


def cluster_violations(manifests: Sequence[Manifest]) -> list[Violation]:
    """Return every breach of a rule of ours in the objects of one environment."""
    found = [
        Violation(name, str(ref_of(manifest)), message)
        for manifest in manifests
        for name, rule in _RULES.items()
        for message in rule(manifest)
    ]
    for namespace in (it for it in manifests if it["kind"] == "Namespace"):
        name = namespace["metadata"]["name"]
        own = [it for it in manifests if it["metadata"].get("namespace") == name]
        if not any(_denies_all(it) for it in own):
            found.append(Violation("network-closed", str(ref_of(namespace)), "no policy refuses all that is not named"))
        if not any(it["kind"] == "ResourceQuota" for it in own):
            found.append(Violation("quota", str(ref_of(namespace)), "nothing bounds what its pods ask for"))
    return found


def _labels_complete(manifest: Manifest) -> Iterator[str]:
    missing = [label for label in REQUIRED_LABELS if label not in manifest["metadata"]["labels"]]
    if missing:
        yield f"lacks the labels {', '.join(missing)}: its cost could be charged to nobody"


def _pods_restricted(manifest: Manifest) -> Iterator[str]:
    if manifest["kind"] == "Namespace":
        enforced = manifest["metadata"]["labels"].get("pod-security.kubernetes.io/enforce")
        if enforced != "restricted":
            yield f"enforces {enforced or 'no'} Pod Security: pods could run as root"


def _least_rights(manifest: Manifest) -> Iterator[str]:
    for rule in manifest.get("rules", []):
        verbs, resources = set(rule["verbs"]), set(rule["resources"])
        if _BEYOND & (verbs | resources):
            yield f"grants {', '.join(sorted(_BEYOND & (verbs | resources)))}"
        if "secrets" in resources and _READING & verbs:
            yield "reads secrets"
        if _INTO_PODS & resources:
            yield f"reaches into pods by {', '.join(sorted(_INTO_PODS & resources))}"
    if manifest["kind"] == "RoleBinding" and manifest["roleRef"]["kind"] != "Role":
        yield f"binds the {manifest['roleRef']['kind']} {manifest['roleRef']['name']}, which no rule here sees"


def _network_closed(manifest: Manifest) -> Iterator[str]:
    if manifest["kind"] != "NetworkPolicy":
        return
    for way in ("ingress", "egress"):
        for rule in manifest["spec"].get(way, []):
            peers: list[Any] = rule.get("to" if way == "egress" else "from", [])
            if not peers or ANYWHERE & {peer.get("ipBlock", {}).get("cidr") for peer in peers}:
                yield f"lets pods {'reach' if way == 'egress' else 'be reached from'} the whole internet"


def _denies_all(manifest: Manifest) -> bool:
    closed = {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    return manifest["kind"] == "NetworkPolicy" and bool(manifest["spec"] == closed)


_RULES = {
    "labels-complete": _labels_complete,
    "least-rights": _least_rights,
    "network-closed": _network_closed,
    "pods-restricted": _pods_restricted,
}
