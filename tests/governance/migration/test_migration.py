"""A team's models, runs and lineage in another project or store: the same, once, whatever interrupts the move."""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Annotated, Any

import pytest
from typer.testing import CliRunner
from zenml import Model, log_metadata, pipeline, step
from zenml.client import Client
from zenml.constants import ENV_ZENML_ACTIVE_PROJECT_ID
from zenml.enums import ExecutionMode, StoreType
from zenml.models import ModelRequest, ModelVersionRequest
from zenml.zen_stores.base_zen_store import BaseZenStore
from zenml.zen_stores.sql_zen_store import SqlZenStoreConfiguration

from environments import load_platform
from governance.audit import locate, open_reader
from governance.audit.events import Migration
from governance.cli.app import app
from governance.core.digests import content_digest
from governance.core.errors import RefusedError
from governance.core.target import Target, target_for
from governance.migration.contents import facts_of, read_contents
from governance.migration.copying import Copier, MigrationError
from governance.migration.migrate import DifferentThingsError, differences, migrate, plan
from governance.migration.places import Place, PlaceError, open_place
from governance.registry.inventory import list_versions
from governance.registry.versions import staged_version, versions_newest_first
from stack_bootstrap.registration import make_projects, missing_projects
from stack_bootstrap.registration.errors import RegistrationError
from tests.conftest import copy_settings, edit_yaml
from tests.governance.conftest import CANCER, DIABETES

SOURCE = "moved-from"


@step(enable_cache=False)
def make(value: int) -> Annotated[int, "thing"]:
    log_metadata({"rows": value})
    return value


@step(enable_cache=False)
def use(thing: int) -> Annotated[int, "result"]:
    if thing < 0:
        raise ValueError("no such thing")
    return thing + 1


@pipeline(enable_cache=False, execution_mode=ExecutionMode.FAIL_FAST)
def moved_pipeline(value: int) -> None:
    use(make(value))


