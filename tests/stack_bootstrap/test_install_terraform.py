"""Which Terraform runs: PATH, a variable, or the pinned release; never one that is too old or was tampered with."""

from __future__ import annotations

import hashlib
import io
import json
import re
import threading
import zipfile
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from stack_bootstrap import install_terraform
from stack_bootstrap.install_terraform import (
    RELEASE_FILE,
    TerraformInstallError,
    ensure_terraform,
    find_terraform,
    terraform_platform,
)

VERSION = json.loads(RELEASE_FILE.read_text(encoding="utf-8"))["version"]


def program(path: Path, says: str, *, status: int = 0) -> Path:
    """A program that answers like ``terraform version`` and counts how often it was asked."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\necho asked >>'{path}.asked'\necho '{says}'\nexit {status}\n", encoding="utf-8")
    path.chmod(0o755)
    return path


def times_asked(path: Path) -> int:
    return len(Path(f"{path}.asked").read_text(encoding="utf-8").split())


@pytest.fixture
def tools(tmp_path: Path) -> Path:
    return tmp_path / ".tools"


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only folder on PATH, empty."""
    folder = tmp_path / "path"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.delenv("TERRAFORM", raising=False)
    return folder


def archive(says: str = f"Terraform v{VERSION}") -> bytes:
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w") as packed:
        packed.writestr("LICENSE.txt", "terms")
        packed.writestr("terraform", f"#!/bin/sh\necho '{says}'\n")
    return written.getvalue()


@pytest.fixture
def release(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A server of releases, and the pinned sum of what it serves for this machine. Yields the archive's file."""
    served = tmp_path / "releases" / "terraform" / VERSION / f"terraform_{VERSION}_{terraform_platform()}.zip"
    served.parent.mkdir(parents=True)
    served.write_bytes(archive())
    pinned = tmp_path / "release.json"
    digest = hashlib.sha256(served.read_bytes()).hexdigest()
    pinned.write_text(json.dumps({"version": VERSION, "sha256": {terraform_platform(): digest}}), encoding="utf-8")
    monkeypatch.setattr(install_terraform, "RELEASE_FILE", pinned)

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *arguments: object) -> None:
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(tmp_path / "releases")))
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    monkeypatch.setenv("TERRAFORM_RELEASES_URL", f"http://127.0.0.1:{server.server_port}/")
    yield served
    server.shutdown()
    server.server_close()


def test_terraform_on_path_comes_before_opentofu(path: Path, tools: Path) -> None:
    program(path / "tofu", "OpenTofu v1.11.0")
    assert find_terraform(tools).product == "OpenTofu"
    program(path / "terraform", "Terraform v1.12.3")
    found = find_terraform(tools)
    assert (found.product, found.version, found.path) == ("Terraform", "1.12.3", path / "terraform")


