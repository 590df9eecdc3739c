"""Inventories: what a plan must hold, as a short YAML that a reviewer reads instead of code."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml


def check(found: Mapping[str, Mapping[str, Any]], file: Path) -> None:
    """Compare resources with the inventory in ``file``: its counts exactly, its values as a subset.

    Counts are of every managed resource that is not Terraform's own, so a new one has to be entered.
    """
    wanted = yaml.safe_load(file.read_text(encoding="utf-8"))
    counts = Counter(resource["type"] for resource in found.values() if resource["type"] != "terraform_data")
    assert dict(sorted(counts.items())) == dict(sorted(wanted["counts"].items())), f"{file}: counts"
    problems = []
    for address, values in wanted.get("values", {}).items():
        if address not in found:
            problems.append(f"{address} is not planned")
        else:
            problems += [f"{address}: {problem}" for problem in differences(values, found[address]["values"])]
    assert not problems, f"{file}:\n" + "\n".join(problems)


def differences(wanted: Any, got: Any, path: str = "") -> Iterator[str]:
    """Where ``got`` lacks something of ``wanted``; what is more is no difference."""
    if isinstance(wanted, dict) and isinstance(got, dict):
        for key, value in wanted.items():
            yield from differences(value, got.get(key), f"{path}.{key}".strip("."))
    elif isinstance(wanted, list) and isinstance(got, list):
        if len(wanted) != len(got):
            yield f"{path}: {len(wanted)} wanted, {len(got)} found: {got}"
        for index, (want, have) in enumerate(zip(wanted, got, strict=False)):
            yield from differences(want, have, f"{path}.{index}")
    elif wanted != got:
        yield f"{path}: wanted {wanted!r}, found {got!r}"
