"""What differs by cloud or tracker stands in one module for each, found by its name."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import environments
import governance.audit.clouds
import governance.backups.clouds
import governance.cost.clouds
import governance.images.clouds
from governance.core.adapters import Adapters
from tests.conftest import REPOSITORY


def test_a_module_is_found_by_its_name_and_imported_when_it_is_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "adapted_here"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "venus.py").write_text("ADAPTER = 'second'", encoding="utf-8")
    (package / "broken.py").write_text("raise ImportError", encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    found: Adapters[str] = Adapters("adapted_here", [str(package)])
    assert list(found) == ["broken", "venus"]
    assert found["venus"] == "second"
    assert found.get("mars") is None


@pytest.mark.parametrize(
    "package", [governance.audit.clouds, governance.backups.clouds, governance.cost.clouds, governance.images.clouds]
)
def test_every_adapter_is_one_of_a_cloud_and_whole(package: object) -> None:
    clouds: Adapters[object] = package.CLOUDS  # type: ignore[attr-defined]
    assert set(clouds) <= set(environments.CLOUDS)
    (interface,) = {type(adapter).__bases__ for adapter in clouds.values()}
    assert interface[0].__module__ == package.__name__  # type: ignore[attr-defined]


def test_no_module_outside_its_adapters_tells_clouds_apart() -> None:
    clouds = set(environments.CLOUDS) - {"local", "kubernetes"}  # the latter is a flavour of orchestrators, too
    named = re.compile(f'"({"|".join(clouds)})"')
    found = [
        file.relative_to(REPOSITORY).as_posix()
        for file in (REPOSITORY / "governance").rglob("*.py")
        if file.parent.name != "clouds" and named.search(file.read_text(encoding="utf-8"))
    ]
    assert found == []
