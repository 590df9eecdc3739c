"""The base images hold what steps need, nothing that only developers need, and are refused where they could move."""

from __future__ import annotations

import importlib.metadata
import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path
from typing import Any

import pytest
from packaging.markers import Marker
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from environments import SettingsError, load_platform
from environments.git import run_git
from governance.images import build
from governance.images.build import (
    DOCKERFILE,
    SERVER_DOCKERFILE,
    ImageError,
    folder_digest,
    write_context,
    write_server_context,
)
from governance.images.lock_file import LockError, parse_lock, read_lock
from governance.images.requirements import KINDS, WITHOUT, Kind, packages_of
from tests.conftest import REPOSITORY, copy_settings, edit_yaml

KUBERNETES = REPOSITORY / "locks" / "kubernetes.lock"
LOCK = read_lock(KUBERNETES)
DIGEST = "sha256:" + "a" * 64


def names_of(kind: Kind) -> set[str]:
    return {package.name for package in packages_of(kind, LOCK)}


def hadolint(file: Path) -> subprocess.CompletedProcess[str]:
    command = [str(Path(sys.executable).parent / "hadolint"), "--no-color", str(file)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_hadolint_finds_nothing_here_and_something_where_there_is(tmp_path: Path) -> None:
    for file in (DOCKERFILE, SERVER_DOCKERFILE):
        done = hadolint(file)
        assert (done.returncode, done.stdout) == (0, "")
    bad = tmp_path / "Dockerfile"
    bad.write_text("FROM python\nRUN cd /tmp && pip install mlflow\n", encoding="utf-8")
    assert "DL3006" in hadolint(bad).stdout


def test_the_servers_image_holds_the_code_as_git_has_it_the_settings_and_what_was_applied(tmp_path: Path) -> None:
    checkout, context = tmp_path / "checkout", tmp_path / "context"
    for file, text in {
        "environments/dev.yaml": "committed",
        "governance/here.py": "code",
        "governance/not_committed.py": "somebody's own",
        "tests/test_here.py": "no part of it",
        ".groundwork/applied/aws-dev/digest.json": "applied",
        ".groundwork/keys/audit-dev.pem": "a key",
    }.items():
        (checkout / file).parent.mkdir(parents=True, exist_ok=True)
        (checkout / file).write_text(text, encoding="utf-8")
    run_git(checkout, "init", "--quiet")
    run_git(checkout, "add", "environments", "governance/here.py", "tests")
    context.mkdir()
    write_server_context(context, checkout / "environments", checkout)
    held = {str(file.relative_to(context)) for file in context.rglob("*") if file.is_file()}
    assert held == {"code/environments/dev.yaml", "code/governance/here.py", "applied/aws-dev/digest.json"}
    before = folder_digest(context)
    (context / "applied/aws-dev/digest.json").write_text("other", encoding="utf-8")
    assert folder_digest(context) != before, "an image with other settings has another name"
    elsewhere = tmp_path / "settings"
    elsewhere.mkdir()
    (elsewhere / "dev.yaml").write_text("of another folder", encoding="utf-8")
    shutil.rmtree(context)
    context.mkdir()
    write_server_context(context, elsewhere, checkout)
    assert (context / "code/environments/dev.yaml").read_text(encoding="utf-8") == "of another folder"


def test_the_servers_image_ends_without_root_and_can_write_to_one_folder() -> None:
    text = SERVER_DOCKERFILE.read_text(encoding="utf-8")
    assert re.findall(r"^USER (.*)$", text, re.MULTILINE)[-1] == "10001:10001"
    assert re.findall(r"^VOLUME (.*)$", text, re.MULTILINE) == ['["/var/lib/groundwork"]']
    assert {rest.split()[0] for rest in re.findall(r"^COPY (.*)$", text, re.MULTILINE)} == {"code", "applied"}


def instructions() -> list[tuple[str, str]]:
    text = re.sub(r"\\\n", " ", DOCKERFILE.read_text(encoding="utf-8"))
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    return [(line.split(None, 1)[0], line.split(None, 1)[1]) for line in lines]


def test_the_image_is_pinned_copies_only_its_context_and_ends_without_root(tmp_path: Path) -> None:
    steps = instructions()
    assert [rest.split()[0] for name, rest in steps if name == "FROM"] == ["${BASE}", "${BASE}"]
    (base,) = [rest for name, rest in steps if name == "ARG" and rest.startswith("BASE=")]
    assert re.fullmatch(r"BASE=\S+@sha256:[0-9a-f]{64}", base)
    write_context("training", tmp_path, KUBERNETES)
    copied = [file for name, rest in steps if name == "COPY" and "--from" not in rest for file in rest.split()[:-1]]
    assert {*copied} == {file.name for file in tmp_path.iterdir()}
    assert {*copied} == {"requirements.txt", "sbom.cdx.json", "trial.py"}
    user = [rest for name, rest in steps if name == "USER"][-1]
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", user), "Kubernetes can tell only a number from root"
    (install,) = [rest for name, rest in steps if name == "RUN" and "pip install" in rest]
    assert "--require-hashes" in install
    assert not any("apt-get" in rest or "curl" in rest for _, rest in steps)


def test_lightgbm_finds_the_openmp_library_that_another_wheel_brings() -> None:
    (install,) = [rest for name, rest in instructions() if name == "RUN" and "libgomp" in rest]
    linked = re.search(r"ln -s \S+/site-packages/(\S+) (\S+)/libgomp\.so\.1 ", install)
    assert linked
    assert [rest for name, rest in instructions() if name == "ENV" and f"LD_LIBRARY_PATH={linked[2]}" in rest]
    if sys.platform == "linux":
        assert len(list(Path(sysconfig.get_path("purelib")).glob(linked[1]))) == 1


@pytest.mark.parametrize("kind", KINDS)
def test_the_packages_are_the_locked_ones_and_complete(kind: Kind, tmp_path: Path) -> None:
    write_context(kind, tmp_path, KUBERNETES)
    text = (tmp_path / "requirements.txt").read_text(encoding="utf-8")
    chosen = names_of(kind)
    assert not {"pytest", "moto", "mypy", "ruff", "zizmor", "hypothesis", "copier"} & chosen
    assert {"zenml", "scikit-learn", "skops", "mlflow", "model-signing", "kubernetes", "s3fs", "uv"} <= chosen
    assert set(re.findall(r"^([\w.-]+)==", text, re.MULTILINE)) == chosen
    written = [(entry.name, entry.version, entry.marker, entry.hashes) for entry in parse_lock(text)]
    assert written == [(e.name, e.version, e.marker, e.hashes) for e in LOCK if e.name in chosen]
    # What is installed without its dependencies must bring them all.
    for name in chosen:
        try:
            found = importlib.metadata.distribution(name)
        except importlib.metadata.PackageNotFoundError:
            continue  # for another platform
        for line in found.requires or []:
            needed = Requirement(line)
            left_out = canonicalize_name(needed.name) in WITHOUT[kind]
            if not left_out and (needed.marker is None or needed.marker.evaluate({"extra": ""})):
                assert canonicalize_name(needed.name) in chosen, f"{name} needs {needed.name}"


def test_the_inference_image_is_smaller() -> None:
    training, inference = (names_of(kind) for kind in KINDS)
    assert inference < training
    assert {"evidently", "fairlearn"} <= training - inference


def environment_of(kind: Kind, folder: Path) -> Path:
    """A clean environment that holds exactly what the image installs, by links to the packages installed here."""
    venv.create(folder, with_pip=False)
    site = next((folder / "lib").glob("python*/site-packages"))
    for name in names_of(kind):
        try:
            files = importlib.metadata.files(name) or []
        except importlib.metadata.PackageNotFoundError:
            continue
        for file in files:
            if file.parts[0] == ".." or "__pycache__" in file.parts:
                continue
            link, original = site / file, Path(str(file.locate()))
            link.parent.mkdir(parents=True, exist_ok=True)
            if not link.exists():
                link.symlink_to(original)
            compiled = link.parent / "__pycache__"  # or everything would be compiled anew
            if not compiled.exists() and (original.parent / "__pycache__").is_dir():
                compiled.symlink_to(original.parent / "__pycache__")
    return folder / "bin" / "python"


def test_inference_runs_in_a_clean_environment_of_its_image(tmp_path: Path) -> None:
    python = environment_of("inference", tmp_path / "venv")
    code = """
import importlib.util
import governance.runs.govern, governance.runs.hooks, governance.gates.data_quality
import pipelines.batch_inference, pipelines.model
for absent in ("pytest", "moto", "fairlearn", "evidently", "copier", "matplotlib"):
    assert importlib.util.find_spec(absent) is None, absent
"""
    done = subprocess.run(
        [str(python), "-c", code],
        cwd=REPOSITORY,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1", "PYTHONPATH": ""},
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]


def test_a_real_engine_builds_and_tries_it() -> None:
    """The base has to be given: an image of this Python with the locked packages' index in reach (GROUNDWORK_BASE)."""
    base = os.environ.get("GROUNDWORK_BASE")
    if not base or subprocess.run(["docker", "image", "inspect", base], capture_output=True, check=False).returncode:
        pytest.skip("no container engine runs here, or GROUNDWORK_BASE names no image of it")
    assert build.build("inference", "kubernetes", base=base).image_id.startswith("sha256:")


def test_a_lock_that_does_not_say_why_is_refused() -> None:
    with pytest.raises(LockError, match="requests has no reason"):
        packages_of("training", parse_lock(f"requests==2.0 \\\n    --hash=sha256:{'a' * 64}\n"))


@pytest.mark.parametrize("minor", ["11", "12"])
def test_each_python_gets_one_version_of_each_package(minor: str) -> None:
    system = {"python_version": f"3.{minor}", "python_full_version": f"3.{minor}.4", "sys_platform": "linux"}
    linux = {**system, "platform_system": "Linux", "platform_machine": "x86_64", "os_name": "posix"}
    chosen = packages_of("training", LOCK)
    installed = [entry.name for entry in chosen if not entry.marker or Marker(entry.marker).evaluate(linux)]
    assert len(set(installed)) == len(installed)
    assert {"numpy", "scipy", "pandas"} <= set(installed)
    assert sum(entry.name == "numpy" for entry in chosen) > 1, "the lock has a version of numpy for each"


def test_the_bill_of_materials_is_valid_and_always_the_same(tmp_path: Path) -> None:
    from cyclonedx.schema import SchemaVersion
    from cyclonedx.validation.json import JsonStrictValidator

    bills = []
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
        write_context("inference", tmp_path / name, KUBERNETES)
        bills.append((tmp_path / name / "sbom.cdx.json").read_text(encoding="utf-8"))
    text = bills[0]
    assert text == bills[1]
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None
    bill = json.loads(text)
    assert bill["metadata"]["component"]["name"] == "groundwork-inference"
    listed = [(component["name"], component["version"]) for component in bill["components"]]
    assert sorted(listed) == sorted((package.name, package.version) for package in packages_of("inference", LOCK))
    assert all(component["hashes"] for component in bill["components"])
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text.replace('"library"', '"thing"')) is not None


