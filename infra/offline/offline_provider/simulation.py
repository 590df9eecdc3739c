"""Planning, applying, reading and importing without a cloud: what a provider built on the usual SDK would answer."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from offline_provider.policy_document import render as render_policy_document
from offline_provider.rules import Rule, Rules
from offline_provider.schema import Block, children, conform, empty
from offline_provider.templates import Scope, UnresolvedError
from offline_provider.values import UNKNOWN, digest, find, is_wholly_known

IMPORTED = b"imported"
"""Private data of an imported resource: arguments that its id does not tell are taken over from the configuration."""


class RefusedError(Exception):
    """The provider would answer this request with an error; the message is that error."""


@dataclass(frozen=True)
class Plan:
    """What ``PlanResourceChange`` answers."""

    state: dict[str, Any] | None
    replace: tuple[str, ...] = ()


@dataclass
class Simulation:
    """One provider: its recorded schemas, its rules and how it is configured."""

    recording: Mapping[str, Any]
    rules: Rules
    settings: Mapping[str, Any] = field(default_factory=dict)
    _ids: dict[tuple[str, str], int] = field(default_factory=dict)

    def configure(self, settings: Mapping[str, Any]) -> None:
        """Take the arguments of the ``provider`` block."""
        self.settings = settings

    def block(self, type_name: str, *, data: bool = False) -> Block:
        """Return the recorded block of a resource or data source type.

        Raises:
            RefusedError: it is not in the recording.
        """
        kind = "data_source_schemas" if data else "resource_schemas"
        recorded = self.recording[kind].get(type_name)
        if recorded is None:
            raise RefusedError(f"{type_name} is not in the recorded schemas; refresh them with 'make offline-schemas'.")
        block: Block = recorded["block"]
        return block

    def problems(self, type_name: str, config: Mapping[str, Any], *, data: bool = False) -> list[tuple[str, str]]:
        """Return path and message of what the provider would refuse in ``config`` although the schema allows it."""
        rule = self._rule(type_name, data)
        default = Rule(check={k: c for k, c in self.rules.default_check.items() if k in config and k not in rule.check})
        return [*rule.problems(config), *default.problems(config)]

    def plan(
        self, type_name: str, prior: dict[str, Any] | None, proposed: dict[str, Any] | None, config: Any, private: bytes
    ) -> Plan:
        """Plan a create, update or (``proposed is None``) delete."""
        if proposed is None:
            return Plan(None)
        block, rule = self.block(type_name), self._rule(type_name)
        state = _planned(block, prior, proposed, config)
        self._derive(state, rule)
        self._fill_what_is_known(type_name, state, rule)
        if prior is None:
            return Plan(state)
        changed = tuple(path for path in rule.force_new if _differ(prior, state, path, private == IMPORTED))
        return Plan(state, changed)

    def apply(
        self, type_name: str, prior: dict[str, Any] | None, planned: dict[str, Any] | None, config: Mapping[str, Any]
    ) -> dict[str, Any] | None:
        """Return the state after the planned change; every unknown value gets one of the right form.

        Raises:
            RefusedError: the cloud would not create or delete this.
        """
        rule = self._rule(type_name)
        if planned is None:
            refusal = rule.refuses_destroy(prior or {})
            if refusal:
                raise RefusedError(f"cannot destroy {type_name}: {refusal}.")
            return None
        refusal = rule.refuses_create(config) if prior is None else None
        if refusal:
            raise RefusedError(f"cannot create {type_name}: {refusal}.")
        return self._filled(type_name, self.block(type_name), planned, rule)

    def imported(self, type_name: str, identifier: str) -> dict[str, Any]:
        """Return the state of what ``identifier`` names, as far as the identifier tells.

        Raises:
            RefusedError: the identifier has not the form that the provider documents.
        """
        block, rule = self.block(type_name), self._rule(type_name)
        state = empty(block)
        if rule.import_id:
            state.update(_parse(rule.import_id, identifier))
        _mark_computed(block, state)
        state = self._filled(type_name, block, state, rule)
        if "id" in state:
            state["id"] = identifier
        return state

    def read_data(self, type_name: str, config: dict[str, Any]) -> dict[str, Any]:
        """Return what the data source would find."""
        block = self.block(type_name, data=True)
        if type_name == "aws_iam_policy_document":
            return {**config, **render_policy_document(config)}
        state = _planned(block, None, config, config)
        return self._filled(type_name, block, state, self._rule(type_name, data=True))

    def _rule(self, type_name: str, data: bool = False) -> Rule:
        return (self.rules.data if data else self.rules.resources).get(type_name, Rule())

    def _scope(self, type_name: str, state: Mapping[str, Any], rule: Rule) -> Scope:
        known = {name: value for name, value in state.items() if value is not None and is_wholly_known(value)}
        return Scope(known, rule.values, self.settings, self.rules.context, digest(type_name, known))

    def _derive(self, state: dict[str, Any], rule: Rule) -> None:
        """Derive attributes that merge others, such as all labels from the provider's and the resource's."""
        for target, sources in {**self.rules.default_derive, **rule.derive}.items():
            if target not in state:
                continue
            parts = [
                _first(find(self.settings, source.removeprefix("provider.")))
                if source.startswith("provider.")
                else state.get(source)
                for source in sources
            ]
            if any(part is UNKNOWN for part in parts):
                state[target] = UNKNOWN
            else:
                state[target] = {key: value for part in parts if part for key, value in part.items()}

    def _fill_what_is_known(self, type_name: str, state: dict[str, Any], rule: Rule) -> None:
        """Fill the computed attributes that the provider already knows when it plans."""
        for name, template in self.rules.plan_defaults.items():
            if state.get(name) is UNKNOWN:
                self._try(type_name, state, rule, name, template)
        for name in rule.plan_known:
            if state.get(name) is UNKNOWN and name in rule.values:
                self._try(type_name, state, rule, name, rule.values[name])

    def _try(self, type_name: str, state: dict[str, Any], rule: Rule, name: str, template: Any) -> None:
        try:
            state[name] = self._scope(type_name, state, rule).render(template, name)
        except UnresolvedError:
            state[name] = UNKNOWN

    def _filled(self, type_name: str, block: Block, planned: dict[str, Any], rule: Rule) -> dict[str, Any]:
        scope = self._scope(type_name, planned, rule)
        if block.get("attributes", {}).get("id", {}).get("computed") and planned.get("id") is UNKNOWN:
            scope.seed = self._distinct(type_name, scope.seed)
        filled = self._fill_block(block, planned, scope, "")
        return conform(block, filled)

    def _distinct(self, type_name: str, seed: bytes) -> bytes:
        """Return another seed for each further resource with the very same arguments, so that two never share an id."""
        key = (type_name, seed.hex())
        count = self._ids.get(key, 0)
        self._ids[key] = count + 1
        return seed if count == 0 else digest(seed.hex(), count)

    def _fill_block(self, block: Block, value: dict[str, Any], scope: Scope, path: str) -> dict[str, Any]:
        filled = dict(value)
        for name, attribute in block.get("attributes", {}).items():
            if "type" in attribute:
                filled[name] = self._fill(attribute["type"], value.get(name), scope, f"{path}{name}")
        for name, mode, nested in children(block):
            inner, below = value.get(name), f"{path}{name}."
            if inner is UNKNOWN:
                filled[name] = {"list": [], "set": [], "map": {}}.get(mode)
            elif isinstance(inner, list):
                filled[name] = [self._fill_block(nested, e, scope, f"{below}{i}.") for i, e in enumerate(inner)]
            elif mode == "map" and isinstance(inner, dict):
                filled[name] = {k: self._fill_block(nested, e, scope, f"{below}{k}.") for k, e in inner.items()}
            elif isinstance(inner, dict):
                filled[name] = self._fill_block(nested, inner, scope, below)
        return filled

    def _fill(self, kind: Any, value: Any, scope: Scope, path: str) -> Any:
        if value is UNKNOWN:
            return self._made_up(kind, scope, path)
        if isinstance(value, list) and isinstance(kind, list):
            return [self._fill(kind[1], item, scope, f"{path}.{index}") for index, item in enumerate(value)]
        if isinstance(value, dict) and isinstance(kind, list):
            inner = kind[1]
            return {
                key: self._fill(inner[key] if kind[0] == "object" else inner, item, scope, f"{path}.{key}")
                for key, item in value.items()
            }
        return value

    def _made_up(self, kind: Any, scope: Scope, path: str) -> Any:
        name = path.rsplit(".", 1)[-1]
        general = re.sub(r"\.\d+\.", ".", path)
        for template in (scope.templates.get(general), self.rules.default_values.get(name)):
            if template is None:
                continue
            try:
                return _shaped(kind, scope.render(template, path))
            except UnresolvedError:
                continue
        return _shaped(kind, scope.render("{hex:16}", path) if kind == "string" else None)


def _first(found: Sequence[Any]) -> Any:
    return found[0] if found else None


def _shaped(kind: Any, value: Any) -> Any:
    """Return ``value`` as one of the Terraform type ``kind``; what it leaves out is null or empty."""
    if kind == "string":
        return None if value is None else str(value)
    if kind == "number":
        return 0 if value is None else (int(value) if float(value).is_integer() else float(value))
    if kind == "bool":
        return value in (True, "true")
    if isinstance(kind, list):
        outer, inner = kind
        if outer in ("list", "set"):
            return [_shaped(inner, item) for item in value or []]
        if outer == "map":
            return {key: _shaped(inner, item) for key, item in (value or {}).items()}
        if outer == "object":
            return {key: _shaped(each, (value or {}).get(key)) for key, each in inner.items()}
    return value


def _planned(block: Block, prior: Any, proposed: Mapping[str, Any], config: Mapping[str, Any]) -> dict[str, Any]:
    """Return ``proposed`` with every computed value nobody has given yet unknown, and no write-only value."""
    state = dict(proposed)
    for name, attribute in block.get("attributes", {}).items():
        if attribute.get("write_only"):
            state[name] = None
        elif attribute.get("computed") and config.get(name) is None and (prior is None or state.get(name) is None):
            state[name] = UNKNOWN
    for name, mode, nested in children(block):
        inner, given, before = state.get(name), config.get(name), (prior or {}).get(name)
        if inner is None or inner is UNKNOWN or given is UNKNOWN or given is None:
            continue
        if mode == "list":
            state[name] = [
                _planned(nested, _at(before, index), element, _at(given, index) or {})
                for index, element in enumerate(inner)
            ]
        elif mode == "set":
            state[name] = [_planned_in_set(nested, inner, element) for element in given]
        elif mode == "map":
            state[name] = {
                key: _planned(nested, (before or {}).get(key), element, given.get(key) or {})
                for key, element in inner.items()
            }
        else:
            state[name] = _planned(nested, before, inner, given)
    return state


def _planned_in_set(nested: Block, proposed: list[dict[str, Any]], given: dict[str, Any]) -> dict[str, Any]:
    """Plan one element of a set, with what the prior element of the same arguments had computed."""
    for candidate in proposed:
        if all(value is None or candidate.get(name) == value for name, value in given.items()):
            return _planned(nested, candidate, candidate, given)
    return _planned(nested, None, given, given)


def _at(value: Any, index: int) -> Any:
    return value[index] if isinstance(value, list) and index < len(value) else None


def _mark_computed(block: Block, state: dict[str, Any]) -> None:
    for name, attribute in block.get("attributes", {}).items():
        if attribute.get("computed") and state.get(name) is None:
            state[name] = UNKNOWN


def _differ(prior: Mapping[str, Any], planned: Mapping[str, Any], path: str, imported: bool) -> bool:
    before, after = find(prior, path), find(planned, path)
    if imported and not before:
        return False
    return before != after


def _parse(template: str, identifier: str) -> dict[str, str]:
    """Parse attributes from an import id, by a template such as ``projects/{project}/secrets/{secret_id}``."""
    pattern = re.escape(template).replace(r"\{", "{").replace(r"\}", "}")
    # The last hole takes what is left, since names such as a bucket's object hold slashes.
    holes = re.findall(r"\{(\w+)\}", pattern)
    for index, hole in enumerate(holes):
        pattern = pattern.replace("{" + hole + "}", f"(?P<{hole}>{'.+' if index == len(holes) - 1 else '[^/]+'})", 1)
    found = re.fullmatch(pattern, identifier)
    if not found:
        raise RefusedError(f"the import id {identifier!r} has not the form {template}")
    return found.groupdict()
