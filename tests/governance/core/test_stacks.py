"""A stack that ZenML refuses is one line, and the choice of a stack ends with its block."""

from __future__ import annotations

import os

import pytest
from zenml.constants import ENV_ZENML_ACTIVE_STACK_ID
from zenml.exceptions import StackValidationError

from governance.core.stacks import StackMissingError, StackUnfitError, active_stack


def test_a_stack_that_zenml_refuses_is_one_line_and_is_left() -> None:
    with pytest.raises(StackUnfitError) as refused, active_stack("default"):
        raise StackValidationError("the registry is local\nTo silence this warning, run: zenml orchestrator update")
    assert str(refused.value) == "The stack 'default' cannot be used: the registry is local"
    assert ENV_ZENML_ACTIVE_STACK_ID not in os.environ


def test_a_stack_that_is_missing_is_named() -> None:
    with pytest.raises(StackMissingError, match="no ZenML stack 'nowhere-dev'"), active_stack("nowhere-dev"):
        pass
