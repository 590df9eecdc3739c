"""What ZenML knows about flavors and connector types, asked once each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from stack_bootstrap.registration.errors import naming
from stack_bootstrap.registration.state import ComponentState, ConnectorState

if TYPE_CHECKING:
    from zenml.client import Client
    from zenml.models import FlavorResponse, ServiceConnectorTypeModel


class Catalogue:
    """Checks configurations the way ZenML does, and brings them into the form in which ZenML stores them."""

    def __init__(self, client: Client, secrets: Mapping[str, Mapping[str, str]] | None = None) -> None:
        """Ask nothing of ``client`` until it is needed.

        Args:
            client: The ZenML client.
            secrets: Values of the secrets that are being registered, by their names. ZenML looks up what a
                configuration refers to while it checks it, and these may not be in its store yet.
        """
        self._client = client
        self._secrets = secrets or {}
        self._flavors: dict[tuple[str, str], FlavorResponse] = {}
        self._connector_types: dict[str, ServiceConnectorTypeModel] = {}

    def component(self, state: ComponentState) -> ComponentState:
        """Return ``state`` with its configuration as ZenML would store it.

        Raises:
            RegistrationError: ZenML knows no such flavor or refuses the configuration.
        """
        from zenml.enums import StackComponentType
        from zenml.stack.utils import validate_stack_component_config

        with naming(state.ref.title, state.name):
            looked_up = self._look_up(state.configuration)
        with naming(state.ref.title, state.name, hide=list(looked_up.values())):
            stored = validate_stack_component_config(
                configuration_dict={**state.configuration, **looked_up},
                flavor=self._flavor(state.type, state.flavor),
                component_type=StackComponentType(state.type),
            )
            assert stored is not None  # only None when custom flavors are not to be validated
            references = {key: state.configuration[key] for key in looked_up}
            return replace(state, configuration={**stored.model_dump(mode="json", exclude_unset=True), **references})

    def connector(self, state: ConnectorState) -> ConnectorState:
        """Return ``state`` with its configuration as ZenML would store it.

        Raises:
            RegistrationError: ZenML knows no such connector type, authentication method or resource type, or a key of
                the configuration is unknown (which ZenML itself would ignore with a warning) or missing.
        """
        from zenml.models import ServiceConnectorRequest

        with naming(state.ref.title, state.name):
            if state.type not in self._connector_types:
                self._connector_types[state.type] = self._client.get_service_connector_type(state.type)
            known = self._connector_types[state.type]
            request = ServiceConnectorRequest(name=state.name, connector_type=state.type, auth_method=state.auth_method)
            request.validate_and_configure_resources(
                connector_type=known,
                resource_types=state.resource_type,
                resource_id=state.resource_id,
                configuration=dict(state.configuration),
            )
            unknown = sorted(set(state.configuration) - set(request.configuration))
            if unknown:
                allowed = known.auth_method_dict[state.auth_method].config_schema.get("properties", {})
                raise ValueError(
                    f"unknown configuration keys {', '.join(unknown)}; {state.type} with {state.auth_method} "
                    f"takes: {', '.join(sorted(allowed))}"
                )
            return replace(state, configuration=request.configuration.plain)

    def sensitive_keys(self, state: ComponentState) -> set[str]:
        """Return the keys whose value must not be shown: those that ZenML calls sensitive or does not know."""
        from zenml.stack.flavor import Flavor
        from zenml.utils.secret_utils import is_secret_field

        with naming(state.ref.title, state.name):
            fields: Mapping[str, Any] = Flavor.from_model(
                self._flavor(state.type, state.flavor)
            ).config_class.model_fields
        return {key for key in state.configuration if key not in fields or is_secret_field(fields[key])}

    def _look_up(self, configuration: Mapping[str, Any]) -> dict[str, str]:
        """Return values of those keys that refer to a secret that is being registered."""
        from zenml.utils.secret_utils import is_secret_reference, parse_secret_reference

        found = {}
        for key, value in configuration.items():
            if not is_secret_reference(value):
                continue
            reference = parse_secret_reference(value)
            values = self._secrets.get(reference.name)
            if values is None:
                continue  # not ours: ZenML looks it up itself
            if reference.key not in values:
                raise ValueError(
                    f"{key} refers to the key {reference.key!r} of the secret {reference.name}, which has: "
                    f"{', '.join(sorted(values))}"
                )
            found[key] = values[reference.key]
        return found

    def _flavor(self, kind: str, name: str) -> FlavorResponse:
        from zenml.enums import StackComponentType

        if (kind, name) not in self._flavors:
            self._flavors[kind, name] = self._client.get_flavor_by_name_and_type(name, StackComponentType(kind))
        return self._flavors[kind, name]
