"""A plan's cost: priced from the book, unknown where nobody knows, free only for a reason, and beside what is there."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from environments import load_platform
from governance.cost.assumptions import load_assumptions
from governance.cost.estimate import Estimate, estimate_plan
from governance.cost.money import CurrencyMismatchError
from governance.cost.plan_summary import as_json, as_markdown
from governance.cost.prices import Price, PriceBook, PriceBookError, load_prices
from governance.cost.resources import BILLED, FREE, judge
from tests.conftest import REPOSITORY

TODAY = date(2026, 11, 25)
TEAMS = ("oncology", "diabetes-care")


def change(address: str, before: dict[str, Any] | None, after: dict[str, Any] | None) -> dict[str, Any]:
    kind = re.findall(r"\b((?:aws|google|terraform|random)_\w+)\.", address)[-1]
    return {
        "address": address,
        "type": kind,
        "mode": "managed",
        "change": {"before": before, "after": after, "after_unknown": {}},
    }


def estimate(*changes: dict[str, Any], settings: Path, book: PriceBook | None = None, env: str = "dev") -> Estimate:
    environment = load_platform(settings).environment(env)
    return estimate_plan(
        {"resource_changes": list(changes)},
        environment,
        "aws",
        TEAMS,
        book or load_prices(),
        load_assumptions(),
        TODAY,
    )


def book_of(*prices: Price) -> PriceBook:
    return PriceBook(max_age_days=365, prices=prices)


def test_every_price_of_the_committed_book_says_where_it_is_from() -> None:
    book = load_prices()
    assert len(book.prices) > 20
    assert {price.cloud for price in book.prices} >= {"local", "aws", "gcp"}
    for price in book.prices:
        assert price.source.startswith("https://")
        assert date(2024, 1, 1) < price.as_of <= TODAY


def test_every_kind_that_our_modules_make_is_priced_free_or_named_here_as_unknown() -> None:
    made = set()
    for file in (REPOSITORY / "infra/modules").rglob("*.tf"):
        made |= set(re.findall(r'^resource "(\w+)"', file.read_text(encoding="utf-8"), re.MULTILINE))
    unknown = made - set(BILLED) - set(FREE)
    # No price could be sourced for these; the estimate lists them.
    assert unknown <= {
        "aws_flow_log",
        "google_composer_environment",
        "google_monitoring_alert_policy",
    }
    assert not set(BILLED) & set(FREE)


def test_a_team_pays_for_what_its_labels_or_its_key_name_and_the_platform_for_the_rest(
    settings_directory: Path,
) -> None:
    made = estimate(
        change("module.x.aws_kms_key.this", None, {"tags_all": {"team": "oncology"}}),
        change('module.x["diabetes-care"].aws_kms_key.this', None, {}),
        change('module.x["interface"].aws_kms_key.this', None, {"tags": {"team": "stranger"}}),
        settings=settings_directory,
    )
    each = Decimal(1) + 50 * Decimal("0.003")
    assert {team.team: team.planned for team in made.teams} == {
        "platform": each,
        "diabetes-care": each,
        "oncology": each,
    }
    assert made.planned == sum(team.planned for team in made.teams) == sum(line.planned for line in made.lines)


def test_the_difference_is_to_what_is_there_now(settings_directory: Path) -> None:
    key: dict[str, Any] = {}
    made = estimate(
        change("aws_kms_key.kept", key, key),
        change("aws_kms_key.gone", key, None),
        change("aws_kms_key.new_a", None, key),
        change("aws_kms_key.new_b", None, key),
        settings=settings_directory,
    )
    each = Decimal("1.15")
    assert (made.now, made.planned, made.difference) == (2 * each, 3 * each, each)
    gone = next(line for line in made.lines if line.address.endswith("gone"))
    assert (gone.now, gone.planned, gone.state) == (each, Decimal(0), "priced")


def test_what_is_not_known_is_listed_and_never_counts_as_nothing(settings_directory: Path) -> None:
    made = estimate(
        change("aws_kms_key.known", None, {}),
        change("random_thing.x", None, {}),
        settings=settings_directory,
    )
    (unknown,) = made.of_state("unknown")
    assert "random_thing" in unknown.reason
    assert as_json(made)["unknown"] == ["random_thing.x"]
    assert "`random_thing.x`" in as_markdown([made])
    assert made.teams[0].unknown == 1


def test_a_missing_price_makes_a_resource_partly_or_wholly_unknown(settings_directory: Path) -> None:
    some = load_prices()
    without = book_of(*(p for p in some.prices if p.item != "object-reads"))
    made = estimate(change("aws_s3_bucket.x", None, {}), settings=settings_directory, book=without)
    assert made.lines[0].state == "partly"
    assert "object-reads" in made.lines[0].reason
    assert made.planned > 0
    none = book_of()
    wholly = estimate(change("aws_s3_bucket.x", None, {}), settings=settings_directory, book=none)
    assert wholly.lines[0].state == "unknown"


def test_free_kinds_say_why(settings_directory: Path) -> None:
    made = estimate(
        change("aws_iam_role.x", None, {}),
        change("aws_vpc_endpoint.s3", None, {"vpc_endpoint_type": "Gateway"}),
        settings=settings_directory,
    )
    assert [line.state for line in made.lines] == ["free", "free"]
    assert all(line.reason for line in made.lines)
    assert "aws_iam_role" in as_markdown([made])


def test_an_interface_endpoint_costs_in_every_zone(settings_directory: Path) -> None:
    def cost(subnets: list[str]) -> Decimal:
        values = {"vpc_endpoint_type": "Interface", "subnet_ids": subnets}
        return estimate(change("aws_vpc_endpoint.x", None, values), settings=settings_directory).planned

    hourly = Decimal("0.012") * 730
    assert cost(["a", "b", "c"]) - cost(["a", "b"]) == hourly
    assert cost([]) == cost(["a", "b"])


def test_a_database_in_two_zones_is_billed_for_twice_what_its_tier_says() -> None:
    def cloud_sql(tier: str, availability: str) -> dict[str, Decimal]:
        settings = {"tier": tier, "availability_type": availability, "disk_size": 50}
        verdict = judge("google_sql_database_instance", {"settings": [settings]})
        assert isinstance(verdict, tuple)
        return {billed.item: Decimal(billed.factor) for billed in verdict}

    one = {"database-cpu": Decimal(2), "database-memory": Decimal(8), "database-storage": Decimal(50)}
    assert cloud_sql("db-custom-2-8192", "ZONAL") == one
    assert cloud_sql("db-custom-2-8192", "REGIONAL") == {item: 2 * factor for item, factor in one.items()}
    assert cloud_sql("db-perf-optimized-N-2", "REGIONAL")["database/db-perf-optimized-N-2"] == 2


def test_containers_that_are_always_there_are_billed_by_what_they_may_use() -> None:
    limits = {"limits": {"cpu": "2", "memory": "4Gi"}}
    verdict = judge("google_cloud_run_v2_service", {"template": [{"containers": [{"resources": [limits]}]}]})
    assert isinstance(verdict, tuple)
    assert {billed.item: billed.factor for billed in verdict} == {"container-cpu": 2, "container-memory": 4}
    assert {billed.usage for billed in verdict} == {"task_hours"}


def test_an_environment_may_use_more_than_the_default(settings_directory: Path) -> None:
    bucket = change("aws_s3_bucket.x", None, {})
    dev = estimate(bucket, settings=settings_directory)
    production = estimate(bucket, settings=settings_directory, env="production")
    assert production.planned - dev.planned == 80 * Decimal("0.0245") + 300 * Decimal("0.00043")
    assert production.assumptions["bucket_gb"] == 100


def test_an_old_price_is_warned_of(settings_directory: Path) -> None:
    book = load_prices()
    old = tuple(p.model_copy(update={"as_of": date(2020, 1, 1)}) if p.item == "kms-key" else p for p in book.prices)
    made = estimate(change("aws_kms_key.x", None, {}), settings=settings_directory, book=book_of(*old))
    assert len(made.warnings) == 1
    assert "kms-key" in made.warnings[0]
    assert "2020-01-01" in made.warnings[0]


def test_prices_in_two_currencies_are_not_added(settings_directory: Path) -> None:
    book = load_prices()
    mixed = tuple(p.model_copy(update={"currency": "EUR"}) if p.item == "kms-key" else p for p in book.prices)
    with pytest.raises(CurrencyMismatchError, match="EUR and USD"):
        estimate(
            change("aws_kms_key.x", None, {}),
            settings=settings_directory,
            book=book_of(*mixed),
        )


GOOD = {
    "cloud": "aws",
    "region": "*",
    "item": "kms-key",
    "unit": "month",
    "amount": "1",
    "currency": "USD",
    "source": "https://example.com/",
    "as_of": "2026-01-01",
}


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"amount": 0.1}, "in quotes"),
        ({"amount": "0"}, "greater than 0"),
        ({"currency": "dollars"}, "currency"),
        ({"source": "somebody said so"}, "source"),
        ({"as_of": "lately"}, "as_of"),
        ({"unit": "piece"}, "unit"),
        ({"region": "Frankfurt"}, "region"),
        ({"colour": "blue"}, "colour"),
        ({"source": None}, "source"),
    ],
)
def test_a_price_that_is_not_whole_is_refused(wrong: dict[str, Any], said: str, tmp_path: Path) -> None:
    file = tmp_path / "prices.yaml"
    file.write_text(json.dumps({"max_age_days": 365, "prices": [{**GOOD, **wrong}]}), encoding="utf-8")
    with pytest.raises(PriceBookError, match=said) as refused:
        load_prices(file)
    assert str(file) in str(refused.value)


def test_a_second_price_for_one_thing_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "prices.yaml"
    file.write_text(json.dumps({"max_age_days": 365, "prices": [GOOD, GOOD]}), encoding="utf-8")
    with pytest.raises(PriceBookError, match="two prices"):
        load_prices(file)
    with pytest.raises(PriceBookError, match=r"nothing\.yaml"):
        load_prices(tmp_path / "nothing.yaml")


def test_an_override_of_an_unknown_quantity_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "usage.yaml"
    file.write_text("defaults: {bucket_gb: 1}\nenvironments: {dev: {bucket_gbs: 2}}\n", encoding="utf-8")
    with pytest.raises(PriceBookError, match="bucket_gbs"):
        load_assumptions(file)


def test_a_regions_own_price_goes_before_the_one_for_everywhere() -> None:
    anywhere = Price.model_validate(GOOD)
    here = Price.model_validate({**GOOD, "region": "eu-central-1", "amount": "2"})
    book = PriceBook(max_age_days=1, prices=(anywhere, here))
    assert book.find("aws", "eu-central-1", "kms-key") is here
    assert book.find("aws", "eu-west-1", "kms-key") is anywhere
    assert book.find("gcp", "eu-west-1", "kms-key") is None


@pytest.fixture
def offline(settings_directory: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("OFFLINE", "1")
    yield settings_directory


@pytest.mark.xdist_group("offline")
def test_the_command_estimates_a_cloud_root_with_no_account(offline: Path) -> None:
    from governance.cli.app import app

    asked = ["cost-plan", "--env", "dev", "--cloud", "aws", "--settings", str(offline)]
    done = CliRunner().invoke(app, [*asked, "--json"])
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)["dev"]
    assert told["simulated"] is True
    assert {team["team"] for team in told["teams"]} == {"platform", "oncology", "diabetes-care"}
    assert Decimal(told["planned"]) == sum(Decimal(line["planned"]) for line in told["lines"]) > 0
    assert Decimal(told["planned"]) == sum(Decimal(team["planned"]) for team in told["teams"])
    assert told["assumptions"]


def test_an_estimate_loads_nothing_heavy() -> None:
    code = (
        "import sys; from governance.cli.app import app; from governance.cost import estimate, infracost;"
        "heavy = {'zenml', 'mlflow', 'sklearn', 'numpy', 'pandas', 'boto3', 'matplotlib', 'google.cloud'};"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=REPOSITORY,
        env={**os.environ},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "[]"
