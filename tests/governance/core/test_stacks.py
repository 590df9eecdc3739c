"""A stack that ZenML refuses is one line, and the choice of a stack ends with its block."""

from __future__ import annotations

import os

import pytest
from zenml.client import Client
from zenml.constants import ENV_ZENML_ACTIVE_STACK_ID
from zenml.enums import StackComponentType
from zenml.exceptions import StackValidationError
from zenml.io import fileio

from governance.core.stacks import StackMissingError, StackUnfitError, active_stack


def test_a_stack_that_zenml_refuses_is_one_line_and_is_left() -> None:
    with pytest.raises(StackUnfitError) as refused, active_stack("default"):
        raise StackValidationError("the registry is local\nTo silence this warning, run: zenml orchestrator update")
    assert str(refused.value) == "The stack 'default' cannot be used: the registry is local"
    assert ENV_ZENML_ACTIVE_STACK_ID not in os.environ


def test_a_stack_that_is_missing_is_named() -> None:
    with pytest.raises(StackMissingError, match="no ZenML stack 'nowhere-dev'"), active_stack("nowhere-dev"):
        pass


@pytest.mark.usefixtures("zenml_store")
def test_files_are_those_of_the_stack_in_use_also_when_another_was_used_between() -> None:
    client = Client()
    for name in ("first", "second"):
        store, orchestrator = StackComponentType.ARTIFACT_STORE, StackComponentType.ORCHESTRATOR
        client.create_stack_component(name, "s3", store, configuration={"path": f"s3://{name}"})
        client.create_stack(name, {store: name, orchestrator: "default"})
    for name in ("first", "second", "first"):
        with active_stack(name):
            assert client.active_stack.artifact_store.path == f"s3://{name}"
            with pytest.raises(FileNotFoundError, match=f"outside of artifact store bounds `s3://{name}`"):
                fileio.makedirs("s3://elsewhere/x")
