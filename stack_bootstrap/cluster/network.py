"""Who pods talk to: nobody, but for what the environment's settings name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from environments.cluster import ClusterEgress, NetworkPeer
from stack_bootstrap.cluster.objects import Manifest, manifest

ORCHESTRATOR_LABEL = {"part": "orchestrator"}
"""Label of the pods that ask the API server, which no other pod may reach; the stack's contract gives it to them."""

_DNS_PODS = {
    "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "kube-system"}},
    "podSelector": {"matchLabels": {"k8s-app": "kube-dns"}},
}


def network_policies(
    namespace: str, labels: Mapping[str, str], egress: ClusterEgress, credentials: NetworkPeer | None = None
) -> list[Manifest]:
    """Return the policies of ``namespace``: all is refused, then what ``egress`` names is let out.

    Args:
        namespace: whose.
        labels: of each policy.
        egress: everything that pods may connect to.
        credentials: what on each node hands pods a cloud's credentials; None where none are.
    """

    def policy(name: str, spec: dict[str, Any]) -> Manifest:
        return manifest("NetworkPolicy", name, labels, namespace, spec=spec)

    def out(name: str, peer: NetworkPeer, pods: Mapping[str, str] | None = None) -> Manifest:
        return policy(f"egress-{name}", let_out(rule(blocks(peer.cidrs), tcp(peer.ports)), pods=pods))

    return [
        policy("default-deny", {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}),
        policy("egress-dns", to_names(egress)),
        out("api-server", egress.api_server, ORCHESTRATOR_LABEL),
        out("zenml-server", egress.zenml_server),
        out("store", egress.store),
        *([] if credentials is None else [out("credentials", credentials)]),
        *([] if egress.registry is None else [out("registry", egress.registry)]),
        *(out(f"to-{name}", peer) for name, peer in sorted(egress.others.items())),
    ]


def to_names(egress: ClusterEgress) -> dict[str, Any]:
    """Return the policy by which every pod asks for names, where ``egress`` says that they are answered."""
    answering = [_DNS_PODS] if egress.dns is None else blocks(egress.dns.cidrs)
    ports = (53,) if egress.dns is None else egress.dns.ports
    return let_out(rule(answering, [(protocol, port) for port in ports for protocol in ("UDP", "TCP")]))


def tcp(ports: Iterable[int]) -> list[tuple[str, int]]:
    """Return ``ports`` of TCP, as :func:`rule` takes them."""
    return [("TCP", port) for port in ports]


def blocks(cidrs: Iterable[str]) -> list[dict[str, Any]]:
    """Return the peers that have the addresses ``cidrs``."""
    return [{"ipBlock": {"cidr": cidr}} for cidr in cidrs]


def let_out(*rules: Mapping[str, Any], pods: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Return the policy that lets out what any of ``rules`` does, from pods with the labels ``pods`` (default: all)."""
    return {
        "podSelector": {"matchLabels": dict(pods)} if pods else {},
        "policyTypes": ["Egress"],
        "egress": list(rules),
    }


def rule(to: list[dict[str, Any]], ports: Iterable[tuple[str, int]]) -> dict[str, Any]:
    """Return the rule that lets through to the peers ``to`` at ``ports``, each with its protocol."""
    return {"to": to, "ports": [{"protocol": protocol, "port": port} for protocol, port in ports]}
