"""Bills are read over HTTP, page by page, patiently, and exactly; what is no bill is an error."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from moto.server import ThreadedMotoServer

import environments
from environments import load_platform
from governance.cost.cache import CachedProvider
from governance.cost.clouds import CLOUDS
from governance.cost.clouds.aws import CostExplorer
from governance.cost.clouds.azure import CostManagement, access_token
from governance.cost.clouds.gcp import BillingExport
from governance.cost.month import Month
from governance.cost.provider import WithRuns, provider_of
from governance.cost.run_ledger import RunLedger
from governance.cost.spend import Spend, SpendError
from tests.governance.cost.answers import Answer, answering
from tests.governance.cost.conftest import Logged

NOVEMBER = Month(2026, 11)
RUN = "training_pipeline-production-0123456789ab"


# AWS


def group(team: str, run: str, amount: str) -> dict[str, Any]:
    return {
        "Keys": [f"team${team}", f"run${run}"],
        "Metrics": {"UnblendedCost": {"Amount": amount, "Unit": "USD"}},
    }


def day(start: str, end: str, *groups: dict[str, Any]) -> dict[str, Any]:
    return {"TimePeriod": {"Start": start, "End": end}, "Total": {}, "Groups": list(groups), "Estimated": True}


@pytest.fixture(scope="module")
def moto() -> Iterator[str]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def aws_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")


def queue(moto: str, *results: dict[str, Any]) -> None:
    request = urllib.request.Request(
        f"{moto}/moto-api/static/ce/cost-and-usage-results", json.dumps({"results": results}).encode(), method="POST"
    )
    with urllib.request.urlopen(request) as answer:
        assert answer.status == 201


@pytest.mark.usefixtures("aws_credentials")
def test_cost_explorer_is_read_to_its_last_page(moto: str) -> None:
    queue(
        moto,
        {
            "ResultsByTime": [
                day(
                    "2026-11-01",
                    "2026-11-02",
                    group("oncology", RUN, "1.0101516483"),
                    group("", "", "0.25"),
                    group("oncology", "", "0"),
                )
            ],
            "NextPageToken": "second",
        },
        {"ResultsByTime": [day("2026-11-02", "2026-11-03", group("oncology", "", "2"))]},
    )
    told = CostExplorer("333333333333", endpoint=moto).spend(NOVEMBER)
    assert told.spend == (
        Spend(day=date(2026, 11, 1), amount=Decimal("1.0101516483"), currency="USD", team="oncology", run=RUN),
        Spend(day=date(2026, 11, 1), amount=Decimal("0.25"), currency="USD"),
        Spend(day=date(2026, 11, 2), amount=Decimal(2), currency="USD", team="oncology"),
    )


@pytest.mark.usefixtures("aws_credentials")
def test_cost_explorer_is_asked_for_whole_days_of_one_account_by_team_and_run_and_again_when_it_throttles() -> None:
    throttled = Answer({"__type": "LimitExceededException", "message": "Rate exceeded"}, status=400)
    fine = Answer({"ResultsByTime": [day("2026-11-01", "2026-11-02", group("a", "", "1"))]})
    with answering([throttled, fine]) as server:
        told = CostExplorer("333333333333", endpoint=server.url).spend(NOVEMBER)
    assert len(told.spend) == 1
    assert len(server.asked) == 2
    asked = server.asked[-1].body
    assert asked["TimePeriod"] == {"Start": "2026-11-01", "End": "2026-12-01"}
    assert asked["Granularity"] == "DAILY"
    assert [one["Key"] for one in asked["GroupBy"]] == ["team", "run"]
    assert asked["Filter"]["Dimensions"]["Values"] == ["333333333333"]


@pytest.mark.usefixtures("aws_credentials")
@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (Answer({"__type": "AccessDeniedException", "message": "not you"}, status=400), "ce:GetCostAndUsage"),
        (Answer({"Something": "else"}), "unknown format"),
    ],
)
def test_cost_explorer_without_the_right_or_in_another_format_is_an_error(answer: Answer, said: str) -> None:
    with answering([answer]) as server, pytest.raises(SpendError, match=said):
        CostExplorer("333333333333", endpoint=server.url).spend(NOVEMBER)


# Azure

COLUMNS = [
    {"name": "Cost", "type": "Number"},
    {"name": "UsageDate", "type": "Number"},
    {"name": "TagKey", "type": "String"},
    {"name": "TagValue", "type": "String"},
    {"name": "Currency", "type": "String"},
]


def page(*rows: list[Any], after: str | None = None) -> Answer:
    return Answer({"id": "x", "name": "x", "properties": {"nextLink": after, "columns": COLUMNS, "rows": list(rows)}})


def test_cost_management_is_read_to_its_last_page_and_waits_as_long_as_it_says() -> None:
    slow = Answer(
        {"error": {"code": "429", "message": "Too many requests."}},
        status=429,
        headers={"Retry-After": "3", "x-ms-ratelimit-microsoft.costmanagement-clienttype-retry-after": "17"},
    )
    first = page([1.2345678901234567, 20261101, "team", "oncology", "EUR"], after="{url}/next?$skiptoken=2")
    second = page([2, 20261130, None, None, "EUR"], [0, 20261130, "team", "idle", "EUR"])
    waited: list[float] = []
    with answering([slow, first, second]) as server:
        bill = CostManagement("0-0", endpoint=server.url, token=lambda: "secret", sleep=waited.append)
        told = bill.spend(NOVEMBER)
    assert told.spend == (
        Spend(day=date(2026, 11, 1), amount=Decimal("1.2345678901234567"), currency="EUR", team="oncology"),
        Spend(day=date(2026, 11, 30), amount=Decimal(2), currency="EUR"),
    )
    assert waited == [17]
    assert [one.method for one in server.asked] == ["POST"] * 3
    assert server.asked[2].path.startswith("/next")
    assert server.asked[2].body == server.asked[1].body
    assert server.asked[0].headers["authorization"] == "Bearer secret"
    assert server.asked[0].body["timePeriod"] == {"from": "2026-11-01T00:00:00Z", "to": "2026-11-30T23:59:59Z"}
    assert "secret" not in bill.name


def test_a_token_does_not_follow_a_link_to_somebody_else() -> None:
    with (
        answering([page(after="https://elsewhere.example.com/next")]) as server,
        pytest.raises(SpendError, match="elsewhere"),
    ):
        CostManagement("0-0", endpoint=server.url, token=lambda: "secret").spend(NOVEMBER)


@pytest.mark.parametrize(
    ("answers", "said"),
    [
        ([Answer({"error": {"message": "who are you"}}, status=401)], "who are you"),
        ([Answer({"error": {"message": "busy"}}, status=429)] * 6, "busy"),
        ([Answer({"properties": {"columns": COLUMNS, "rows": [[1]]}})], "unknown format"),
        ([Answer({"properties": {"columns": [], "rows": [[]]}})], "unknown format"),
    ],
)
def test_cost_management_that_refuses_or_speaks_otherwise_is_an_error(answers: list[Answer], said: str) -> None:
    with answering(answers) as server, pytest.raises(SpendError, match=said):
        CostManagement("0-0", endpoint=server.url, token=lambda: "x", sleep=lambda _s: None).spend(NOVEMBER)


def test_cost_management_that_cannot_be_reached_is_an_error() -> None:
    with pytest.raises(SpendError, match="cannot be reached"):
        CostManagement("0-0", endpoint="http://127.0.0.1:9", token=lambda: "x").spend(NOVEMBER)


def test_a_token_is_of_the_variable_or_of_the_azure_cli(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AZURE_ACCESS_TOKEN", "given")
    assert access_token() == "given"
    monkeypatch.delenv("AZURE_ACCESS_TOKEN")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SpendError, match="az login"):
        access_token()
    program = tmp_path / "az"
    program.write_text('#!/bin/sh\necho \'{"accessToken": "of az"}\'\n', encoding="utf-8")
    program.chmod(0o755)
    assert access_token() == "of az"
    program.write_text("#!/bin/sh\necho log in first >&2; exit 1\n", encoding="utf-8")
    with pytest.raises(SpendError, match="log in first"):
        access_token()


# Google Cloud

SCHEMA = {
    "fields": [
        {"name": "day", "type": "DATE"},
        *({"name": name, "type": "STRING"} for name in ("team", "pipeline", "model", "run", "currency")),
        {"name": "cost", "type": "NUMERIC"},
    ]
}
JOB = {"projectId": "acme-ml-dev", "jobId": "job", "location": "EU"}


def row(*values: str | None) -> dict[str, Any]:
    return {"f": [{"v": value} for value in values]}


def rows(*found: dict[str, Any], after: str | None = None, total: int = 2) -> Answer:
    body = {"jobComplete": True, "jobReference": JOB, "schema": SCHEMA, "totalRows": str(total), "rows": list(found)}
    return Answer({**body, **({"pageToken": after} if after else {})})


# The client asks whether the job is done before it asks for more than the first page.
DONE = Answer(
    {
        "id": "acme-ml-dev:EU.job",
        "jobReference": JOB,
        "status": {"state": "DONE"},
        "configuration": {"jobType": "QUERY", "query": {"query": "…"}},
        "statistics": {"query": {}},
    }
)


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("governance.cost.clouds.gcp._PATIENCE_SECONDS", 2.0)


def billing(url: str) -> BillingExport:
    from google.auth.credentials import AnonymousCredentials

    return BillingExport("acme-ml-dev", endpoint=url, credentials=AnonymousCredentials())  # type: ignore[no-untyped-call]


def test_the_billing_export_is_read_to_its_last_page_through_the_view() -> None:
    first = row("2026-11-01", "oncology", "training_pipeline", "m", "r1", "USD", "1.000000001")
    second = row("2026-11-02", None, None, None, None, "USD", "-0.5")
    with answering([rows(first, after="more"), DONE, rows(second)]) as server:
        told = billing(server.url).spend(NOVEMBER)
    assert told.spend == (
        Spend(
            day=date(2026, 11, 1),
            amount=Decimal("1.000000001"),
            currency="USD",
            team="oncology",
            pipeline="training_pipeline",
            model="m",
            run="r1",
        ),
        Spend(day=date(2026, 11, 2), amount=Decimal("-0.5"), currency="USD"),
    )
    query = server.asked[0].body
    assert "`acme-ml-dev.billing.spend`" in query["query"]
    values = {one["name"]: one["parameterValue"]["value"] for one in query["queryParameters"]}
    assert values == {"first": "2026-11-01", "last": "2026-11-30"}
    assert "pageToken=more" in server.asked[-1].path


def test_a_view_that_is_not_there_is_an_error_that_says_how_it_comes_to_be() -> None:
    missing = Answer({"error": {"code": 404, "message": "Not found: Table spend", "errors": []}}, status=404)
    with answering([missing]) as server, pytest.raises(SpendError, match="make apply"):
        billing(server.url).spend(NOVEMBER)


# which one


@pytest.mark.parametrize("cloud", CLOUDS)
def test_every_cloud_sends_each_account_a_bill_of_its_own_and_answers_are_kept(
    cloud: str, settings_directory: Path
) -> None:
    platform = load_platform(settings_directory)
    bills = [CLOUDS[cloud].bill(environment) for environment in platform.environments.values()]
    if cloud in ("local", "kubernetes"):  # nobody sends one
        assert bills == [None] * len(bills)
        return
    assert len({bill.name for bill in bills if bill is not None}) == len(bills)
    chosen = provider_of(platform, "dev", cloud)
    assert isinstance(chosen, WithRuns)
    assert isinstance(chosen._bill, CachedProvider)
    assert chosen.name == bills[0].name  # type: ignore[union-attr]


def test_the_settings_clouds_have_adapters_and_no_two_rent_by_the_same_flavor() -> None:
    assert set(CLOUDS) == set(environments.CLOUDS)
    rented = [cloud.executor for cloud in CLOUDS.values() if cloud.executor]
    assert sorted(rented) == sorted(set(rented))


def test_spend_on_this_machine_is_read_from_the_runs_own_records(logged: Logged) -> None:
    assert isinstance(provider_of(logged.platform, "dev"), RunLedger)