def test_a_variable_names_another_one(path: Path, tools: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program(path / "terraform", "Terraform v1.12.3")
    monkeypatch.setenv("TERRAFORM", str(program(tmp_path / "mine", "OpenTofu v1.11.1")))
    assert str(find_terraform(tools)) == f"OpenTofu 1.11.1 ({tmp_path / 'mine'})"
    monkeypatch.setenv("TERRAFORM", str(tmp_path / "missing"))
    for resolve in (find_terraform, ensure_terraform):
        with pytest.raises(TerraformInstallError, match=r"TERRAFORM=\S+missing is no program"):
            resolve(tools)


@pytest.mark.parametrize(
    "says", ["Terraform v1.10.5", "Terraform v0.14.11", "Terraform v1.11.0-rc1", "OpenTofu v1.10.9"]
)
def test_one_that_is_too_old_is_refused_by_name_and_version(says: str, path: Path, tools: Path, release: Path) -> None:
    program(path / ("tofu" if says.startswith("OpenTofu") else "terraform"), says)
    named = re.escape(says.replace(" v", " "))
    for resolve in (find_terraform, ensure_terraform):
        with pytest.raises(TerraformInstallError, match=rf"{named} at \S+ is too old: >= 1\.11 is needed"):
            resolve(tools)


@pytest.mark.parametrize("says", ["Terraform v1.11.0", "Terraform v1.9999.0", "Terraform v2.0.0-beta1"])
def test_one_that_is_new_enough_is_taken(says: str, path: Path, tools: Path) -> None:
    program(path / "terraform", says)
    assert find_terraform(tools).version == says.removeprefix("Terraform v")


def test_a_program_that_is_no_terraform_is_refused(path: Path, tools: Path) -> None:
    program(path / "terraform", "tfenv: no version is set", status=1)
    with pytest.raises(TerraformInstallError, match="tfenv: no version is set"):
        find_terraform(tools)
    (path / "terraform").write_text("#!/no/such/interpreter\n", encoding="utf-8")
    with pytest.raises(TerraformInstallError, match="does not run"):
        find_terraform(tools)


def test_a_binary_is_asked_for_its_version_once_until_it_changes(path: Path, tools: Path) -> None:
    binary = program(path / "terraform", "Terraform v1.11.4")
    for _ in range(3):
        assert find_terraform(tools).version == "1.11.4"
    assert times_asked(binary) == 1
    program(binary, "Terraform v1.12.0")
    assert find_terraform(tools).version == "1.12.0"
    (tools / "terraform-version.json").write_text("not JSON", encoding="utf-8")
    assert find_terraform(tools).version == "1.12.0"


def test_without_any_terraform_the_message_says_what_to_do(path: Path, tools: Path) -> None:
    with pytest.raises(TerraformInstallError, match=f"make setup.*downloads Terraform {re.escape(VERSION)}"):
        find_terraform(tools)


def test_the_pinned_release_is_downloaded_checked_and_used(path: Path, tools: Path, release: Path) -> None:
    installed = ensure_terraform(tools)
    assert (installed.product, installed.version) == ("Terraform", VERSION)
    assert installed.path.is_relative_to(tools)
    release.unlink()
    assert ensure_terraform(tools) == installed, "it is downloaded once"
    assert find_terraform(tools) == installed


def test_one_on_path_is_not_downloaded_over(path: Path, tools: Path, release: Path) -> None:
    program(path / "tofu", "OpenTofu v1.11.0")
    assert ensure_terraform(tools).product == "OpenTofu"
    assert not list(tools.glob("terraform-*/terraform"))


def test_a_release_that_was_altered_is_refused_and_nothing_is_left(path: Path, tools: Path, release: Path) -> None:
    release.write_bytes(archive("Terraform v9.9.9"))
    with pytest.raises(TerraformInstallError, match=r"is not the release it should be: its SHA-256 is [0-9a-f]{64}"):
        ensure_terraform(tools)
    assert not [file for file in tools.rglob("*") if file.is_file()]


def test_a_release_that_is_not_there_is_named(path: Path, tools: Path, release: Path) -> None:
    release.unlink()
    with pytest.raises(TerraformInstallError, match=rf"could not be downloaded from \S+{release.name}: File not found"):
        ensure_terraform(tools)


def test_no_network_is_a_clear_message(path: Path, tools: Path, release: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERRAFORM_RELEASES_URL", "http://127.0.0.1:9")
    with pytest.raises(TerraformInstallError, match=r"Connection refused.*TERRAFORM_RELEASES_URL"):
        ensure_terraform(tools)
    assert not [file for file in tools.rglob("*") if file.is_file()]


def test_a_download_that_breaks_off_is_a_clear_message(
    path: Path, tools: Path, release: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = release.read_bytes()
    monkeypatch.setattr(SimpleHTTPRequestHandler, "copyfile", lambda self, source, target: target.write(whole[:50]))
    with pytest.raises(TerraformInstallError, match="could not be downloaded"):
        ensure_terraform(tools)


def test_only_the_web_is_downloaded_from(
    path: Path, tools: Path, release: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TERRAFORM_RELEASES_URL", release.parent.as_uri())
    with pytest.raises(TerraformInstallError, match="must start with https"):
        ensure_terraform(tools)


def test_a_machine_without_a_pinned_sum_is_told_to_install_terraform(
    path: Path, tools: Path, release: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("platform.machine", lambda: "riscv64")
    with pytest.raises(TerraformInstallError, match="holds no checksum for it"):
        ensure_terraform(tools)


def test_the_pinned_sums_are_sums() -> None:
    sums = json.loads(RELEASE_FILE.read_text(encoding="utf-8"))["sha256"]
    assert set(sums) == {"darwin_amd64", "darwin_arm64", "linux_amd64", "linux_arm64"}
    assert len(set(sums.values())) == len(sums)
    assert all(re.fullmatch(r"[0-9a-f]{64}", value) for value in sums.values())
