"""What the shared server is where it is not this machine's: ``server.yaml``, read by Terraform too.

One server serves every environment. It stands in one of them, in whose account, project or cluster it is, and whose log
says what was done to it.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, field_validator, model_validator

from environments.cluster import Cidr, Cpu, ObjectName, Port, Quantity
from environments.model import EnvironmentName, ImageReference, NetworkSettings
from environments.strict import StrictModel

SERVER = "server"
"""What ``ENV`` is for the shared server; no environment may be called so."""

SERVER_FILE = f"{SERVER}.yaml"

Version = Annotated[int, Field(ge=1)]
HostName = Annotated[
    str, Field(pattern=r"^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)+$")
]
Tracker = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]*/[a-z][a-z0-9]+$")]


_NETWORK = NetworkSettings(cidr="10.30.0.0/20")


class ServerReplicas(StrictModel):
    """How many containers there are of each thing that is served."""

    least: Annotated[int, Field(ge=2)] = Field(default=2, description="Two, so that one can go.")
    most: Annotated[int, Field(ge=2, le=50)] = 6

    @model_validator(mode="after")
    def _most_is_no_less(self) -> ServerReplicas:
        if self.most < self.least:
            raise ValueError(f"most is {self.most}, less than least ({self.least})")
        return self


class ServerSecrets(StrictModel):
    """Versions of what the server keeps secret. Raise one to write a new value, given in that run.

    The key that encrypts secrets' values in the database is not among what can be written anew: they would be lost.
    """

    administrator_password: Version = Field(default=1, description="Of the first administrator, admin.")
    database_password: Version = 1
    token_key: Version = Field(default=1, description="Signs logins; a new one ends every login.")


class ServerDatabase(StrictModel):
    """The MySQL in which server and trackers keep what they know."""

    backup_days: Annotated[int, Field(ge=7, le=35)] = Field(
        default=35, description="Of daily backups, and how far back any minute can be returned to."
    )
    storage_gb: Annotated[int, Field(ge=20, le=16384)] = Field(default=50, description="To begin with; it grows.")
    version: Annotated[str, Field(pattern=r"^8\.[0-9]$")] = "8.4"


class ServerAws(StrictModel):
    """The server in an AWS account."""

    certificate_arn: Annotated[
        str, Field(pattern=r"^arn:aws[a-z-]*:acm:[a-z0-9-]+:[0-9]{12}:certificate/[0-9a-f-]+$")
    ] = Field(description="In ACM; of the domain, and of *.domain where there are trackers.")
    clients: Annotated[tuple[Cidr, ...], Field(min_length=1)] = Field(
        description="Private addresses from which people and runs use it."
    )
    database_class: Annotated[str, Field(pattern=r"^db\.[a-z0-9]+\.[a-z0-9]+$")] = "db.m7g.large"
    network: NetworkSettings = _NETWORK

    @field_validator("clients")
    @classmethod
    def _not_everybody(cls, clients: tuple[str, ...]) -> tuple[str, ...]:
        if any(cidr.endswith("/0") for cidr in clients):
            raise ValueError("the whole internet may not use the server; name your own networks")
        return clients


class ServerGcp(StrictModel):
    """The server in a Google Cloud project."""

    certificate: Annotated[
        str, Field(pattern=r"^projects/[^/]+/locations/[a-z]+-[a-z]+[0-9]+/certificates/[a-z][a-z0-9-]*$")
    ] = Field(
        description="In Certificate Manager, in the environment's region; of the domain, and of *.domain where there "
        "are trackers."
    )
    database_tier: Annotated[str, Field(pattern=r"^db-(custom-[0-9]+-[0-9]+|perf-optimized-N-[0-9]+)$")] = Field(
        default="db-custom-2-8192",
        description="db-custom-… returns to any minute of 7 days, db-perf-optimized-… of database.backup_days.",
    )
    network: NetworkSettings = _NETWORK
    proxy_cidr: Cidr | None = Field(
        default="10.30.16.0/23",
        description="Of the load balancer's proxies, outside every subnet. None: the network has such a range already.",
    )

    @model_validator(mode="after")
    def _network_is_named_with_one_subnet(self) -> ServerGcp:
        if self.network.existing is not None and len(self.network.existing_subnets) != 1:
            raise ValueError("network.existing_subnets must name the one subnet of network.existing that is used")
        return self


class ServerClusterDatabase(StrictModel):
    """A MySQL or MariaDB that exists already."""

    host: Annotated[str, Field(pattern=r"^[A-Za-z0-9.-]+$")] = Field(description="Name or address, as pods reach it.")
    port: Port = 3306
    user: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]{1,32}$")] = Field(
        default="groundwork", description="May do everything in databases called zenml and mlflow_…, and make them."
    )
    tls: bool = Field(default=True, description="False: the connection is not encrypted.")
    cidrs: Annotated[tuple[Cidr, ...], Field(min_length=1)] = Field(description="Addresses that pods may connect to.")


class ServerIngress(StrictModel):
    """How the cluster lets clients in, with TLS."""

    ingress_class: ObjectName = Field(description="Class of the ingress controller.")
    tls_secret: ObjectName = Field(description="Secret of type kubernetes.io/tls in the server's namespace.")


class ServerKubernetes(StrictModel):
    """The server in the cluster of the environment that it stands in."""

    clients: Annotated[tuple[Cidr, ...], Field(min_length=1)] = Field(
        description="Addresses that may connect to its pods: the ingress controller's, and nodes that ask for health."
    )
    database: ServerClusterDatabase
    secret: ObjectName = Field(
        default="server",
        description="Secret in its namespace, made by whoever administers the cluster: administrator_password, "
        "database_password, encryption_key, token_key, and the store's keys as access_key and secret_key.",
    )
    ingress: ServerIngress | None = Field(
        default=None, description="None: something else leads clients to the services."
    )
    cpu: Cpu = 0.5
    memory: Quantity = "2Gi"


class ServerSettings(StrictModel):
    """The shared server."""

    stands_in: EnvironmentName = Field(description="The environment in whose account, project or cluster it is.")
    domain: HostName = Field(description="Its name. A tracker's page is <team>-<environment>.<domain>.")
    image: ImageReference = Field(description="By digest, as `make image KIND=server PUSH=1` prints it.")
    protected: bool = Field(default=True, description="Database and load balancer refuse to be deleted.")
    replicas: ServerReplicas = ServerReplicas()
    trackers: tuple[Tracker, ...] = Field(
        default=(), description="Whose runs are tracked there, as team/environment; each has a page of its own."
    )
    secrets: ServerSecrets = ServerSecrets()
    database: ServerDatabase = ServerDatabase()
    aws: ServerAws | None = None
    gcp: ServerGcp | None = None
    kubernetes: ServerKubernetes | None = None

    @field_validator("image")
    @classmethod
    def _by_digest(cls, image: str) -> str:
        if "@sha256:" not in image:
            raise ValueError("must be given by digest (name@sha256:...), so that what runs is what was reviewed")
        return image

    @field_validator("trackers")
    @classmethod
    def _trackers_differ(cls, trackers: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(trackers)) != len(trackers):
            raise ValueError("the same tracker is listed twice")
        return trackers
