"""The platform's keys for models: ECDSA on P-256, which OpenSSF model-signing takes, one pair an environment.

On the cloud ``local`` they lie in the local root (private key 0600) and are made with the first model. Elsewhere the
folder that :data:`KEYS` names holds the private key, put there for the job that trains (from a secret or a mounted key
file), and the public keys are in ``model_keys/`` beside the settings, reviewed like code. There is no key service yet:
whatever signs through one implements :class:`ModelSigner`.
"""

from __future__ import annotations

import os
import re
import stat
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from environments import ORDER, Cloud, ground_of
from environments.files import sha256_hex
from governance.core.target import Target
from governance.signing.errors import NoSigningKeyError, SigningError
from governance.signing.library import model_signing

KEYS = "GROUNDWORK_MODEL_KEYS"
PUBLIC_KEYS = "model_keys"
"""Folder beside the settings that holds the public keys of clouds, as ``<cloud>-<environment>.pub``."""

_PEM = re.compile(r"-----BEGIN PUBLIC KEY-----.+?-----END PUBLIC KEY-----\n?", re.DOTALL)


class ModelSigner(Protocol):
    """What signs a model's folder."""

    @property
    def key(self) -> str:
        """SHA-256 of the public key in PEM form, hexadecimal: the hint that its signatures carry."""

    def sign(self, folder: Path) -> bytes:
        """Return a Sigstore bundle over the files of ``folder``."""


@dataclass(frozen=True)
class FileModelSigner:
    """A key in a PEM file that only its owner can read."""

    file: Path
    public: str

    @property
    def key(self) -> str:
        """See :class:`ModelSigner`."""
        return sha256_hex(self.public)

    def sign(self, folder: Path) -> bytes:
        """See :class:`ModelSigner`."""
        config: Any = model_signing("signing").Config  # the library says nothing of its types
        with tempfile.TemporaryDirectory() as temporary:
            bundle = Path(temporary) / "bundle"
            config().use_elliptic_key_signer(private_key=self.file).sign(folder, bundle)
            return bundle.read_bytes()


def signer_for(target: Target, environ: Mapping[str, str] = os.environ) -> ModelSigner:
    """Return the signer of models trained in ``target``'s environment; on ``local``, make its key when first needed.

    Raises:
        NoSigningKeyError: there is none here.
        SigningError: others can read it, or it is of another kind.
    """
    file = _private_key(target, environ)
    if not file.exists():
        if target.cloud != "local" or environ.get(KEYS):
            raise NoSigningKeyError(
                f"There is no key to sign models of {target.environment.environment} in {file}: put it there for "
                f"this job ({KEYS} names the folder), and its public key into {_committed_key(target)}."
            )
        _create(file)
    try:
        mode = stat.S_IMODE(file.stat().st_mode)
        if mode & 0o077:
            raise SigningError(f"{file} can be read by others (mode {mode:o}). Run: chmod 600 {file}")
        key = load_pem_private_key(file.read_bytes(), password=None)
    except (OSError, ValueError, TypeError) as error:
        raise SigningError(f"{file} is no unencrypted private key in PEM form: {error}") from error
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise SigningError(f"{file} holds another kind of key; models are signed with an elliptic curve (P-256).")
    signer = FileModelSigner(file, _public_pem(key))
    if target.cloud == "local" and not file.with_suffix(".pub").exists():  # whoever made the key was stopped
        file.with_suffix(".pub").write_text(signer.public, encoding="utf-8")
    return signer


def trusted_keys(target: Target, environ: Mapping[str, str] = os.environ) -> Sequence[str]:
    """Return the public keys, in PEM form, that a model used in ``target``'s environment may be signed with.

    Those of the environment where models are trained, and no other: never one that lies beside the model.

    Raises:
        SigningError: none is known.
    """
    origin = trained_in(target)
    places = [_committed_key(origin)]
    if target.cloud == "local":
        places.append(_private_key(origin, environ).with_suffix(".pub"))
    found = [key for place in places if place.exists() for key in _PEM.findall(place.read_text(encoding="utf-8"))]
    if not found:
        raise SigningError(
            f"No public key is trusted for models of {origin.environment.environment}; looked in "
            f"{' and '.join(map(str, places))}."
        )
    return [key if key.endswith("\n") else f"{key}\n" for key in found]


def trained_in(target: Target) -> Target:
    """Return the environment in which ``target``'s models are trained."""
    return target.in_environment(ORDER[0])


def _private_key(target: Target, environ: Mapping[str, str]) -> Path:
    given = environ.get(KEYS)
    folder = Path(given).resolve() if given else ground_of(target.environment, target.cloud) / "keys"
    return folder / f"models-{_label(target.environment.environment, target.cloud)}.pem"


def committed_key(directory: Path, environment: str, cloud: Cloud) -> Path:
    """Return the file below the settings that holds the public keys of models trained in ``environment``."""
    return directory / PUBLIC_KEYS / f"{_label(environment, cloud)}.pub"


def _committed_key(origin: Target) -> Path:
    return committed_key(origin.platform.directory, origin.environment.environment, origin.cloud)


def _label(environment: str, cloud: Cloud) -> str:
    return environment if cloud == "local" else f"{cloud}-{environment}"


def _create(file: Path) -> None:
    """Make a pair; of two processes the first one's stays."""
    key = ec.generate_private_key(ec.SECP256R1())
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with tempfile.NamedTemporaryFile(dir=file.parent, prefix=".", delete=False) as draft:  # mode 0600
        draft.write(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        draft.flush()
        os.fsync(draft.fileno())
    try:
        os.link(draft.name, file)
    except FileExistsError:
        return
    finally:
        Path(draft.name).unlink()


def _public_pem(key: ec.EllipticCurvePrivateKey) -> str:
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
