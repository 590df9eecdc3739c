"""Building a base image with whichever container engine there is, and its digest."""

from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from environments import CHECKOUT
from environments.files import file_sha256, sha256_hex
from environments.git import run_git
from governance.core.errors import RefusedError
from governance.core.provenance import git_state, lock_of
from governance.images.clouds import ENTRY_POINTS
from governance.images.lock_file import read_lock
from governance.images.registry import Registry
from governance.images.requirements import ImageKind, Kind, packages_of
from governance.images.sbom import sbom

DOCKERFILE = Path(__file__).with_name("Dockerfile")
SERVER_DOCKERFILE = Path(__file__).with_name("server.Dockerfile")
_SERVED = ("environments", "governance", "pipelines", "stack_bootstrap")
"""Packages of this project that the server's image holds."""
_TRIAL_FILE = Path(__file__).with_name("trial.py")
_CONFINED = ("run", "--rm", "--network", "none", "--read-only", "--tmpfs", "/tmp")  # noqa: S108 - of the container
_STORE = {"HOME": "/tmp", "ZENML_CONFIG_PATH": "/tmp/zenml", "ZENML_LOGGING_VERBOSITY": "ERROR"}  # noqa: S108
ENGINES = ("docker", "podman")
_DIGEST = re.compile(r"@(sha256:[0-9a-f]{64})$")


class ImageError(RefusedError):
    """An image cannot be built; the message says what is missing or what the engine said."""


@dataclass(frozen=True)
class Image:
    """A built image."""

    kind: ImageKind
    tag: str
    reference: str | None
    """By digest, as an environment's file takes it; ``None`` until it is pushed, as the registry makes the digest."""
    image_id: str


def write_context(kind: Kind, folder: Path, lock: Path) -> None:
    """Write what the Dockerfile copies: the packages of ``kind`` in ``lock``, with hashes, and their bill of materials.

    Raises:
        LockError, BomError: the lock cannot be read, or no bill be made of it.
    """
    from cyclonedx.model.component import Component, ComponentType

    packages = packages_of(kind, read_lock(lock))
    pins = "".join(f"{package.pin()}\n" for package in packages)
    (folder / "requirements.txt").write_text(pins, encoding="utf-8")
    about = Component(name=f"groundwork-{kind}", type=ComponentType.CONTAINER, bom_ref="image")
    (folder / "sbom.cdx.json").write_bytes(sbom(packages, about))
    (folder / _TRIAL_FILE.name).write_bytes(_TRIAL_FILE.read_bytes())


def build(kind: Kind, place: str, *, base: str | None = None, registry: Registry | None = None) -> Image:
    """Build the image of ``kind`` for a place of work (a cloud) on ``base``, try it, and push it to ``registry``.

    Pushing is what gives it a digest. What was pushed from this commit before is not built again: its name is taken,
    and registries refuse to move one.

    Raises:
        ImageError: there is no engine, it is not running, or it failed; what was built cannot run a step; or what
            would be pushed is in no commit.
    """
    engine = _engine()
    commit, dirty = git_state()
    if registry and dirty is not False:
        raise ImageError(
            "The checkout has local changes, so nobody could tell what is in the image. Commit them first."
        )
    tag = registry.tag(kind, commit) if registry else f"groundwork-{kind}-{place}:{commit[:12]}"
    if registry:
        _log_in(engine, registry)
        if _answers(engine, "pull", tag):
            return Image(kind, tag, _reference(engine, tag), _id(engine, tag))
    with TemporaryDirectory() as context:
        write_context(kind, Path(context), lock_of(place))
        command = ["build", "--file", str(DOCKERFILE), "--tag", tag, *(["--build-arg", f"BASE={base}"] if base else [])]
        _run(engine, *command, "--build-arg", f"KIND={kind}", "--build-arg", f"REVISION={commit}", context)
    store = [word for name, value in _STORE.items() for word in ("--env", f"{name}={value}")]
    _run(engine, *_CONFINED, *store, tag, "python", "/usr/share/groundwork/trial.py", *ENTRY_POINTS.get(place, ()))
    if registry:
        _run(engine, "push", tag)
    return Image(kind, tag, _reference(engine, tag) if registry else None, _id(engine, tag))


