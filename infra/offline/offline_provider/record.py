"""Record provider schemas, pruned to what the ``.tf`` files use.

Needs nothing but the standard library, so that it runs in any environment:
``PYTHONPATH=infra/offline python -m offline_provider.record``.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import re
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from offline_provider.schema import RECORDINGS, read_recording

INFRA = RECORDINGS.parent.parent
PROVIDERS = RECORDINGS.parent / "providers.toml"

_USE = re.compile(r'^\s*(resource|data)\s+"([a-z0-9]+)_(\w+)"', re.MULTILINE)
_ATTRIBUTE = ("type", "required", "optional", "computed", "sensitive", "write_only")


class RecordingError(Exception):
    """A schema cannot be recorded; the message says why and what to do."""


@dataclass(frozen=True)
class Pin:
    """One provider and the version to record."""

    source: str
    version: str
    keep: tuple[str, ...]


def pins(file: Path = PROVIDERS) -> dict[str, Pin]:
    """Return the providers of ``providers.toml``, by name."""
    raw = tomllib.loads(file.read_text(encoding="utf-8"))
    return {name: Pin(pin["source"], pin["version"], tuple(pin.get("keep", ()))) for name, pin in raw.items()}


def used(provider: str, infra: Path = INFRA) -> set[str]:
    """List all that ``.tf`` files below ``infra`` use of ``provider``, as ``resource <type>`` and ``data <type>``."""
    found = set()
    for file in sorted(infra.rglob("*.tf")):
        if ".terraform" in file.parts:
            continue
        for kind, name, rest in _USE.findall(file.read_text(encoding="utf-8")):
            if name == provider:
                found.add(f"{kind} {name}_{rest}")
    return found


def recorded(provider: str) -> set[str]:
    """Return what the committed recording of ``provider`` holds, in the form of :func:`used`."""
    recording = read_recording(provider)
    return {f"resource {name}" for name in recording["resource_schemas"]} | {
        f"data {name}" for name in recording["data_source_schemas"]
    }


def prune(full: Mapping[str, Any], pin: Pin, wanted: Iterable[str]) -> dict[str, Any]:
    """Return the schemas of ``wanted`` from ``full``, without descriptions.

    Raises:
        RecordingError: a wanted type does not exist in this version of the provider.
    """
    schemas: dict[str, dict[str, Any]] = {"resource": {}, "data": {}}
    sources = {"resource": full["resource_schemas"], "data": full.get("data_source_schemas", {})}
    for item in sorted(wanted):
        kind, name = item.split()
        if name not in sources[kind]:
            raise RecordingError(
                f"{pin.source} {pin.version} has no {kind} {name!r}; correct the .tf file that uses it."
            )
        schemas[kind][name] = _schema(sources[kind][name])
    return {
        "source": pin.source,
        "version": pin.version,
        "provider": _schema(full["provider"]),
        "resource_schemas": schemas["resource"],
        "data_source_schemas": schemas["data"],
    }


def _schema(schema: Mapping[str, Any]) -> dict[str, Any]:
    return {"version": schema.get("version", 0), "block": _block(schema.get("block", {}))}


def _block(block: Mapping[str, Any]) -> dict[str, Any]:
    pruned: dict[str, Any] = {}
    attributes = {name: _attribute(attribute) for name, attribute in sorted(block.get("attributes", {}).items())}
    if attributes:
        pruned["attributes"] = attributes
    nested = {}
    for name, kind in sorted(block.get("block_types", {}).items()):
        sizes = {key: kind[key] for key in ("min_items", "max_items") if kind.get(key)}
        nested[name] = {"nesting_mode": kind["nesting_mode"], **sizes, "block": _block(kind["block"])}
    if nested:
        pruned["block_types"] = nested
    return pruned


def _attribute(attribute: Mapping[str, Any]) -> dict[str, Any]:
    pruned = {key: attribute[key] for key in _ATTRIBUTE if attribute.get(key)}
    if "nested_type" in attribute:
        nested = attribute["nested_type"]
        inner = {name: _attribute(attribute) for name, attribute in sorted(nested["attributes"].items())}
        pruned["nested_type"] = {"nesting_mode": nested["nesting_mode"], "attributes": inner}
    return pruned


def write(recording: Mapping[str, Any], file: Path) -> None:
    """Write ``recording`` with one line for each resource, so that a change of one is a change of one line."""
    parts = []
    for key, value in recording.items():
        if key.endswith("_schemas"):
            lines = [f"    {json.dumps(name)}: {_compact(schema)}" for name, schema in value.items()]
            parts.append(f'  "{key}": {{\n' + ",\n".join(lines) + "\n  }" if lines else f'  "{key}": {{}}')
        else:
            parts.append(f'  "{key}": {_compact(value)}')
    file.write_text("{\n" + ",\n".join(parts) + "\n}\n", encoding="utf-8")


def _compact(value: Any) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"))


def read_full(file: Path, pin: Pin) -> Mapping[str, Any]:
    """Read the schemas of one provider from what ``terraform providers schema -json`` wrote, gzipped or not.

    Raises:
        RecordingError: the file does not hold this provider.
    """
    opener = gzip.open if file.suffix == ".gz" else open
    with opener(file, "rt", encoding="utf-8") as stream:
        loaded: dict[str, Any] = json.load(stream)
    found = loaded.get("provider_schemas", {loaded.get("source", ""): loaded}).get(pin.source)
    if found is None:
        raise RecordingError(f"{file} holds no schemas of {pin.source}.")
    if found.get("version", pin.version) != pin.version:
        raise RecordingError(f"{file} holds version {found['version']} of {pin.source}; {pin.version} is wanted.")
    schemas: Mapping[str, Any] = found
    return schemas


def ask_terraform(name: str, pin: Pin, mirror: str | None) -> Mapping[str, Any]:
    """Read the schemas from the real provider, installed from ``mirror`` or else from the registry.

    Raises:
        RecordingError: Terraform could not install or ask the provider.
    """
    with tempfile.TemporaryDirectory(prefix="record-") as folder:
        here = Path(folder)
        source = pin.source.removeprefix("registry.terraform.io/")
        required = {"required_providers": {name: {"source": source, "version": pin.version}}}
        (here / "main.tf.json").write_text(json.dumps({"terraform": required}), encoding="utf-8")
        configuration = here / "terraformrc"
        configuration.write_text(
            f'provider_installation {{\n  filesystem_mirror {{\n    path = "{mirror}"\n  }}\n}}\n' if mirror else "",
            encoding="utf-8",
        )
        environment = {**os.environ, "TF_CLI_CONFIG_FILE": str(configuration), "CHECKPOINT_DISABLE": "1"}
        output = ""
        for command in (["init", "-input=false", "-no-color"], ["providers", "schema", "-json"]):
            done = subprocess.run(
                ["terraform", *command], cwd=here, env=environment, capture_output=True, text=True, check=False
            )
            if done.returncode:
                raise RecordingError(
                    f"terraform {' '.join(command)} failed for {pin.source} {pin.version}:\n{done.stderr}"
                )
            output = done.stdout
    schemas: Mapping[str, Any] = json.loads(output)["provider_schemas"][pin.source]
    return schemas


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="offline_provider.record", description=(__doc__ or "").splitlines()[0])
    known = pins()
    parser.add_argument("providers", nargs="*", metavar="PROVIDER", help=f"of {', '.join(known)}; all without")
    parser.add_argument("--from", dest="file", type=Path, help="output of 'terraform providers schema -json', or .gz")
    parser.add_argument("--mirror", default=os.environ.get("TF_PLUGIN_MIRROR"), help="Terraform filesystem mirror")
    parser.add_argument("--to", type=Path, default=RECORDINGS, help="folder of the recordings")
    options = parser.parse_args(arguments)
    unknown = sorted(set(options.providers) - set(known))
    if unknown:
        parser.error(f"unknown: {', '.join(unknown)}; choose of {', '.join(known)}")
    try:
        for name in options.providers or known:
            pin = known[name]
            full = read_full(options.file, pin) if options.file else ask_terraform(name, pin, options.mirror)
            recording = prune(full, pin, used(name) | set(pin.keep))
            write(recording, options.to / f"{name}.json")
            count = len(recording["resource_schemas"]) + len(recording["data_source_schemas"])
            sys.stdout.write(f"recorded {count} types of {pin.source} {pin.version}\n")
    except (RecordingError, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
