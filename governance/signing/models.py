"""Signatures over models, in the form of OpenSSF model-signing: checked before a byte of a model is interpreted."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from environments.files import sha256_hex
from governance.signing.errors import SigningError
from governance.signing.library import model_signing


class ModelUnsignedError(SigningError):
    """A model has no signature."""


class ModelForgedError(SigningError):
    """A model's signature is by no trusted key, or over other files."""


def verify_model(folder: Path, signature: bytes, trusted: Sequence[str], what: str) -> None:
    """Check that the files of ``folder`` are those, and all of those, that a trusted key signed.

    Args:
        folder: the model's files.
        signature: a Sigstore bundle, as :class:`governance.signing.keys.ModelSigner` makes it.
        trusted: public keys in PEM form.
        what: the model, for messages.

    Raises:
        ModelForgedError: it does not hold; nothing of the model was interpreted.
    """
    from cryptography.exceptions import InvalidSignature

    config: Any = model_signing("verifying").Config  # the library says nothing of its types
    hint = _hint(signature)
    key = next((key for key in trusted if sha256_hex(key) == hint), None)
    if key is None:
        raise ModelForgedError(f"{what} is signed by no trusted key. Find out who signed it, then train again.")
    with tempfile.TemporaryDirectory() as temporary:
        public, bundle = Path(temporary) / "key.pub", Path(temporary) / "bundle"
        public.write_text(key, encoding="utf-8")
        bundle.write_bytes(signature)
        try:
            config().use_elliptic_key_verifier(public_key=public).verify(folder, bundle)
        except (InvalidSignature, ValueError, KeyError, TypeError, IndexError, AttributeError) as error:
            why = str(error).split(": Expected")[0] or "the signature is of something else"
            raise ModelForgedError(
                f"{what} is not what was signed: {why}. It is not loaded; find out who wrote there, then train again."
            ) from error


def _hint(signature: bytes) -> str | None:
    """Return the key that a bundle says it is by; only which of the trusted ones to try depends on it."""
    try:
        return str(json.loads(signature)["verificationMaterial"]["publicKey"]["hint"])
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