def write_server_context(folder: Path, settings: Path, checkout: Path = CHECKOUT) -> None:
    """Write what the server's Dockerfile copies: the code as git has it, the settings, and what was last applied.

    Applied settings are there so that the server goes by them until an apply says otherwise; see
    :mod:`governance.records.applied`.
    """
    code, applied = folder / "code", folder / "applied"
    for name in run_git(checkout, "ls-files", "-z", "--", *_SERVED).split("\0"):
        if name and (checkout / name).is_file():
            (code / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(checkout / name, code / name)
    if settings.resolve() != (checkout / "environments").resolve():
        shutil.copytree(settings, code / "environments", dirs_exist_ok=True)
    applied.mkdir()
    kept = checkout / ".groundwork" / "applied"
    if kept.is_dir():
        shutil.copytree(kept, applied, dirs_exist_ok=True)


def build_server(place: str, settings: Path, *, base: str | None = None, registry: Registry | None = None) -> Image:
    """Build the image of the shared server on that of inference for ``place``, try it, and push it to ``registry``.

    Unlike a step's image it is built anew each time: what was applied is part of it, and in no commit.

    Args:
        place: of work (a cloud), whose packages it has.
        settings: folder of the settings files.
        base: what the packages' image is built on.
        registry: where it goes; None for nowhere.

    Raises:
        ImageError: as for :func:`build`.
    """
    engine = _engine()
    commit, dirty = git_state()
    if registry and dirty is not False:
        raise ImageError(
            "The checkout has local changes, so nobody could tell what is in the image. Commit them first."
        )
    packages = build("inference", place, base=base)
    with TemporaryDirectory() as context:
        write_server_context(Path(context), settings)
        content = folder_digest(Path(context))[:12]
        name = f"groundwork-server-{place}"
        tag = registry.tag("server", f"{commit[:12]}-{content}") if registry else f"{name}:{commit[:12]}-{content}"
        if registry:
            _log_in(engine, registry)
            if _answers(engine, "pull", tag):
                return Image("server", tag, _reference(engine, tag), _id(engine, tag))
        arguments = ("--build-arg", f"PACKAGES={packages.tag}", "--build-arg", f"REVISION={commit}")
        _run(engine, "build", "--file", str(SERVER_DOCKERFILE), "--tag", tag, *arguments, context)
    _run(engine, *_CONFINED, tag, "python", "-m", "governance.server.container", "--help")
    if registry:
        _run(engine, "push", tag)
    return Image("server", tag, _reference(engine, tag) if registry else None, _id(engine, tag))


def folder_digest(folder: Path) -> str:
    """Return a digest over names and contents of all files below ``folder``, in hexadecimal."""
    files = sorted(file for file in folder.rglob("*") if file.is_file())
    return sha256_hex(b"".join(f"{it.relative_to(folder)}\0{file_sha256(it)}\0".encode() for it in files))


def _log_in(engine: str, registry: Registry) -> None:
    credentials = registry.credentials()
    if credentials is None:
        return
    user, password = credentials
    _run(engine, "login", "--username", user, "--password-stdin", registry.host, stdin=password)


def _id(engine: str, tag: str) -> str:
    return _run(engine, "image", "inspect", "--format", "{{.Id}}", tag)


def _reference(engine: str, tag: str) -> str:
    repository = tag.rpartition(":")[0]
    for reference in _run(engine, "image", "inspect", "--format", '{{join .RepoDigests "\\n"}}', tag).splitlines():
        if reference.startswith(f"{repository}@") and _DIGEST.search(reference):
            return reference
    raise ImageError(f"{engine} has {tag} from the registry and names no digest of it in {repository}.")


def _engine() -> str:
    found = [name for name in ENGINES if shutil.which(name)]
    reasons = []
    for name in found:
        done = subprocess.run([name, "info"], capture_output=True, text=True, check=False)
        if done.returncode == 0:
            return name
        said = (done.stderr or done.stdout).strip().splitlines()
        reasons.append(f"{name}: {said[-1] if said else 'does not answer'}")
    why = "; ".join(reasons) or f"neither {' nor '.join(ENGINES)} is installed"
    raise ImageError(f"Images are built by a container engine, and none runs here ({why}). Start one, or let CI build.")


def _answers(engine: str, *arguments: str) -> bool:
    return subprocess.run([engine, *arguments], capture_output=True, check=False).returncode == 0


def _run(engine: str, *arguments: str, stdin: str | None = None) -> str:
    done = subprocess.run([engine, *arguments], input=stdin, capture_output=True, text=True, check=False)
    if done.returncode:
        raise ImageError(f"`{engine} {arguments[0]}` failed:\n{done.stderr.strip() or done.stdout.strip()}")
    return done.stdout.strip()
