"""Azure: the bill is Cost Management's, one subscription's actual cost by day and team.

Source: learn.microsoft.com/rest/api/cost-management/query/usage. Grouping by several tags is not offered there, so runs
are not told apart; their own records do that.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from environments import Environment
from governance.cost.clouds import CostCloud
from governance.cost.month import Month
from governance.cost.spend import MonthOfSpend, Spend, SpendError

MANAGEMENT = "https://management.azure.com"
TOKEN = "AZURE_ACCESS_TOKEN"  # noqa: S105 - a variable's name
_VERSION = "2025-03-01"
_ATTEMPTS = 6
_LONGEST_WAIT_SECONDS = 120
_TIMEOUT_SECONDS = 60


class CostManagement:
    """Spend of one Azure subscription.

    Args:
        subscription: its id; spend without the tag ``team`` is shared among its teams.
        endpoint: another place that answers like Azure Resource Manager.
        token: gives an access token.
        sleep: waits that many seconds.
    """

    def __init__(
        self,
        subscription: str,
        *,
        endpoint: str = MANAGEMENT,
        token: Callable[[], str] | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._subscription, self._endpoint, self._sleep = subscription, endpoint, sleep
        self._token = token or access_token

    @property
    def name(self) -> str:
        """The subscription."""
        return f"azure cost management, subscription {self._subscription}"

    def spend(self, month: Month) -> MonthOfSpend:
        """See :meth:`governance.cost.spend.SpendProvider.spend`. Throttling is waited out as the answer says."""
        try:
            return MonthOfSpend(month=str(month), spend=tuple(self._read(month)))
        except (KeyError, TypeError, ValueError, ArithmeticError) as error:
            raise SpendError(
                f"Cost Management answered in an unknown format: {type(error).__name__} {error}"
            ) from error

    def _read(self, month: Month) -> Iterator[Spend]:
        for page in self._pages(month):
            columns = [column["name"] for column in page["columns"]]
            for values in page["rows"]:
                row = dict(zip(columns, values, strict=True))
                amount = Decimal(str(row["Cost"]))
                if amount:
                    day = datetime.strptime(str(row["UsageDate"]), "%Y%m%d").replace(tzinfo=UTC).date()
                    yield Spend(day=day, amount=amount, currency=row["Currency"], team=row.get("TagValue") or None)

    def _pages(self, month: Month) -> Iterator[dict[str, Any]]:
        scope = f"/subscriptions/{self._subscription}/providers/Microsoft.CostManagement/query"
        url: str | None = f"{self._endpoint}{scope}?api-version={_VERSION}"
        body = {
            "type": "ActualCost",
            "timeframe": "Custom",
            "timePeriod": {"from": f"{month.first}T00:00:00Z", "to": f"{month.last}T23:59:59Z"},
            "dataset": {
                "granularity": "Daily",
                "aggregation": {"Cost": {"name": "Cost", "function": "Sum"}},
                "grouping": [{"type": "TagKey", "name": "team"}],
            },
        }
        while url:
            if not url.startswith(f"{self._endpoint}/"):  # the token must not follow a link to somewhere else
                raise SpendError(f"Cost Management named a next page outside {self._endpoint}: {url}")
            page = self._post(url, body)["properties"]
            yield page
            url = page.get("nextLink")

    def _post(self, url: str, body: dict[str, Any]) -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {self._token()}", "Content-Type": "application/json"}
        for attempt in range(1, _ATTEMPTS + 1):
            request = urllib.request.Request(url, json.dumps(body).encode(), headers, method="POST")  # noqa: S310
            try:
                with urllib.request.urlopen(request, timeout=_TIMEOUT_SECONDS) as answer:  # noqa: S310
                    # Amounts stay decimal: a float would lose what the bill says.
                    found: dict[str, Any] = json.loads(answer.read(), parse_float=Decimal)
                    return found
            except urllib.error.HTTPError as error:
                if error.code not in (429, 503) or attempt == _ATTEMPTS:
                    raise SpendError(f"Cost Management refused ({error.code}): {_reason(error)}") from error
                self._sleep(_wait(error, attempt))
            except (urllib.error.URLError, TimeoutError) as error:
                raise SpendError(f"Cost Management cannot be reached: {error}") from error
        raise AssertionError("the last attempt returns or raises")


def access_token() -> str:
    """Return a token for Azure Resource Manager: of the variable, or of whoever is logged in with ``az``.

    Raises:
        SpendError: there is neither.
    """
    given = os.environ.get(TOKEN)
    if given:
        return given
    program = shutil.which("az")
    if program is None:
        raise SpendError(f"To read Azure's costs set {TOKEN}, or install the Azure CLI and run: az login")
    done = subprocess.run(
        [program, "account", "get-access-token", "--resource", MANAGEMENT, "--output", "json"],
        capture_output=True,
        text=True,
        check=False,
        timeout=_TIMEOUT_SECONDS,
    )
    if done.returncode != 0:
        raise SpendError(f"The Azure CLI gave no token; run: az login\n{done.stderr.strip()[-300:]}")
    return str(json.loads(done.stdout)["accessToken"])


def _wait(error: urllib.error.HTTPError, attempt: int) -> float:
    """Return seconds to wait: what the answer says (Cost Management has its own headers for that), else ever longer."""
    asked = [
        value
        for name, value in error.headers.items()
        if name.lower().endswith("retry-after") and value.replace(".", "", 1).isdigit()
    ]
    return min(max(map(float, asked), default=2.0**attempt), _LONGEST_WAIT_SECONDS)


def _reason(error: urllib.error.HTTPError) -> str:
    try:
        return str(json.loads(error.read())["error"]["message"])
    except (ValueError, KeyError, TypeError):
        return str(error.reason)


class AzureCost(CostCloud):
    """Cost Management and Azure Machine Learning."""

    executor = "azureml"

    def bill(self, environment: Environment) -> CostManagement:
        """See :meth:`CostCloud.bill`."""
        assert environment.azure is not None
        return CostManagement(environment.azure.subscription_id)


ADAPTER = AzureCost()
