"""The shared server in a cluster: ZenML's server and the trackers' pages, two pods or more of each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from environments import (
    PLATFORM,
    SERVER,
    SERVER_FILE,
    Environment,
    Platform,
    ServerSettings,
    SettingsError,
    names_for,
    stack_name,
)
from environments.cluster import ClusterEgress, memory_bytes
from environments.server import ServerKubernetes
from stack_bootstrap.cluster.network import blocks, let_out, rule, tcp, to_names
from stack_bootstrap.cluster.objects import Manifest, manifest
from stack_bootstrap.cluster.render import POD_SECURITY, ClusterTarget

_PORT = 8080
_SCRATCH = "/var/lib/groundwork"
"""The only place that a container may write to; the image says whose it is."""
_DRAIN_SECONDS = 45
"""How long a pod may take to finish what it has begun, once nothing new is led to it."""
_USER = 10001


def server_target(platform: Platform, environment: Environment) -> ClusterTarget:
    """Return the cluster of ``environment`` with the objects of the shared server that stands in it."""
    server, cluster = platform.server, environment.kubernetes
    assert server is not None, "its workspace was made of it"
    assert server.kubernetes is not None, "its workspace was made of it"
    assert cluster is not None, "pick_cloud has seen to it"
    target = ClusterTarget(environment.prefix, SERVER, "kubernetes", cluster, serves=True)
    stores = {
        cidr: other.kubernetes.egress.store.ports
        for other in platform.environments.values()
        if other.kubernetes is not None
        for cidr in other.kubernetes.egress.store.cidrs
    }
    labels = {
        **environment.labels,
        **target.labels,
        "team": PLATFORM,
        "zenml_stack": stack_name(PLATFORM, environment.environment, "kubernetes"),
    }
    namespace = target.namespace_of(PLATFORM)
    made = [
        manifest("Namespace", namespace, {**labels, **POD_SECURITY}),
        manifest("ServiceAccount", "default", labels, namespace, automountServiceAccountToken=False),
        manifest("ServiceAccount", SERVER, labels, namespace, **_pulling(cluster.pull_secret)),
        manifest("ResourceQuota", SERVER, labels, namespace, spec={"hard": _most(server)}),
        *_network(namespace, labels, server.kubernetes, cluster.egress, stores),
        *_services(namespace, labels, platform, server),
    ]
    return replace(target, manifests=tuple(made))


def _pulling(secret: str | None) -> dict[str, Any]:
    return {"automountServiceAccountToken": False, **({"imagePullSecrets": [{"name": secret}]} if secret else {})}


def _most(server: ServerSettings) -> dict[str, str]:
    """Return the most that all pods together may ask for: for a while, two releases are there."""
    own = server.kubernetes
    assert own is not None, "its workspace was made of it"
    pods = 2 * (server.replicas.least + 1) * (1 + len(server.trackers))
    return {
        "pods": str(pods),
        "requests.cpu": f"{own.cpu * pods:g}",
        "requests.memory": f"{memory_bytes(own.memory) * pods // 2**20}Mi",
        "services.loadbalancers": "0",
        "services.nodeports": "0",
    }


def _network(
    namespace: str,
    labels: Mapping[str, str],
    own: ServerKubernetes,
    egress: ClusterEgress,
    stores: Mapping[str, tuple[int, ...]],
) -> list[Manifest]:
    """Return the policies of ``namespace``: all is refused, then clients are let in, and database and logs out."""

    def policy(name: str, spec: dict[str, Any]) -> Manifest:
        return manifest("NetworkPolicy", name, labels, namespace, spec={"podSelector": {}, **spec})

    within: dict[str, Any] = {"podSelector": {}}
    within_rule = rule([within], tcp([_PORT]))
    let_in = [{"from": [*blocks(own.clients), within], "ports": within_rule["ports"]}]
    return [
        policy("default-deny", {"policyTypes": ["Ingress", "Egress"]}),
        policy("clients", {"policyTypes": ["Ingress"], "ingress": let_in}),
        policy("egress-dns", to_names(egress)),
        policy("database", let_out(rule(blocks(own.database.cidrs), tcp([own.database.port])))),
        policy("store", let_out(*(rule(blocks([cidr]), tcp(ports)) for cidr, ports in sorted(stores.items())))),
        policy("trackers-to-server", let_out(within_rule)),
    ]


def _services(
    namespace: str, labels: Mapping[str, str], platform: Platform, server: ServerSettings
) -> Iterator[Manifest]:
    own = server.kubernetes
    assert own is not None, "its workspace was made of it"
    secret = own.secret
    hosts = {"zenml": server.domain}
    yield from _served(
        namespace,
        labels,
        server,
        "zenml",
        "/ready",
        {"ZENML_SERVER_SERVER_URL": f"https://{server.domain}"},
        {
            "ZENML_DEFAULT_USER_PASSWORD": (secret, "administrator_password"),
            "ZENML_SECRETS_STORE_ENCRYPTION_KEY": (secret, "encryption_key"),
            "ZENML_SERVER_JWT_SECRET_KEY": (secret, "token_key"),
        },
    )
    for tracker in server.trackers:
        name = f"tracker-{tracker.replace('/', '-')}"
        hosts[name] = f"{tracker.replace('/', '-')}.{server.domain}"
        environment = {
            **_files_of(tracker, platform),
            "GROUNDWORK_TRACKER_OWNER": tracker,
            "GROUNDWORK_TRACKER_SERVER": "http://zenml",
            "MLFLOW_SERVER_ALLOWED_HOSTS": hosts[name],
        }
        yield from _served(namespace, labels, server, name, "/health", environment, {})
    if own.ingress is not None:
        yield manifest("Ingress", SERVER, labels, namespace, spec=_ingress(hosts, own))


def _files_of(tracker: str, platform: Platform) -> dict[str, str]:
    """Return the variables that say where files of ``tracker`` (team/environment) are: beside the team's artifacts."""
    team, _, name = tracker.partition("/")
    environment = platform.environment(name)
    if environment.kubernetes is None:
        raise SettingsError(
            f"{SERVER_FILE}: trackers: {name} has no 'kubernetes' section, so {tracker} keeps no files."
        )
    bucket = names_for(team, name, "kubernetes", environment.prefix).artifact_store
    return {
        "GROUNDWORK_TRACKER_FILES": f"s3://{bucket}/mlflow",
        "MLFLOW_S3_ENDPOINT_URL": environment.kubernetes.store.endpoint,
    }


