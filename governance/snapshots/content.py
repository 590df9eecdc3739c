"""What a ZenML snapshot consists of, and what of it is the same in every environment."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from governance.audit.canonical import canonical
from governance.core.digests import content_digest
from governance.cost import pods
from governance.gates.record import as_reference
from governance.records.context import KEY

if TYPE_CHECKING:
    from zenml.models import PipelineSnapshotBase, PipelineSnapshotResponse

PIPELINE = "pipeline"
"""The part that holds what is configured for the whole pipeline."""
_OURS = "governance."
"""Modules of the steps whose parameters are what the environment's settings ask."""
_LABELS = frozenset({"labels", "tags", "pipeline_tags"})
_ORDERLESS = frozenset({"tags", "upstream_steps"})
_ABSENT = "(nothing)"
_LONGEST = 60


@dataclass(frozen=True)
class Content:
    """A compiled pipeline as JSON values, by part: ``pipeline``, and ``steps/<name>`` for each step.

    Who compiled it is left out: a run is in the name of whoever starts it.
    """

    parts: Mapping[str, Any]
    environment: str
    stack: str

    @classmethod
    def of(cls, snapshot: PipelineSnapshotBase | PipelineSnapshotResponse, environment: str, stack: str) -> Content:
        """Read a snapshot that was compiled for ``stack`` in ``environment``."""
        parts: dict[str, Any] = {
            PIPELINE: {
                "configuration": snapshot.pipeline_configuration.model_dump(mode="json"),
                "specification": snapshot.pipeline_spec.model_dump(mode="json") if snapshot.pipeline_spec else None,
                "dynamic": snapshot.is_dynamic,
                "zenml": snapshot.client_version,
            }
        }
        for name, step in snapshot.step_configurations.items():
            parts[f"steps/{as_reference(name)}"] = step.model_dump(mode="json")
        return cls({name: _without_people(_ordered(part)) for name, part in parts.items()}, environment, stack)

    @property
    def digests(self) -> dict[str, str]:
        """Digest of each part as it is."""
        return {name: content_digest(canonical(part)) for name, part in self.parts.items()}

    @property
    def portable(self) -> dict[str, Any]:
        """Each part without what differs by environment and stack.

        That is the environment's name and cloud, labels and prices by which a run is charged, the registry that an
        image's digest is in, the copy of a release whose digest is given, and the parameters of the platform's own
        steps, which are what the environment's applied settings ask.
        """
        return {name: self._without_environment(part) for name, part in self.parts.items()}

    @property
    def definition(self) -> str:
        """Digest of :attr:`portable`: the same wherever the same pipeline was compiled."""
        return content_digest(canonical(self.portable))

    @property
    def images(self) -> list[str]:
        """Images that the steps run in, as their settings name them."""
        return sorted({str(image) for part in self.parts.values() for image in _found(part, "parent_image") if image})

    @cached_property
    def _release(self) -> str | None:
        """Identifier of the release's copy that the pipeline is given; ZenML repeats it where steps load it."""
        given = self.parts[PIPELINE]["configuration"].get("parameters") or {}
        return str(given["release_id"]) if given.get("release_id") else None

    def _without_environment(self, value: Any, key: str = "") -> Any:
        if isinstance(value, list):
            return [self._without_environment(item, key) for item in value]
        if isinstance(value, str):
            return self._without_place(value, key)
        if not isinstance(value, dict):
            return value
        kept = {name: item for name, item in value.items() if name != pods.KEY}
        if key == KEY:  # the context that a run carries
            kept |= {"environment": "", "cloud": ""}
        if str(_module(kept)).startswith(_OURS):
            _forget_parameters(kept)
        if key.startswith(("orchestrator", "step_operator")) or key.endswith("pod_settings"):
            kept = {name: item for name, item in kept.items() if name not in _LABELS}
        return {name: self._without_environment(item, name) for name, item in kept.items()}

    def _without_place(self, value: str, key: str) -> str:
        if value == self._release:  # the environment's own copy; ``digest`` beside it says of what
            return "release"
        if key == "parent_image" and "@" in value:
            return value.partition("@")[2]
        return "environment:" if value == f"environment:{self.environment}" else value


def differences(before: Content, after: Content) -> list[str]:
    """Say what of two snapshots differs beyond environment and stack, one place each, in the parts' order."""
    return list(_differences(before.portable, after.portable, (before.environment, after.environment), ""))


def altered_parts(frozen: Mapping[str, str], found: Mapping[str, str]) -> list[str]:
    """Return the parts whose digests differ, or that only one of the two has."""
    return sorted({name for name, _ in set(frozen.items()) ^ set(found.items())})


def lies_in(project: str | None, stored: PipelineSnapshotResponse) -> bool:
    """Return whether ``stored`` is in ``project``; None stands for the one that all teams share."""
    return project is None or stored.project.name == project


def _differences(before: Any, after: Any, names: tuple[str, str], where: str) -> Iterator[str]:
    if isinstance(before, dict) and isinstance(after, dict):
        for key in sorted(before.keys() | after.keys()):
            inside = f"{where}/{key}" if where else key
            yield from _differences(before.get(key, _ABSENT), after.get(key, _ABSENT), names, inside)
    elif before != after:
        yield f"{where}: {_short(before)} in {names[0]}, {_short(after)} in {names[1]}"


def _short(value: Any) -> str:
    text = value if isinstance(value, str) else canonical(value).decode()
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


def _module(step: Mapping[str, Any]) -> str:
    """Return the module of a step, given as ``{config, spec}`` or as its specification alone; empty for others."""
    spec = step.get("spec", step)
    source = spec.get("source") if isinstance(spec, dict) and "invocation_id" in spec else None
    return str(source.get("module", "")) if isinstance(source, dict) else ""


def _forget_parameters(step: dict[str, Any]) -> None:
    for key in ("parameters", "parameter_spec"):
        step.pop(key, None)
    for key in ("config", "spec", "step_config_overrides"):
        if isinstance(step.get(key), dict):
            step[key] = {name: item for name, item in step[key].items() if name not in ("parameters", "parameter_spec")}


def _ordered(value: Any, key: str = "") -> Any:
    """Return ``value`` with lists sorted whose order means nothing: they are made from sets."""
    if isinstance(value, dict):
        return {name: _ordered(item, name) for name, item in value.items()}
    if isinstance(value, list):
        items = [_ordered(item) for item in value]
        return sorted(items) if key in _ORDERLESS and all(isinstance(item, str) for item in items) else items
    return value


def _without_people(value: Any, key: str = "") -> Any:
    if isinstance(value, list):
        return [_without_people(item) for item in value]
    if not isinstance(value, dict):
        return value
    if key == KEY:
        value = {**value, "actor": None, "provenance": {**value["provenance"], "started_by": ""}}
    return {name: _without_people(item, name) for name, item in value.items()}


def _found(value: Any, key: str) -> Iterator[Any]:
    if isinstance(value, dict):
        for name, item in value.items():
            yield from [item] if name == key else _found(item, key)
    elif isinstance(value, list):
        for item in value:
            yield from _found(item, key)
