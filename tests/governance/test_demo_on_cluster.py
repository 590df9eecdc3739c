"""What `make demo KUBERNETES=1` says before it begins: what is missing, what it would do, and whom it asks."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from environments import load_platform
from governance.core.errors import RefusedError
from governance.core.target import target_for
from governance.demo.config import Place
from governance.demo.readiness import NotReadyError, intended, require_ready
from tests.conftest import edit_yaml
from tests.governance.conftest import CANCER, DIABETES

PEOPLE = ("edsger@example.com", "katherine@example.com", "donald@example.com")
"""One who may approve for oncology beside whoever is at work, and two for diabetes-care."""


pytestmark = pytest.mark.usefixtures("zenml_store")


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    """A folder with a key of each."""
    folder = tmp_path / "people"
    folder.mkdir()
    for email in PEOPLE:
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", str(folder / email)], check=True)
    return folder


def declare(settings: Path, keys: Path) -> None:
    def change(raw: dict[str, dict[str, object]]) -> None:
        for public in keys.glob("*.pub"):
            raw["people"][public.stem] = {"keys": [{"key": public.read_text(encoding="utf-8").strip()}]}

    edit_yaml(settings / "people.yaml", change)


def test_all_that_is_missing_is_said_at_once(
    settings_directory: Path, keys: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "none"))
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    edit_yaml(settings_directory / "staging.yaml", lambda raw: raw.pop("kubernetes"))
    with pytest.raises(NotReadyError) as missing:
        require_ready(load_platform(settings_directory), Place("kubernetes", keys))
    said = str(missing.value)
    for words in (
        "nothing was changed",
        "staging.yaml has no section kubernetes",
        "cluster",
        "production.yaml: images.training is not set",
        "production.yaml: images.inference is not set",
        "ZenML's store is sqlite:",
        "AWS_ACCESS_KEY_ID",
        "people.yaml does not give edsger@example.com the key",
        "people.yaml does not give donald@example.com the key",
        "DIABETES_CARE_DEV_STORE, ONCOLOGY_DEV_STORE, PRODUCTION_STORE",
        "There is no key to sign models of dev",
    ):
        assert words in said
    assert len(set(said.splitlines())) == len(said.splitlines()), "each once"


def said_of(settings: Path, keys: Path) -> str:
    """Return what the demo says is missing; in a test that is always something."""
    with pytest.raises(NotReadyError) as missing:
        require_ready(load_platform(settings), Place("kubernetes", keys))
    return str(missing.value)


def test_keys_of_the_store_that_are_not_set_or_are_something_else_are_named(
    settings_directory: Path, keys: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stacks = [f"{team}{environment}" for team in ("", "DIABETES_CARE_", "ONCOLOGY_")
              for environment in ("DEV", "STAGING", "PRODUCTION")]  # fmt: skip
    for stack in stacks:
        monkeypatch.setenv(f"{stack}_STORE", '{"key": "a", "secret": "hunter2"}')
    assert "DEV_STORE" not in said_of(settings_directory, keys)
    monkeypatch.delenv("ONCOLOGY_STAGING_STORE")
    monkeypatch.setenv("DEV_STORE", '{"key": "hunter2"}')
    said = said_of(settings_directory, keys)
    assert "set DEV_STORE (is set to something else), ONCOLOGY_STAGING_STORE." in said
    assert "hunter2" not in said


@pytest.mark.usefixtures("uncommitted_counts")
def test_what_no_commit_holds_is_named(settings_directory: Path, keys: Path) -> None:
    assert "- No commit holds " in said_of(settings_directory, keys)


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("http://127.0.0.1:1", "ZenML's store is http://127.0.0.1:1, where no pod reaches it"),
        ("http://localhost:1", "ZenML's store is http://localhost:1, where no pod reaches it"),
        ("http://[::1]:1", "where no pod reaches it"),
        ("http://zenml.invalid:1", "the server http://zenml.invalid:1 is away (no connection)"),
    ],
)
def test_a_zenml_that_pods_do_not_reach_or_that_does_not_answer_is_named(
    settings_directory: Path, keys: Path, monkeypatch: pytest.MonkeyPatch, url: str, words: str
) -> None:
    monkeypatch.setenv("ZENML_STORE_URL", url)
    monkeypatch.setenv("ZENML_STORE_API_KEY", "ZENKEY_hunter2")
    said = said_of(settings_directory, keys)
    assert words in said
    assert "hunter2" not in said


def test_a_key_for_models_is_there_with_its_public_half(
    settings_directory: Path, keys: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GROUNDWORK_MODEL_KEYS", str(tmp_path))
    mine, other = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    private = tmp_path / "models-kubernetes-dev.pem"
    private.touch(mode=0o600)
    private.write_bytes(mine.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    assert "No public key is trusted for models of dev" in said_of(settings_directory, keys)
    public = settings_directory / "model_keys" / "kubernetes-dev.pub"
    public.parent.mkdir()
    for key, missing in ((other, True), (mine, False)):
        public.write_bytes(key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
        assert (f"{public} does not hold the public key" in said_of(settings_directory, keys)) is missing


def test_what_would_be_done_is_said_and_declared_keys_are_not_missing(settings_directory: Path, keys: Path) -> None:
    declare(settings_directory, keys)
    platform, place = load_platform(settings_directory), Place("kubernetes", keys)
    dev, staging, production, diabetes, oncology = intended(platform, place)
    assert dev.startswith("dev: apply to context ")
    assert staging.startswith("staging: ")
    assert production.startswith("production: ")
    assert diabetes.endswith(f"train {DIABETES} and take it to production, approved by donald@example.com")
    assert oncology.endswith(f"train {CANCER} and take it to production, approved by edsger@example.com")
    with pytest.raises(NotReadyError) as missing:
        require_ready(platform, place)
    assert "people.yaml" not in str(missing.value)


def test_one_other_person_approves_and_of_two_one_asks(settings_directory: Path, keys: Path) -> None:
    platform, place = load_platform(settings_directory), Place("kubernetes", keys)
    asks, approves = place.signers(target_for(platform, CANCER, "production", "kubernetes"))
    assert asks is None
    assert approves.email == "edsger@example.com"
    asks, approves = place.signers(target_for(platform, DIABETES, "production", "kubernetes"))
    assert asks is not None
    assert (asks.email, approves.email) == ("katherine@example.com", "donald@example.com")
    with pytest.raises(RefusedError, match="Nobody can approve for oncology: in KEYS, which is not set"):
        Place("kubernetes").signers(target_for(platform, CANCER, "production", "kubernetes"))


def test_what_the_demo_made_on_a_cluster_is_removed_by_destroy_alone(
    settings_directory: Path, run_main: Callable[..., object], capfd: pytest.CaptureFixture[str]
) -> None:
    code = run_main("clean-demo", "--kubernetes", "--settings", str(settings_directory))
    out, err = capfd.readouterr()
    assert (code, out) == (1, "")
    assert err.startswith("Nothing was done: on a cluster the demo makes environments like any other")
    for environment in load_platform(settings_directory).environments:
        assert f"make destroy ENV={environment} CLOUD=kubernetes\n" in err
