"""A model is what the platform signed, to the last byte, or it is not loaded."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest

from environments import load_platform
from governance.core.target import Target, target_for
from governance.signing.errors import SigningError
from governance.signing.keys import KEYS, signer_for, trusted_keys
from governance.signing.models import ModelForgedError, verify_model
from tests.governance.conftest import CANCER


@pytest.fixture
def dev(settings_directory: Path) -> Target:
    return target_for(load_platform(settings_directory), CANCER, "dev")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    model = tmp_path / "model"
    (model / "deep").mkdir(parents=True)
    (model / "model.skops").write_bytes(bytes(range(256)))
    (model / "deep" / "signature.json").write_text("{}")
    return model


def test_every_byte_of_every_file_is_signed(dev: Target, folder: Path) -> None:
    signature, trusted = signer_for(dev).sign(folder), trusted_keys(dev)
    verify_model(folder, signature, trusted, "the model")
    for file in (folder / "model.skops", folder / "deep" / "signature.json"):
        whole = file.read_bytes()
        for position in (0, len(whole) // 2, len(whole) - 1):
            altered = bytearray(whole)
            altered[position] ^= 1
            file.write_bytes(altered)
            with pytest.raises(ModelForgedError, match="the model is not what was signed"):
                verify_model(folder, signature, trusted, "the model")
        file.write_bytes(whole)
    (folder / "more.py").write_text("import os")
    with pytest.raises(ModelForgedError, match=r"more\.py"):
        verify_model(folder, signature, trusted, "the model")
    (folder / "more.py").unlink()
    (folder / "model.skops").unlink()
    with pytest.raises(ModelForgedError, match="Missing files"):
        verify_model(folder, signature, trusted, "the model")


def test_a_signature_by_another_key_or_over_something_else_is_refused(
    dev: Target, folder: Path, tmp_path: Path
) -> None:
    trusted = trusted_keys_after_signing(dev, folder)
    stranger = signer_for(dev.in_environment("staging")).sign(folder)
    with pytest.raises(ModelForgedError, match="signed by no trusted key"):
        verify_model(folder, stranger, trusted, "the model")
    ours = json.loads(signer_for(dev).sign(folder))
    # It says that it is by our key, which is only a hint.
    posing = json.loads(stranger)
    posing["verificationMaterial"] = ours["verificationMaterial"]
    for bundle in (json.dumps(posing).encode(), b"", b"[]", b"{}", b'{"verificationMaterial": 1}', b"[" * 100_000):
        with pytest.raises(ModelForgedError):
            verify_model(folder, bundle, trusted, "the model")
    ours["dsseEnvelope"]["payload"] = posing["dsseEnvelope"]["payload"][:-8] + "AAAAAAA="
    with pytest.raises(ModelForgedError):
        verify_model(folder, json.dumps(ours).encode(), trusted, "the model")


def trusted_keys_after_signing(dev: Target, folder: Path) -> list[str]:
    signer_for(dev).sign(folder)
    return list(trusted_keys(dev))


def test_every_environment_trusts_the_key_of_the_one_that_trains_and_no_other(dev: Target, folder: Path) -> None:
    trained = signer_for(dev).sign(folder)
    signer_for(dev.in_environment("production"))
    for name in ("staging", "production"):
        (key,) = trusted_keys(dev.in_environment(name))
        verify_model(folder, trained, [key], "the model")


def test_the_key_is_its_owners_only(dev: Target) -> None:
    with pytest.raises(SigningError, match="No public key is trusted"):
        trusted_keys(dev)
    signer = signer_for(dev)
    assert signer.key == signer_for(dev).key, "it is made once"
    file = next((dev.folder.parents[2] / "keys").glob("models-dev.pem"))
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    file.chmod(0o644)
    with pytest.raises(SigningError, match="chmod 600"):
        signer_for(dev)
    file.chmod(0o600)
    file.write_text("nothing")
    with pytest.raises(SigningError, match="no unencrypted private key"):
        signer_for(dev)


def test_on_a_cloud_keys_are_given_and_public_ones_reviewed(dev: Target, folder: Path, tmp_path: Path) -> None:
    aws = target_for(dev.platform, CANCER, "dev", "aws")
    given = {KEYS: str(tmp_path / "given")}
    with pytest.raises(SigningError, match=r"no key to sign models of dev in .*models-aws-dev\.pem"):
        signer_for(aws, given)
    signer_for(dev)  # any P-256 key in PEM form will do
    keys = dev.folder.parents[2] / "keys"
    (tmp_path / "given").mkdir()
    (keys / "models-dev.pem").rename(tmp_path / "given" / "models-aws-dev.pem")
    signature = signer_for(aws, given).sign(folder)
    with pytest.raises(SigningError, match=r"looked in .*model_keys/aws-dev\.pub"):
        trusted_keys(aws, given)
    committed = aws.platform.directory / "model_keys" / "aws-dev.pub"
    committed.parent.mkdir()
    rotated = "-----BEGIN PUBLIC KEY-----\nMFkwOlder\n-----END PUBLIC KEY-----\n"
    committed.write_text(rotated + (keys / "models-dev.pub").read_text())
    assert len(trusted_keys(aws, given)) == 2, "earlier keys stay known after a rotation"
    verify_model(folder, signature, trusted_keys(aws, given), "the model")