def _ingress(hosts: Mapping[str, str], own: ServerKubernetes) -> dict[str, Any]:
    assert own.ingress is not None, "there is one"
    return {
        "ingressClassName": own.ingress.ingress_class,
        "tls": [{"hosts": sorted(hosts.values()), "secretName": own.ingress.tls_secret}],
        "rules": [
            {
                "host": host,
                "http": {
                    "paths": [
                        {
                            "path": "/",
                            "pathType": "Prefix",
                            "backend": {"service": {"name": name, "port": {"name": "http"}}},
                        }
                    ]
                },
            }
            for name, host in hosts.items()
        ],
    }


def _served(
    namespace: str,
    labels: Mapping[str, str],
    server: ServerSettings,
    name: str,
    ready: str,
    environment: Mapping[str, str],
    secrets: Mapping[str, tuple[str, str]],
) -> list[Manifest]:
    chosen = {"part": name}
    return [
        manifest(
            "Service",
            name,
            labels,
            namespace,
            spec={"selector": chosen, "ports": [{"name": "http", "port": 80, "targetPort": "http"}]},
        ),
        manifest(
            "PodDisruptionBudget",
            name,
            labels,
            namespace,
            spec={"minAvailable": server.replicas.least - 1, "selector": {"matchLabels": chosen}},
        ),
        manifest(
            "Deployment",
            name,
            labels,
            namespace,
            spec={
                "replicas": server.replicas.least,
                "selector": {"matchLabels": chosen},
                # A new pod answers before an old one goes.
                "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}},
                "template": {
                    "metadata": {"labels": {**labels, **chosen}},
                    "spec": _pod(server, name, ready, environment, secrets),
                },
            },
        ),
    ]


