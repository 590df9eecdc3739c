"""Names: the longest legal ones fit every cloud, and no two inputs share one."""

from __future__ import annotations

import re
from dataclasses import astuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from environments import CLOUDS, PLATFORM, names_for, stack_name
from environments.names import (
    ENVIRONMENT_MAX,
    ENVIRONMENT_PATTERN,
    LIMITS,
    PREFIX_MAX,
    RESERVED_TEAMS,
    TEAM_MAX,
    TEAM_PATTERN,
    Limit,
)


def _legal(pattern: str, longest: int) -> st.SearchStrategy[str]:
    return st.from_regex(pattern, fullmatch=True).filter(lambda name: len(name) <= longest)


teams = st.one_of(
    _legal(TEAM_PATTERN, TEAM_MAX), st.just("a" * TEAM_MAX), st.just("a-" * (TEAM_MAX // 2 - 1) + "aa"), st.just("ab")
).filter(lambda name: name not in RESERVED_TEAMS)
environments = st.one_of(_legal(ENVIRONMENT_PATTERN, ENVIRONMENT_MAX), st.just("e" * ENVIRONMENT_MAX))
prefixes = st.one_of(_legal(TEAM_PATTERN, PREFIX_MAX), st.just("p" * PREFIX_MAX))
clouds = st.sampled_from(CLOUDS)


@given(teams, environments, clouds, prefixes)
def test_every_legal_input_gives_names_within_every_limit(team: str, environment: str, cloud: str, prefix: str) -> None:
    names = names_for(team, environment, cloud, prefix)  # raises when a limit is broken
    assert 6 <= len(names.client) <= 30
    assert 6 <= len(names.workload) <= 30
    assert 3 <= len(names.artifact_store) <= 63
    assert re.fullmatch(r"[a-z0-9][a-z0-9-]+[a-z0-9]", names.audit_store)


@given(st.tuples(teams, environments), st.tuples(teams, environments), clouds)
def test_two_inputs_never_share_a_name(one: tuple[str, str], other: tuple[str, str], cloud: str) -> None:
    if one == other:
        return
    mine, theirs = (names_for(*pair, cloud, "acme") for pair in (one, other))
    assert not set(astuple(mine)) & set(astuple(theirs))


@given(teams, environments)
def test_one_team_never_uses_a_name_twice_for_different_things(team: str, environment: str) -> None:
    names = names_for(team, environment, "gcp", "acme")
    assert len({names.client, names.workload, names.artifact_store, names.audit_store}) == 4


@given(teams, environments)
def test_a_team_never_takes_the_platforms_stack(team: str, environment: str) -> None:
    for cloud in CLOUDS:
        assert stack_name(team, environment, cloud) != stack_name(PLATFORM, environment, cloud)


def test_stacks_are_called_as_the_design_says() -> None:
    assert stack_name("oncology", "dev", "local") == "local-oncology-dev"
    assert stack_name("oncology", "dev", "aws") == "oncology-dev"
    assert stack_name(PLATFORM, "dev", "local") == "local-dev"
    assert stack_name(PLATFORM, "dev", "gcp") == "dev"


@pytest.mark.parametrize(
    ("name", "words"),
    [("x" * 31, "31 characters"), ("ab", "6 to 30"), ("Team-client", "does not match"), ("1abcdef", "match")],
)
def test_a_limit_says_what_it_takes(name: str, words: str) -> None:
    limit: Limit = LIMITS["identity"][0]
    with pytest.raises(ValueError, match=words):
        limit.check(name)
