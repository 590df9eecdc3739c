"""What a provider knows that its schema does not say: ``infra/offline/rules/<provider>.toml``.

A file holds, for each resource or data source: where the rule comes from, which arguments exclude or need each other,
what an argument may look like, which change forces a new resource, what refuses deletion, the form of the import id,
and the form of every computed value.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from offline_provider.values import UNKNOWN, find

RULES = Path(__file__).resolve().parent.parent / "rules"


NULL = "@null"
"""How a rule says that an argument is not set, which TOML has no word for."""


@dataclass(frozen=True)
class Check:
    """What one argument must look like."""

    pattern: str | None = None
    keys: str | None = None
    values: str | None = None
    one_of: tuple[Any, ...] = ()
    minimum: float | None = None
    maximum: float | None = None
    says: str = ""

    def problem(self, value: Any) -> str | None:
        """Return why ``value`` is refused, or None."""
        if isinstance(value, dict):
            for key, item in value.items():
                if self.keys and not re.search(self.keys, key):
                    return f"the key {key!r} does not match {self.keys}"
                if self.values and isinstance(item, str) and not re.search(self.values, item):
                    return f"the value {item!r} of {key!r} does not match {self.values}"
            return None
        if self.pattern and not re.search(self.pattern, str(value)):
            return f"{value!r} does not match {self.pattern}"
        if self.one_of and value not in self.one_of:
            return f"{value!r} is none of {', '.join(map(str, self.one_of))}"
        if self.minimum is not None and float(value) < self.minimum:
            return f"{value} is less than {self.minimum:g}"
        if self.maximum is not None and float(value) > self.maximum:
            return f"{value} is more than {self.maximum:g}"
        return None


@dataclass(frozen=True)
class Rule:
    """What is known of one resource or data source type."""

    source: str = ""
    at_least_one: tuple[tuple[str, ...], ...] = ()
    check: Mapping[str, Check] = field(default_factory=dict)
    conflicts: tuple[tuple[str, ...], ...] = ()
    create_needs: tuple[str, ...] = ()
    derive: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    destroy_needs: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)
    exactly_one: tuple[tuple[str, ...], ...] = ()
    force_new: tuple[str, ...] = ()
    import_id: str | None = None
    plan_known: tuple[str, ...] = ()
    requires: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    values: Mapping[str, Any] = field(default_factory=dict)

    def problems(self, config: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        """Return path and message of everything in ``config`` that the provider would refuse."""
        for group in self.conflicts:
            given = [path for path in group if _given(config, path)]
            if len(given) > 1:
                yield given[1], f"{', '.join(given)}: only one of these may be set"
        for group in self.exactly_one:
            given = [path for path in group if _given(config, path)]
            if len(given) > 1 or not (given or any(_open(config, path) for path in group)):
                yield group[0], f"exactly one of {', '.join(group)} must be set, found {len(given)}"
        for group in self.at_least_one:
            if not any(_given(config, path) or _open(config, path) for path in group):
                yield group[0], f"at least one of {', '.join(group)} must be set"
        for path, needed in self.requires.items():
            if _given(config, path):
                for other in needed:
                    if not (_given(config, other) or _open(config, other)):
                        yield path, f"{path} needs {other} to be set too"
        for path, check in self.check.items():
            for value in find(config, path):
                if value is UNKNOWN:
                    continue
                for item in value if isinstance(value, list) else [value]:
                    problem = None if item is UNKNOWN else check.problem(item)
                    if problem:
                        yield path, f"{path}: {problem}{f' ({check.says})' if check.says else ''}"

    def refuses_create(self, config: Mapping[str, Any]) -> str | None:
        """Return why the cloud would not create this, although the provider plans it, or None."""
        if self.create_needs and not any(find(config, path) not in ([], [""]) for path in self.create_needs):
            return f"one of {', '.join(self.create_needs)} must have a value"
        return None

    def refuses_destroy(self, state: Mapping[str, Any]) -> str | None:
        """Return why the provider would not delete what is in ``state``, or None."""
        for name, allowed in self.destroy_needs.items():
            value = state.get(name)
            if (NULL if value is None else value) not in allowed:
                wanted = " or ".join(map(repr, allowed))
                return f"{name} is {state.get(name)!r}; set it to {wanted} and apply before destroying"
        return None


def _given(config: Mapping[str, Any], path: str) -> bool:
    """Say whether an argument is known to be set; an empty block is not, and an unknown value may be null."""
    return any(value is not UNKNOWN and value not in ([], {}) for value in find(config, path))


def _open(config: Mapping[str, Any], path: str) -> bool:
    """Return whether it is not known yet if an argument is set."""
    return any(value is UNKNOWN for value in find(config, path))


@dataclass(frozen=True)
class Rules:
    """All rules of one provider."""

    context: Mapping[str, str]
    default_check: Mapping[str, Check]
    default_derive: Mapping[str, tuple[str, ...]]
    default_values: Mapping[str, Any]
    plan_defaults: Mapping[str, str]
    resources: Mapping[str, Rule]
    data: Mapping[str, Rule]


def read_rules(provider: str, directory: Path = RULES) -> Rules:
    """Read the rules of ``provider``.

    Raises:
        ValueError: the file holds a key that means nothing, or a rule without its source.
    """
    file = directory / f"{provider}.toml"
    raw = tomllib.loads(file.read_text(encoding="utf-8"))
    defaults = raw.get("defaults", {})
    return Rules(
        context=raw.get("context", {}),
        default_check=_checks(file, defaults.get("check", {})),
        default_derive=_tuples(defaults.get("derive", {})),
        default_values=defaults.get("values", {}),
        plan_defaults=defaults.get("plan", {}),
        resources={name: _rule(file, name, rule) for name, rule in raw.get("resources", {}).items()},
        data={name: _rule(file, name, rule) for name, rule in raw.get("data", {}).items()},
    )


def _rule(file: Path, name: str, raw: dict[str, Any]) -> Rule:
    unknown = sorted(set(raw) - set(Rule.__dataclass_fields__))
    if unknown:
        raise ValueError(f"{file}: {name}: {', '.join(unknown)} means nothing here")
    if not raw.get("source"):
        raise ValueError(f"{file}: {name}: say in 'source' where the rule comes from")
    return Rule(
        source=raw["source"],
        at_least_one=_groups(raw, "at_least_one"),
        check=_checks(file, raw.get("check", {})),
        conflicts=_groups(raw, "conflicts"),
        create_needs=tuple(raw.get("create_needs", ())),
        derive=_tuples(raw.get("derive", {})),
        destroy_needs=_tuples(raw.get("destroy_needs", {})),
        exactly_one=_groups(raw, "exactly_one"),
        force_new=tuple(raw.get("force_new", ())),
        import_id=raw.get("import_id"),
        plan_known=tuple(raw.get("plan_known", ())),
        requires=_tuples(raw.get("requires", {})),
        values=raw.get("values", {}),
    )


def _groups(raw: dict[str, Any], key: str) -> tuple[tuple[str, ...], ...]:
    return tuple(tuple(group) for group in raw.get(key, ()))


def _tuples(raw: dict[str, list[Any]]) -> dict[str, tuple[Any, ...]]:
    return {key: tuple(value) for key, value in raw.items()}


def _checks(file: Path, raw: dict[str, dict[str, Any]]) -> dict[str, Check]:
    checks = {}
    for path, fields in raw.items():
        try:
            checks[path] = Check(**{**fields, "one_of": tuple(fields.get("one_of", ()))})
        except TypeError as error:
            raise ValueError(f"{file}: check of {path}: {error}") from error
    return checks