def _pod(
    server: ServerSettings,
    name: str,
    ready: str,
    environment: Mapping[str, str],
    secrets: Mapping[str, tuple[str, str]],
) -> dict[str, Any]:
    own = server.kubernetes
    assert own is not None, "its workspace was made of it"
    database = {
        "GROUNDWORK_DATABASE_HOST": own.database.host,
        "GROUNDWORK_DATABASE_PORT": str(own.database.port),
        "GROUNDWORK_DATABASE_TLS": "required" if own.database.tls else "off",
        "GROUNDWORK_DATABASE_USER": own.database.user,
        "GROUNDWORK_SERVER_PORT": str(_PORT),
    }
    references = {
        "AWS_ACCESS_KEY_ID": (own.secret, "access_key"),
        "AWS_SECRET_ACCESS_KEY": (own.secret, "secret_key"),
        "GROUNDWORK_DATABASE_PASSWORD": (own.secret, "database_password"),
        **secrets,
    }
    asks = {"httpGet": {"path": "/health", "port": "http"}, "periodSeconds": 10, "timeoutSeconds": 5}
    spread = {"part": name}
    return {
        "affinity": {
            "podAntiAffinity": {
                "preferredDuringSchedulingIgnoredDuringExecution": [
                    {
                        "weight": 100,
                        "podAffinityTerm": {
                            "labelSelector": {"matchLabels": spread},
                            "topologyKey": "kubernetes.io/hostname",
                        },
                    }
                ]
            }
        },
        "serviceAccountName": SERVER,
        "automountServiceAccountToken": False,
        "terminationGracePeriodSeconds": _DRAIN_SECONDS,
        "securityContext": {
            "fsGroup": _USER,
            "runAsNonRoot": True,
            "runAsUser": _USER,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "volumes": [{"name": "scratch", "emptyDir": {"sizeLimit": "2Gi"}}],
        "containers": [
            {
                "name": name,
                "image": server.image,
                "command": [
                    "python",
                    "-m",
                    "governance.server.container",
                    "zenml" if name == "zenml" else "tracker",
                ],
                "env": [
                    *({"name": key, "value": value} for key, value in sorted({**database, **environment}.items())),
                    *(
                        {"name": key, "valueFrom": {"secretKeyRef": {"name": held, "key": entry}}}
                        for key, (held, entry) in sorted(references.items())
                    ),
                ],
                "ports": [{"name": "http", "containerPort": _PORT}],
                # The first start makes the database, which takes its time and is no failure.
                "startupProbe": {**asks, "failureThreshold": 60},
                "livenessProbe": {**asks, "failureThreshold": 6},
                "readinessProbe": {
                    "httpGet": {"path": ready, "port": "http"},
                    "periodSeconds": 5,
                    "timeoutSeconds": 5,
                },
                # Whoever leads requests here learns only after a while that this pod goes.
                "lifecycle": {"preStop": {"exec": {"command": ["sleep", "10"]}}},
                "resources": {
                    "requests": {"cpu": f"{own.cpu:g}", "memory": own.memory},
                    "limits": {"memory": own.memory},
                },
                "securityContext": {
                    "allowPrivilegeEscalation": False,
                    "capabilities": {"drop": ["ALL"]},
                    "privileged": False,
                    "readOnlyRootFilesystem": True,
                },
                "volumeMounts": [{"name": "scratch", "mountPath": _SCRATCH}],
            }
        ],
    }
