"""The stack contract: what every Terraform root outputs and everything after Terraform reads.

A root's output ``stacks`` maps a team's name (or ``platform``) to one :class:`StackContract`. The shape is the same
on every cloud. Secrets are references; a value never passes through state or output.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import cache
from typing import Annotated, Any, Literal, TypeVar

from pydantic import Field, JsonValue, TypeAdapter, ValidationError, model_validator

from environments import Cloud
from environments.errors import ExpectedError
from environments.strict import StrictModel

CONTRACT_VERSION = 1

ComponentType = Literal[
    "orchestrator",
    "artifact_store",
    "container_registry",
    "experiment_tracker",
    "model_registry",
    "image_builder",
    "step_operator",
    "deployer",
    "log_store",
]
"""ZenML stack component types that a root may declare."""

SecretManager = Literal["environment", "aws-secrets-manager", "gcp-secret-manager", "azure-key-vault"]
"""Where a secret's value is kept; ``environment`` is a variable of the process that registers stacks."""


class ContractError(ExpectedError):
    """What Terraform put out is no stack contract; the message says where it departs from one."""


class StackIdentity(StrictModel):
    """The ZenML stack to register."""

    name: Annotated[str, Field(pattern=r"^[a-z0-9-]+$")]
    labels: dict[str, str]


class Component(StrictModel):
    """One stack component. It carries the stack's name in ZenML."""

    flavor: str
    configuration: dict[str, JsonValue] = Field(default={})
    connector: str | None = Field(default=None, description="Key into ``connectors``.")


class Connector(StrictModel):
    """One ZenML service connector."""

    type: str
    auth_method: str
    resource_type: str
    resource_id: str | None = None
    configuration: dict[str, JsonValue] = Field(default={})


_Configured = TypeVar("_Configured", Component, Connector)


class Secret(StrictModel):
    """Where a secret's value is found; never the value."""

    manager: SecretManager
    reference: str


class Cost(StrictModel):
    """How this environment's spend is looked up."""

    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")]
    budget: float = Field(gt=0, description="A month, in ``currency``.")
    filters: dict[str, str]


class StackContract(StrictModel):
    """Everything needed to register one stack."""

    version: Literal[1]
    environment: str
    cloud: Cloud
    team: str
    stack: StackIdentity
    components: dict[ComponentType, Component]
    connectors: dict[str, Connector] = Field(default={})
    secrets: dict[str, Secret] = Field(default={})
    cost: Cost
    simulated: bool = Field(
        default=False, description="True when Terraform ran against the offline provider: nothing of this exists."
    )

    @model_validator(mode="after")
    def _complete(self) -> StackContract:
        for needed in ("orchestrator", "artifact_store"):
            if needed not in self.components:
                raise ValueError(f"components: a ZenML stack needs an {needed}")
        for kind, component in self.components.items():
            if component.connector is not None and component.connector not in self.connectors:
                raise ValueError(f"components.{kind}.connector: no connector is called {component.connector!r}")
        return self


@cache
def _stacks() -> TypeAdapter[dict[str, StackContract]]:
    """Build the adapter on first use, as a plan needs none."""
    return TypeAdapter(dict[str, StackContract])


def parse_stacks(value: Any, *, source: str = "the output 'stacks'") -> dict[str, StackContract]:
    """Parse contracts by team from the value of a root's ``stacks`` output.

    Raises:
        ContractError: the value departs from the contract; the message gives the path within it.
    """
    try:
        stacks = _stacks().validate_python(value)
    except ValidationError as error:
        lines = [f"  {'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors()]
        raise ContractError(
            f"{source} is no stack contract (version {CONTRACT_VERSION}):\n" + "\n".join(lines)
        ) from error
    for key, contract in stacks.items():
        if key != contract.team:
            raise ContractError(f"{source}: the key {key!r} holds the contract of team {contract.team!r}.")
    return stacks


HIDDEN = "(hidden)"
_CONFIDENTIAL = re.compile(r"password|passwd|secret|token|credential|(api|access|private|account)_?key", re.IGNORECASE)
_REFERENCE = re.compile(r"\{\{[\w.-]+\}\}")
_USER_INFO = re.compile(r"(?<=://)[^/@\s]+:[^/@\s]+(?=@)")


def without_secrets(contract: StackContract) -> StackContract:
    """Return ``contract`` fit to be shown: what looks like a secret's value in a configuration is hidden.

    A contract should hold none, only references such as ``{{secret.key}}``; a root that puts one in by mistake, or
    somebody who changed the state, does not get it printed.
    """

    def shown(value: JsonValue, key: str = "") -> JsonValue:
        if isinstance(value, dict):
            return {name: shown(inner, name) for name, inner in value.items()}
        if isinstance(value, list):
            return [shown(inner, key) for inner in value]
        if value is None or isinstance(value, bool) or (isinstance(value, str) and _REFERENCE.fullmatch(value)):
            return value
        if _CONFIDENTIAL.search(key):
            return HIDDEN
        return _USER_INFO.sub(HIDDEN, value) if isinstance(value, str) else value

    def parts(of: Mapping[Any, _Configured]) -> dict[Any, _Configured]:
        return {name: part.model_copy(update={"configuration": shown(part.configuration)}) for name, part in of.items()}

    return contract.model_copy(
        update={"components": parts(contract.components), "connectors": parts(contract.connectors)}
    )


def json_schema() -> str:
    """Return the JSON Schema of the ``stacks`` output, as text."""
    return (
        json.dumps({"$schema": "https://json-schema.org/draft/2020-12/schema", **_stacks().json_schema()}, indent=2)
        + "\n"
    )
