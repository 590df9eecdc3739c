"""A run's code travels with bytecode of what is imported, and without what no step reads."""

from __future__ import annotations

import importlib
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from zenml.utils.source_utils import get_source_root

from governance.runs.code_archive import CheckoutArchive, use_code_of

STEP = "def told():\n    return {!r}\n"


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder of whose modules one is imported here."""
    folder = tmp_path / "checkout"
    for name, text in {
        "travelling/__init__.py": "",
        "travelling/step.py": STEP.format("source"),
        "travelling/unused.py": STEP.format("unused"),
        "travelling/rows.csv": "age\n40\n",
        "requirements.lock": "zenml==0.98.0\n",
        "docs/guide.md": "# Guide\n",
        "infra/roots/local/main.tf": "",
        "tests/test_step.py": "",
    }.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    monkeypatch.syspath_prepend(folder)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    importlib.import_module("travelling.step")
    yield folder
    for name in ("travelling.step", "travelling"):
        sys.modules.pop(name)


def packed(checkout: Path, name: str = "code") -> Path:
    """Return the file that a run of ``checkout`` would bring along."""
    file = checkout.parent / f"{name}.tar.gz"
    with file.open("w+b") as archive:
        CheckoutArchive(root=str(checkout)).write_archive(archive)
    return file


def unpacked(checkout: Path) -> Path:
    shutil.unpack_archive(packed(checkout), checkout.parent / "app")
    return checkout.parent / "app"


def told(folder: Path) -> str:
    """Return what the step says that a new process imports from ``folder``, and the file that its code names."""
    code = "from travelling.step import told; print(told(), told.__code__.co_filename)"
    done = subprocess.run([sys.executable, "-B", "-c", code], cwd=folder, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_what_steps_may_need_travels_with_bytecode_of_what_is_imported(checkout: Path) -> None:
    app = unpacked(checkout)
    found = {str(file.relative_to(app)) for file in app.rglob("*") if file.is_file()}
    tag = sys.implementation.cache_tag
    assert found == {
        "requirements.lock",
        "travelling/__init__.py",
        "travelling/rows.csv",
        "travelling/step.py",
        "travelling/unused.py",
        f"travelling/__pycache__/__init__.{tag}.pyc",
        f"travelling/__pycache__/step.{tag}.pyc",
    }
    assert str(checkout) not in (app / f"travelling/__pycache__/step.{tag}.pyc").read_bytes().decode("latin-1")


def test_bytecode_counts_for_its_own_source_only(checkout: Path) -> None:
    app = unpacked(checkout)
    bytecode = app / "travelling" / "__pycache__" / f"step.{sys.implementation.cache_tag}.pyc"
    named = str(app / "travelling" / "step.py")
    assert told(app) == f"source {named}"
    bytecode.write_bytes(bytecode.read_bytes().replace(b"source", b"cached"))
    assert told(app) == f"cached {named}", "it is what Python runs"
    (app / "travelling" / "step.py").write_text(STEP.format("edited"), encoding="utf-8")
    assert told(app) == f"edited {named}", "of another source it is not"


def test_the_same_code_makes_the_same_archive(checkout: Path) -> None:
    first = packed(checkout, "first").read_bytes()
    assert packed(checkout, "second").read_bytes() == first, "or it would be uploaded with every run"
    (checkout / "travelling" / "step.py").write_text(STEP.format("changed"), encoding="utf-8")
    assert packed(checkout, "third").read_bytes() != first


def test_zenml_packs_it_so(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from zenml.utils import code_utils, source_utils

    monkeypatch.setattr(code_utils, "CodeArchive", code_utils.CodeArchive)
    monkeypatch.setattr(source_utils, "_CUSTOM_SOURCE_ROOT", None)
    use_code_of(checkout)
    assert get_source_root() == str(checkout)
    assert code_utils.CodeArchive is CheckoutArchive
