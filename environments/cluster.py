"""What an environment says of a Kubernetes cluster: where it is, what runs may use and reach there, at what price."""

from __future__ import annotations

from ipaddress import ip_network
from typing import Annotated

from pydantic import AfterValidator, Field

from environments.strict import StrictModel


def _is_cidr(text: str) -> str:
    try:
        ip_network(text)
    except ValueError as error:
        raise ValueError(
            f"{error}; write an address range such as 10.1.2.0/24, or one address as 10.1.2.3/32"
        ) from error
    return text


Cidr = Annotated[str, AfterValidator(_is_cidr)]
Port = Annotated[int, Field(ge=1, le=65535)]
Quantity = Annotated[str, Field(pattern=r"^[1-9][0-9]*(Mi|Gi)$")]
"""An amount of memory as Kubernetes writes it."""
Cpu = Annotated[float, Field(gt=0, le=1024)]
ObjectName = Annotated[str, Field(pattern=r"^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$")]


def memory_bytes(quantity: str) -> int:
    """Return the bytes in ``quantity``, such as ``512Mi``."""
    return int(quantity[:-2]) * (2**20 if quantity.endswith("Mi") else 2**30)


class ContainerRegistry(StrictModel):
    """The registry that pods pull from."""

    uri: Annotated[str, Field(pattern=r"^[a-z0-9]+(?:[._-][a-z0-9]+)*(?::[0-9]+)?$")] = Field(
        description="Host and port, without scheme."
    )
    repository: Annotated[str, Field(pattern=r"^[a-z0-9]+(?:[._/-][a-z0-9]+)*$")] = Field(
        description="What leads the name of every image there; a team's stand below it."
    )


class ObjectStore(StrictModel):
    """A store that speaks S3's protocol, such as MinIO or Ceph."""

    endpoint: Annotated[str, Field(pattern=r"^https?://[A-Za-z0-9.-]+(?::[0-9]+)?$")] = Field(
        description="As pods and whoever applies reach it."
    )
    region: Annotated[str, Field(pattern=r"^[a-z0-9-]+$")] = "us-east-1"
    create_buckets: bool = Field(
        default=True,
        description="False: the buckets exist under the names that `make output` shows, that of the audit log with "
        "object lock.",
    )


class ContainerDefaults(StrictModel):
    """What a container gets that asks for nothing."""

    cpu: Cpu = 0.25
    memory: Quantity = "1Gi"


class TeamQuota(StrictModel):
    """The most that all pods of one team may ask for together."""

    cpu: Cpu
    memory: Quantity
    accelerators: Annotated[int, Field(ge=0)] = 0
    pods: Annotated[int, Field(ge=2)] = 50


class ResourcePrices(StrictModel):
    """What the cluster's resources cost, in the budget's currency."""

    cpu_hour: Annotated[float, Field(ge=0)]
    gb_hour: Annotated[float, Field(ge=0)] = Field(description="Of memory, by the gibibyte.")
    gpu_hour: Annotated[float, Field(ge=0)] = 0.0


class NetworkPeer(StrictModel):
    """Something that pods may connect to."""

    cidrs: Annotated[tuple[Cidr, ...], Field(min_length=1)]
    ports: Annotated[tuple[Port, ...], Field(min_length=1)]


class ClusterEgress(StrictModel):
    """Everything that pods may connect to; the rest is refused. Addresses as pods' packets carry them in the end."""

    api_server: NetworkPeer = Field(description="Of the cluster: addresses of its endpoints, not of the service.")
    zenml_server: NetworkPeer
    store: NetworkPeer
    dns: NetworkPeer | None = Field(
        default=None, description="None: the pods labelled k8s-app=kube-dns in kube-system."
    )
    registry: NetworkPeer | None = Field(
        default=None, description="Only where steps themselves ask the registry: nodes pull images by themselves."
    )
    others: dict[ObjectName, NetworkPeer] = Field(default={}, description="Such as data sources, by a name of yours.")


class ClusterSettings(StrictModel):
    """What runs may use and reach in a cluster, wherever it stands."""

    context: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.:/@-]*$")] | None = Field(
        description="Context in the kubeconfig of whoever applies and runs. None: they are pods of this cluster."
    )
    quota: TeamQuota
    defaults: ContainerDefaults = ContainerDefaults()
    accelerator: Annotated[str, Field(pattern=r"^[a-z0-9.-]+/[a-z0-9.-]+$")] = Field(
        default="nvidia.com/gpu", description="What the cluster calls an accelerator."
    )
    prices: ResourcePrices
    egress: ClusterEgress
    pull_secret: ObjectName | None = Field(
        default=None,
        description="Secret of type kubernetes.io/dockerconfigjson that whoever administers the cluster puts into each "
        "namespace. None: nodes may pull.",
    )

    def check_limits(self, cpu: float, memory: str, accelerators: int) -> None:
        """Check that a step which asks for the most that it may fits into its team's quota.

        Args:
            cpu: cores.
            memory: in Mi or Gi.
            accelerators: how many.

        Raises:
            ValueError: it does not, or what is given to a step that asks for nothing is more than it may have.
        """
        if cpu > self.quota.cpu or memory_bytes(memory) > memory_bytes(self.quota.memory):
            raise ValueError(
                f"limits: a step may ask for {cpu:g} cores and {memory}, more than the {self.quota.cpu:g} and "
                f"{self.quota.memory} of its team's quota"
            )
        if accelerators > self.quota.accelerators:
            raise ValueError(
                f"limits.accelerators is {accelerators}, more than the {self.quota.accelerators} of a team's quota"
            )
        if self.defaults.cpu > cpu or memory_bytes(self.defaults.memory) > memory_bytes(memory):
            raise ValueError(
                f"defaults: a step that asks for nothing gets {self.defaults.cpu:g} cores and {self.defaults.memory}, "
                f"more than the {cpu:g} and {memory} that limits let it ask for"
            )


class KubernetesCloud(ClusterSettings):
    """A cluster, an S3-compatible store and a registry that exist already, on premises or managed."""

    registry: ContainerRegistry
    store: ObjectStore