@pytest.fixture
def engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A container engine that writes down how it was called, and answers as docker does."""
    log = tmp_path / "log"
    program = tmp_path / "bin" / "docker"
    program.parent.mkdir()
    program.write_text(
        f'#!/bin/sh\necho "$*" >> {log}\n'
        'case "$*" in\n'
        "  *--password-stdin*) cat > /dev/null ;;\n"
        f'  *RepoDigests*) echo "other/name@{DIGEST}"; echo "$REPOSITORY@{DIGEST}" ;;\n'
        f'  *Id*) echo "{DIGEST}" ;;\n'
        '  pull*) test -n "$PUSHED" ;;\n'
        "esac\n",
        encoding="utf-8",
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    monkeypatch.setenv("REPOSITORY", "registry.example.com/acme/groundwork-training")
    monkeypatch.setattr(build, "git_state", lambda: ("c" * 40, False))
    return log


def test_a_pushed_image_is_named_by_its_digest_and_no_password_is_an_argument(
    engine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from governance.images.registry import Registry

    monkeypatch.setattr(Registry, "credentials", lambda self: ("oauth2accesstoken", "s3cret"))
    registry = Registry("gcp", "registry.example.com/acme")
    image = build.build("training", "gcp", registry=registry)
    assert image.reference == f"registry.example.com/acme/groundwork-training@{DIGEST}"
    assert image.tag == "registry.example.com/acme/groundwork-training:cccccccccccc"
    said = engine.read_text(encoding="utf-8")
    assert "login --username oauth2accesstoken --password-stdin registry.example.com" in said
    assert "KIND=training" in said
    assert [line.split()[0] for line in said.splitlines() if line[:3] in {"pul", "bui", "run", "pus"}] == [
        "pull", "build", "run", "push"
    ], "what does not run a step is not pushed"  # fmt: skip
    assert "s3cret" not in said
    assert build.build("inference", "aws").reference is None, "without a push there is no digest"


def test_what_was_pushed_from_this_commit_is_not_built_again(engine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from governance.images.registry import Registry

    monkeypatch.setenv("PUSHED", "1")
    monkeypatch.setattr(Registry, "credentials", lambda self: ("AWS", "s3cret"))
    image = build.build("training", "gcp", registry=Registry("gcp", "registry.example.com/acme"))
    assert image.reference == f"registry.example.com/acme/groundwork-training@{DIGEST}"
    assert not re.search("^(build|push)", engine.read_text(encoding="utf-8"), re.MULTILINE), "tags cannot be moved"


def test_an_image_that_runs_no_step_is_not_pushed(engine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from governance.images.registry import Registry

    program = Path(shutil.which("docker") or "")
    program.write_text(
        program.read_text(encoding="utf-8").replace(
            'case "$*"', 'case "$*" in run*) echo no step >&2; exit 1;; esac\ncase "$*"'
        ),
        encoding="utf-8",
    )
    monkeypatch.setattr(Registry, "credentials", lambda self: ("AWS", "s3cret"))
    with pytest.raises(ImageError, match="no step"):
        build.build("training", "gcp", registry=Registry("gcp", "registry.example.com/acme"))
    assert not re.search("^push", engine.read_text(encoding="utf-8"), re.MULTILINE)


def test_another_base_is_a_build_argument(engine: Path) -> None:
    build.build("training", "aws", base="mirror.example.com/python:3.11")
    assert "--build-arg BASE=mirror.example.com/python:3.11" in engine.read_text(encoding="utf-8")


def test_what_is_in_no_commit_is_not_pushed(engine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from governance.images.registry import Registry

    monkeypatch.setattr(build, "git_state", lambda: ("c" * 40, True))
    with pytest.raises(ImageError, match="local changes"):
        build.build("training", "gcp", registry=Registry("gcp", "registry.example.com/acme"))


def test_without_an_engine_it_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ImageError, match="neither docker nor podman is installed"):
        build.build("training", "local")
    broken = tmp_path / "podman"
    broken.write_text("#!/bin/sh\necho no machine >&2\nexit 1\n", encoding="utf-8")
    broken.chmod(0o755)
    with pytest.raises(ImageError, match="podman: no machine"):
        build.build("training", "local")


def test_a_stack_without_a_registry_is_refused(tmp_path: Path) -> None:
    from governance.images.registry import NoRegistryError, registry_of
    from tests.stack_bootstrap.stack_contracts import local_contract

    with pytest.raises(NoRegistryError, match="no registry to push to"):
        registry_of(local_contract(tmp_path))


def test_the_registry_is_the_environments_and_a_simulated_one_is_refused(tmp_path: Path) -> None:
    from governance.images.registry import NoRegistryError, Registry, registry_of
    from tests.stack_bootstrap.stack_contracts import changed, local_contract

    def on_aws(raw: dict[str, Any]) -> None:
        raw["cloud"] = "aws"
        raw["connectors"] = {
            "container-registry": {
                "type": "aws",
                "auth_method": "implicit",
                "resource_type": "docker-registry",
                "resource_id": "1.dkr.ecr.eu-central-1.amazonaws.com",
                "configuration": {"region": "eu-central-1", "role_arn": "arn:aws:iam::1:role/cl"},
            }
        }
        raw["components"]["container_registry"] = {
            "flavor": "aws",
            "configuration": {"uri": "1.dkr.ecr.eu-central-1.amazonaws.com", "default_repository": "oncology-dev"},
            "connector": "container-registry",
        }

    contract = changed(local_contract(tmp_path), on_aws)
    assert registry_of(contract) == Registry(
        "aws", "1.dkr.ecr.eu-central-1.amazonaws.com", "oncology-dev", "eu-central-1", "arn:aws:iam::1:role/cl"
    )
    with pytest.raises(NoRegistryError, match="simulated"):
        registry_of(changed(contract, lambda raw: raw.update(simulated=True)))


def test_an_own_registry_is_pushed_to_as_the_engine_is_logged_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from governance.images.registry import registry_of
    from tests.stack_bootstrap.stack_contracts import changed, local_contract

    def on_a_cluster(raw: dict[str, Any]) -> None:
        raw["cloud"] = "kubernetes"
        raw["components"]["container_registry"] = {
            "flavor": "default",
            "configuration": {"uri": "registry.example.com/acme"},
        }

    registry = registry_of(changed(local_contract(tmp_path), on_a_cluster))
    assert registry.credentials() is None
    assert registry.tag("training", "c" * 40) == "registry.example.com/acme/groundwork-training:cccccccccccc"
    asked: list[tuple[str, ...]] = []
    monkeypatch.setattr(build, "_run", lambda *command, **_: asked.append(command))
    build._log_in("docker", registry)
    assert asked == []


def test_the_command_builds_for_an_environment_and_says_what_goes_where(
    engine: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    import typer

    from governance.cli.images import image

    settings = copy_settings(tmp_path)
    image("inference", "dev", None, False, None, settings, as_json=True)
    assert json.loads(capsys.readouterr().out)["image_id"] == DIGEST
    image("inference", "dev", None, False, None, settings)
    assert "gets its digest when it is pushed" in capsys.readouterr().out
    image("training", "dev", None, False, None, settings, dry_run=True)
    assert capsys.readouterr().out == "Would build groundwork-training.\n"
    with pytest.raises(typer.BadParameter, match="no kind of image"):
        image("serving", "dev", None, False, None, settings)


def test_registries_name_images_as_their_clouds_ask() -> None:
    from governance.images.registry import Registry

    ecr = Registry("aws", "1.dkr.ecr.eu-central-1.amazonaws.com", "platform-dev", "eu-central-1")
    assert ecr.tag("training", "c" * 40) == (
        "1.dkr.ecr.eu-central-1.amazonaws.com/platform-dev:groundwork-training-cccccccccccc"
    )
    assert ecr.host == "1.dkr.ecr.eu-central-1.amazonaws.com"
    assert Registry("gcp", "europe-west1-docker.pkg.dev/p/r").host == "europe-west1-docker.pkg.dev"


def test_ecr_gives_a_short_lived_password(monkeypatch: pytest.MonkeyPatch) -> None:
    from moto import mock_aws

    from governance.images.registry import Registry

    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    with mock_aws():
        role = "arn:aws:iam::111111111111:role/platform-dev-cl"
        user, password = Registry("aws", "1.dkr.ecr", "r", "eu-central-1", role).credentials()
    assert user == "AWS"
    assert password


def test_a_protected_environment_runs_images_by_digest_only(tmp_path: Path) -> None:
    from governance.core.target import Target, target_for
    from governance.images.settings import UnpinnedImageError, docker_settings

    settings = copy_settings(tmp_path)

    def target(environment: str, cloud: str) -> Target:
        return target_for(load_platform(settings), "breast_cancer_classifier", environment, cloud)

    with pytest.raises(UnpinnedImageError, match=r"production\.yaml: images\.training is not set"):
        docker_settings(target("production", "aws"), "training")
    edit_yaml(settings / "production.yaml", lambda raw: raw.update(images={"inference": "registry.example.com/a/b:v1"}))
    with pytest.raises(UnpinnedImageError, match=r"images\.inference is registry\.example\.com/a/b:v1\. A"):
        docker_settings(target("production", "gcp"), "inference")
    pinned = f"registry.example.com/a/b:v1@{DIGEST}"
    edit_yaml(settings / "production.yaml", lambda raw: raw.update(images={"inference": pinned}))
    chosen = docker_settings(target("production", "gcp"), "inference")
    assert (chosen.parent_image, chosen.skip_build) == (pinned, True)
    built = docker_settings(target("dev", "aws"), "training")
    assert built.parent_image is None
    edit_yaml(settings / "production.yaml", lambda raw: raw.update(images={"inference": "a b"}))
    with pytest.raises(SettingsError, match="images"):
        load_platform(settings)
