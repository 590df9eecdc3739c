"""Many teams in three environments are registered once each, and looked at in proportion to their number."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import event
from sqlalchemy.engine import Engine

from environments import ORDER, load_platform
from stack_bootstrap.infrastructure import apply
from stack_bootstrap.registration import merge, open_client, register
from stack_bootstrap.workspace import workspace
from tests.benchmarks.teams import add_teams
from tests.conftest import copy_settings

FEW, MANY = 2, 6


@contextmanager
def queries() -> Iterator[list[str]]:
    """Every statement that is sent to a database while the block runs."""
    sent: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        sent.append(statement)

    event.listen(Engine, "before_cursor_execute", note)
    try:
        yield sent
    finally:
        event.remove(Engine, "before_cursor_execute", note)


@pytest.mark.usefixtures("zenml_store")
def test_many_teams_in_three_environments(tmp_path: Path) -> None:
    settings, client, sent = copy_settings(tmp_path), open_client(), {}
    for count in (FEW, MANY):
        add_teams(settings, count)
        platform = load_platform(settings)
        contracts = merge({name: apply(workspace(platform, name, "local")).stacks for name in ORDER})
        assert len(contracts) == 3 * (count + 1), "the teams' stacks and the platform's"
        assert list(register(contracts, client=client))
        with queries() as sent[count]:
            assert not list(register(contracts, client=client))
    assert len(sent[FEW]) > 0
    assert len(sent[MANY]) < MANY / FEW * len(sent[FEW]), "what is asked grows faster than the teams"