def _run(model: str, value: int, project: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(ENV_ZENML_ACTIVE_PROJECT_ID, str(Client().get_project(project).id))
        governed = moved_pipeline.with_options(
            model=Model(name=model, description="A model that moves.", tags=["moves"]), tags=["governed"]
        )
        if value < 0:
            with pytest.raises(ValueError, match="no such thing"):
                governed(value)
        else:
            governed(value)


@pytest.fixture(scope="module")
def source() -> Place:
    """Two teams' models in one project: versions 1, 3 (its run failed) and 4 of one, 2 was deleted; 1 of another."""
    client = Client()
    client.create_project(SOURCE, "Where the models come from.")
    for model, value in ((CANCER, 1), (DIABETES, 5), (CANCER, 2), (CANCER, -3), (CANCER, 4)):
        _run(model, value, SOURCE)
    client.delete_model_version(client.get_model_version(CANCER, 2, project=SOURCE).id)
    client.update_model_version(CANCER, "4", stage="production", force=True, add_tags=["chosen"], project=SOURCE)
    return open_place(SOURCE)


@pytest.fixture
def target(request: pytest.FixtureRequest) -> Place:
    name = f"to-{abs(hash(request.node.name)) % 10**8}"
    Client().create_project(name, "Where they go.")
    return open_place(name)


@pytest.fixture
def targets(tmp_path: Path) -> list[Target]:
    """One for each environment of the team, whose logs can be written."""
    platform = load_platform(copy_settings(tmp_path))
    for name in platform.environments:  # where Terraform would make them
        ground = locate(platform, name).ground / "environments"
        (ground / name / "platform" / "audit").mkdir(parents=True)
    return [target_for(platform, CANCER, name) for name in platform.environments]


def _other_store(file: Path) -> Place:
    url = f"sqlite:///{file}"
    # With its default project, user and stack, as a server's database has them.
    BaseZenStore.create_store(SqlZenStoreConfiguration(type=StoreType.SQL, url=url))
    return open_place(f"{url}#default")


class Counted:
    """A store that counts what is written to it, and breaks off before the write after ``allowed``."""

    def __init__(self, store: BaseZenStore, allowed: int | None = None) -> None:
        self.store, self.allowed, self.written = store, allowed, 0

    def __getattr__(self, name: str) -> Any:
        found = getattr(self.store, name)
        if not name.startswith(("create_", "get_or_create_", "update_", "delete_")):
            return found

        def write(*given: Any, **named: Any) -> Any:
            if self.allowed is not None and self.written >= self.allowed:
                raise ConnectionError("the server was killed")
            self.written += 1
            return found(*given, **named)

        return write


def test_all_of_a_team_moves_and_nothing_of_another(source: Place, target: Place, targets: list[Target]) -> None:
    team = targets[0].team
    before = facts_of(read_contents(source, team.models))

    move = migrate(source, target, team, targets)

    assert move.agrees, move.differences
    assert move.counts == {
        "models": 1, "model_versions": 3, "artifact_versions": 7, "snapshots": 4, "runs": 4, "steps": 8,
    }  # fmt: skip
    assert facts_of(read_contents(target, team.models)) == before == facts_of(read_contents(source, team.models))
    client = Client()
    versions = {one.number: one for one in client.list_model_versions(CANCER, project=target.project_id, hydrate=True)}
    assert sorted(versions) == [1, 3, 4], "the hole stays a hole"
    assert versions[4].stage == "production"
    assert [model.name for model in client.list_models(project=target.project_id)] == [CANCER]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(ENV_ZENML_ACTIVE_PROJECT_ID, str(target.project_id))
        result = versions[4].get_data_artifact("result")
        assert result is not None and client.get_artifact_version("result", result.version).load() == 5
    failed = next(run for run in read_contents(target, team.models).runs if str(run.status) == "failed")
    assert failed.model_version is not None and failed.model_version.number == 3

    _run(CANCER, 9, target.project.name)
    numbers = [one.number for one in client.list_model_versions(CANCER, project=target.project_id)]
    assert max(numbers) == 5, "and the next version has the next number"


def test_the_log_of_each_environment_names_the_map(source: Place, target: Place, targets: list[Target]) -> None:
    move = migrate(source, target, targets[0].team, targets)
    for one in targets:
        reader = open_reader(one.platform, one.environment.environment)
        event = next(entry.event for entry in reader.entries() if isinstance(entry.event, Migration))
        assert (event.outcome, event.source, event.destination) == ("succeeded", SOURCE, target.address)
        assert event.made == move.made
        kept = (
            locate(one.platform, one.environment.environment)
            .store()
            .read(f"migrations/{event.map_digest.removeprefix('sha256:')}.json")
        )
        assert kept is not None and content_digest(kept) == event.map_digest
        ids = json.loads(kept)["ids"]
        assert len(ids["runs"]) == 4 and len(ids["artifact_versions"]) == 7


def test_a_move_that_is_killed_after_a_few_writes_goes_on_and_makes_nothing_twice(
    source: Place, target: Place, tmp_path: Path
) -> None:
    whole = _other_store(tmp_path / "whole.db")
    counted = Counted(whole.store)
    here = read_contents(source, [CANCER])
    place = Place(whole.address, counted, whole.project)  # type: ignore[arg-type]  # as good as a store
    Copier(source, place, here, read_contents(whole, [CANCER]), lambda _: None).copy()
    assert differences(here, read_contents(whole, [CANCER])) == ()

    attempts, written = 0, 0
    allowed = 1 if os.environ.get("ALL_FAULTS") else 3
    while True:
        dying = Counted(target.store, allowed=allowed)
        place = Place(target.address, dying, target.project)  # type: ignore[arg-type]
        attempts += 1
        try:
            Copier(source, place, here, read_contents(target, [CANCER]), lambda _: None).copy()
        except ConnectionError:
            written += dying.written
            assert attempts < 500, "it never ends"
        else:
            written += dying.written
            break

    there = read_contents(target, [CANCER])
    assert differences(here, there) == () and there.counts == here.counts
    assert written == counted.written, "nothing is written twice"
    assert attempts > 40 / allowed, "each write but the last that was allowed broke an attempt off"


GOING_ON = "select id from pipeline_run where in_progress = 1"


@pytest.mark.parametrize(
    "lost",
    [
        f"update pipeline_run set model_version_id = null where model_version_id is not null and id in ({GOING_ON})",
        f"delete from tag_resource where resource_id in ({GOING_ON})",
        "delete from step_run_output_artifact where step_id in "
        f"(select id from step_run where pipeline_run_id in ({GOING_ON}))",
    ],
)
def test_a_run_that_a_killed_server_made_by_half_is_made_again(source: Place, tmp_path: Path, lost: str) -> None:
    file = tmp_path / "half.db"
    target, here = _other_store(file), read_contents(source, [CANCER])

    def copy(place: Place) -> None:
        Copier(source, place, here, read_contents(target, [CANCER]), lambda _: None).copy()

    for _ in range(100):
        with suppress(ConnectionError):
            copy(Place(target.address, Counted(target.store, allowed=2), target.project))  # type: ignore[arg-type]
        with closing(sqlite3.connect(file)) as database, database:
            if database.execute(lost).rowcount:
                break
    else:
        pytest.fail("no run was begun")
    copy(target)
    assert differences(here, read_contents(target, [CANCER])) == ()


def test_another_database_takes_a_team_and_a_second_time_nothing(
    source: Place, targets: list[Target], tmp_path: Path
) -> None:
    target = _other_store(tmp_path / "other.db")
    first = migrate(source, target, targets[0].team, targets)
    second = migrate(source, target, targets[0].team, targets)
    assert first.agrees and first.made["steps"] == 8
    assert second.agrees and second.made == {}


def test_commands_find_a_team_where_it_was_moved_to_once_settings_give_each_a_project(
    source: Place, targets: list[Target], tmp_path: Path
) -> None:
    edit_yaml(targets[0].platform.directory / "platform.yaml", lambda raw: raw.update(projects="per-team"))
    platform = load_platform(targets[0].platform.directory)
    production = target_for(platform, CANCER, "production")
    with pytest.raises(PlaceError, match="or make register where"):
        open_place("oncology")
    make_projects(missing_projects(platform))
    assert list_versions(platform) == [] and staged_version(production) is None

    assert migrate(source, open_place("oncology"), production.team, targets).agrees

    assert [row.version for row in list_versions(platform)] == ["4", "3", "1"]
    in_use = staged_version(production)
    assert in_use is not None and (in_use.number, in_use.project.name) == (4, "oncology")
    assert [one.number for one in versions_newest_first(CANCER, production.project)] == [4, 3, 1]
    listed = CliRunner().invoke(app, ["models", "--json", "--settings", str(platform.directory)])
    assert [row["version"] for row in json.loads(listed.stdout)] == ["4", "3", "1"], listed.output


def test_what_was_changed_afterwards_is_named(source: Place, target: Place, targets: list[Target]) -> None:
    team = targets[0].team
    migrate(source, target, team, targets[:1])
    client = Client()
    client.update_model_version(CANCER, "4", stage="archived", force=True, project=target.project_id)
    run = next(iter(client.list_pipeline_runs(project=target.project_id, size=1)))
    client.delete_pipeline_run(run.id, project=target.project_id)

    found = plan(source, target, team).differences

    assert f"model version {CANCER}:4: stage differs" in found
    assert f"run {run.name} is missing" in found


def test_other_things_under_the_same_names_stop_the_move_before_it_begins(
    source: Place, target: Place, targets: list[Target]
) -> None:
    _run(CANCER, 7, target.project.name)
    before = read_contents(target, [CANCER]).counts
    with pytest.raises(DifferentThingsError, match="artifact version thing:1: place is"):
        migrate(source, target, targets[0].team, targets)
    assert read_contents(target, [CANCER]).counts == before


def test_a_number_that_was_given_already_stops_the_move(source: Place, target: Place) -> None:
    client = Client()
    model = target.store.create_model(ModelRequest(project=target.project_id, name=CANCER))
    versions = [
        target.store.create_model_version(ModelVersionRequest(project=target.project_id, model=model.id))
        for _ in range(5)
    ]
    for version in versions[:4]:
        client.delete_model_version(version.id)
    there = read_contents(target, [CANCER])
    with pytest.raises(MigrationError, match=f"Version 1 of {CANCER} cannot be made"):
        Copier(source, target, read_contents(source, [CANCER]), there, lambda _: None).copy()


def test_a_stack_that_is_missing_is_named(source: Place, tmp_path: Path) -> None:
    target = _other_store(tmp_path / "bare.db")
    here = read_contents(source, [CANCER])
    for snapshot in here.snapshots.values():
        assert snapshot.stack is not None
        snapshot.stack.name = "oncology-dev"
    with pytest.raises(MigrationError, match="has no stack 'oncology-dev': make register there first"):
        Copier(source, target, here, read_contents(target, [CANCER]), lambda _: None).copy()


@pytest.mark.parametrize(
    ("address", "error", "words"),
    [
        ("", PlaceError, "names no project"),
        ("two words", PlaceError, "names no project"),
        ("nowhere-at-all", PlaceError, "There is no project 'nowhere-at-all' in the store in use"),
        ("https://me:secret@zenml.example.com#default", PlaceError, "holds a name or a password"),
        ("sqlite:////no/such/file.db#default", PlaceError, "there is no such file"),
        ("ftp://zenml.example.com#default", RegistrationError, "ftp://zenml.example.com"),
        ("http://127.0.0.1:9#default", RegistrationError, "http://127.0.0.1:9"),
    ],
)
def test_an_address_that_leads_nowhere_is_refused(address: str, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words) as refused:
        open_place(address)
    assert "secret" not in str(refused.value)


def test_a_project_is_not_moved_onto_itself_nor_nothing_at_all(
    source: Place, target: Place, targets: list[Target]
) -> None:
    with pytest.raises(RefusedError, match="are the same project"):
        plan(source, source, targets[0].team)
    with pytest.raises(RefusedError, match="holds none of oncology's models"):
        plan(target, source, targets[0].team)


@pytest.fixture
def told(targets: list[Target]) -> Iterator[dict[str, str]]:
    yield {"FROM": SOURCE, "TEAM": "oncology", "GROUNDWORK_ENVIRONMENTS": str(targets[0].platform.directory)}


def test_the_command_says_what_would_move_and_what_moved(source: Place, target: Place, told: dict[str, str]) -> None:
    asked = ["--to", target.address]
    before = CliRunner().invoke(app, ["migrate", "--dry-run", *asked], env=told)
    assert "holds of oncology models: 1, model versions: 3" in before.output, before.output
    assert read_contents(target, [CANCER]).models == []
    done = CliRunner().invoke(app, ["migrate", *asked], env=told)
    assert done.exit_code == 0, done.output
    assert "the same in both places: models: 1" in done.output and "owners and the dates" in done.output
    again = json.loads(CliRunner().invoke(app, ["migrate", "--json", *asked], env=told).stdout)
    assert again["agrees"] and again["made"] == {}
