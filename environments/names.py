"""Names derived from a team and an environment, and the limits each cloud puts on them.

The patterns are in ``names.yaml``, which Terraform reads too. Nothing is ever truncated: the longest legal team
and environment names fit every limit, so two different inputs cannot collapse into one name.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from string import Template
from typing import Any

import yaml

PLATFORM = "platform"
"""The team name that stands for the platform's own stack; no team file may use it."""

DEFAULT_PROJECT = "default"
"""The ZenML project that every store has."""
SHARED_PROJECT = "platform-shared"
"""The ZenML project for what is everybody's, where each team has its own."""

RESERVED_TEAMS = frozenset({PLATFORM, "local", DEFAULT_PROJECT, SHARED_PROJECT, "shared", "teams"})
TEAM_MAX = 16
ENVIRONMENT_MAX = 10
PREFIX_MAX = 14

TEAM_PATTERN = r"^[a-z](-?[a-z0-9])+$"
"""Lower-case letters, digits and single inner hyphens, starting with a letter."""

ENVIRONMENT_PATTERN = r"^[a-z][a-z0-9]+$"
"""As a team's, but with no hyphen: ``{team}-{environment}`` then splits in one way only."""

PREFIX_PATTERN = TEAM_PATTERN

MODEL_PATTERN = r"^[a-z][a-z0-9]*(?:_[a-z0-9]+)+$"
"""``{purpose}_{type}`` in snake case, such as ``breast_cancer_classifier``."""


@dataclass(frozen=True)
class Limit:
    """What one cloud accepts as a name."""

    where: str
    minimum: int
    maximum: int
    pattern: str

    def check(self, name: str) -> None:
        """Raise ``ValueError`` that names the limit when ``name`` breaks it."""
        if not self.minimum <= len(name) <= self.maximum:
            raise ValueError(
                f"{name!r} has {len(name)} characters; {self.where} takes {self.minimum} to {self.maximum}"
            )
        if not re.fullmatch(self.pattern, name):
            raise ValueError(f"{name!r} does not match {self.pattern}, which {self.where} requires")


# Sources: cloud.google.com/iam/docs/service-accounts-create, cloud.google.com/storage/docs/buckets,
# docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html, the IAM and ECR API references,
# cloud.google.com/artifact-registry/docs/repositories, cloud.google.com/compute/docs/labeling-resources,
# docs.aws.amazon.com/secretsmanager, ZenML 0.98 (STR_FIELD_MAX_LENGTH),
# kubernetes.io/docs/concepts/overview/working-with-objects/names (RFC 1123 labels).
LIMITS: Mapping[str, tuple[Limit, ...]] = {
    "stack": (Limit("a ZenML stack name", 1, 255, r"[a-z0-9-]+"), Limit("a label", 1, 63, r"[a-z0-9_-]+")),
    "identity": (
        Limit("a Google service account id", 6, 30, r"[a-z](?:[a-z0-9-]*[a-z0-9])"),
        Limit("an AWS role name", 1, 64, r"[\w+=,.@-]+"),
    ),
    "bucket": (
        Limit("a Google or S3 bucket name", 3, 63, r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])"),
        Limit(
            "Google, which keeps names with 'google' or leading 'goog' for itself,", 3, 63, r"(?!goog)(?!.*google).*"
        ),
        Limit(
            "S3, which keeps the prefixes xn--, sthree- and amzn-s3-demo- for itself,",
            3,
            63,
            r"(?!xn--|sthree-|amzn-s3-demo-).*",
        ),
    ),
    "registry": (
        Limit("an Artifact Registry repository", 1, 63, r"[a-z](?:[a-z0-9-]*[a-z0-9])"),
        Limit("an ECR repository", 2, 256, r"[a-z0-9]+(?:[._/-][a-z0-9]+)*"),
    ),
    "namespace": (Limit("a Kubernetes namespace", 1, 63, r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?"),),
    "secret": (Limit("a secret's name", 1, 255, r"[A-Za-z0-9_-]+"),),
}


@dataclass(frozen=True)
class Names:
    """Every name of one team in one environment."""

    stack: str
    client: str
    workload: str
    registry: str
    artifact_store: str
    audit_store: str
    folder: str
    namespace: str


@cache
def _patterns() -> dict[str, Any]:
    """Return the naming patterns of ``names.yaml``, as Terraform reads them."""
    loaded = yaml.safe_load((Path(__file__).parent / "names.yaml").read_text(encoding="utf-8"))
    assert isinstance(loaded, dict)
    return loaded


def spell(pattern: str, **parts: str) -> str:
    """Put ``parts`` into the pattern at ``pattern`` in ``names.yaml``, such as ``identity.client``.

    Raises:
        KeyError: there is no such pattern, or it names a part that is not given.
    """
    found: Any = _patterns()
    for key in pattern.split("."):
        found = found[key]
    return Template(found).substitute(parts)


def stack_name(team: str, environment: str, cloud: str) -> str:
    """Return the ZenML stack of ``team`` (or :data:`PLATFORM`) in ``environment`` on ``cloud``."""
    where = "local" if cloud == "local" else "cloud"
    key = f"platform_{where}" if team == PLATFORM else where
    return spell(f"stack.{key}", team=team, environment=environment)


def store_keys_variable(stack: str) -> str:
    """Return the variable that ``stack``, on an own cluster, is registered with its keys of the store from.

    Terraform spells it the same way, in ``infra/roots/kubernetes/contract.tf``.
    """
    return f"{stack}_store".replace("-", "_").upper()


def audit_key_version(environment: str, prefix: str, *, project: str, region: str) -> str:
    """Return the resource name of the version of the Cloud KMS key that Terraform makes for ``environment``'s log.

    Cloud KMS makes version 1 with the key.
    """
    ring = spell("base", prefix=prefix, environment=environment)
    key = spell("audit_key", environment=environment)
    return f"projects/{project}/locations/{region}/keyRings/{ring}/cryptoKeys/{key}/cryptoKeyVersions/1"


def names_for(team: str, environment: str, cloud: str, prefix: str) -> Names:
    """Return every name of ``team`` in ``environment`` on ``cloud``, checked against each cloud's limits.

    Raises:
        ValueError: a name breaks a limit; the message says which name and whose limit.
    """
    parts = {"team": team, "environment": environment, "prefix": prefix}
    names = Names(
        stack=stack_name(team, environment, cloud),
        client=spell("identity.client", **parts),
        workload=spell("identity.workload", **parts),
        registry=spell("registry", **parts),
        artifact_store=spell("artifact_store", **parts),
        audit_store=spell("audit_store", **parts),
        folder=spell("folder", **parts),
        namespace=spell("namespace", **parts),
    )
    for kind, checked in (
        ("stack", (names.stack,)),
        ("identity", (names.client, names.workload)),
        ("bucket", (names.artifact_store, names.audit_store)),
        ("registry", (names.registry,)),
        ("namespace", (names.namespace,)),
    ):
        for name in checked:
            for limit in LIMITS[kind]:
                limit.check(name)
    return names
