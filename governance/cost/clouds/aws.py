"""AWS: the bill is Cost Explorer's, one account's unblended cost by day, team and run.

Source: docs.aws.amazon.com/aws-cost-management/latest/APIReference/API_GetCostAndUsage.html. The tags ``team`` and
``run`` must be activated as cost allocation tags by the payer account, once. Every request costs 0.01 USD.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from environments import Environment
from governance.cost.alphabet import Alphabet
from governance.cost.clouds import CostCloud
from governance.cost.month import Month
from governance.cost.spend import MonthOfSpend, Spend, SpendError

METRIC = "UnblendedCost"
_REGION = "us-east-1"
"""Where Cost Explorer answers, whatever region is asked about."""
_ATTEMPTS = 8


class CostExplorer:
    """Spend of one AWS account.

    Args:
        account: its id; spend without a tag is shared among the account's teams.
        endpoint: another place that answers like Cost Explorer.
    """

    def __init__(self, account: str, *, endpoint: str | None = None) -> None:
        self._account, self._endpoint = account, endpoint

    @property
    def name(self) -> str:
        """The account."""
        return f"aws cost explorer, account {self._account}"

    def spend(self, month: Month) -> MonthOfSpend:
        """See :meth:`governance.cost.spend.SpendProvider.spend`. Throttling is waited out and tried again."""
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            return MonthOfSpend(month=str(month), spend=tuple(self._read(month)))
        except (BotoCoreError, ClientError) as error:
            raise SpendError(
                f"Cost Explorer did not answer for account {self._account}: {error}. It needs ce:GetCostAndUsage."
            ) from error
        except (KeyError, ValueError, ArithmeticError) as error:
            raise SpendError(f"Cost Explorer answered in an unknown format: {type(error).__name__} {error}") from error

    def _read(self, month: Month) -> Iterator[Spend]:
        for page in self._pages(month):
            for result in page["ResultsByTime"]:
                day = date.fromisoformat(result["TimePeriod"]["Start"])
                for group in result["Groups"]:
                    amount = group["Metrics"][METRIC]
                    if Decimal(amount["Amount"]) == 0:
                        continue
                    team, run = (_tag(key) for key in group["Keys"])
                    yield Spend(day=day, amount=Decimal(amount["Amount"]), currency=amount["Unit"], team=team, run=run)

    def _pages(self, month: Month) -> Iterator[dict[str, Any]]:
        import boto3
        from botocore.config import Config

        client = boto3.client(
            "ce",
            region_name=_REGION,
            endpoint_url=self._endpoint,
            config=Config(retries={"mode": "adaptive", "total_max_attempts": _ATTEMPTS}),
        )
        asked: dict[str, Any] = {
            "TimePeriod": {"Start": month.first.isoformat(), "End": month.after.first.isoformat()},
            "Granularity": "DAILY",
            "Metrics": [METRIC],
            "GroupBy": [{"Type": "TAG", "Key": "team"}, {"Type": "TAG", "Key": "run"}],
            "Filter": {"Dimensions": {"Key": "LINKED_ACCOUNT", "Values": [self._account]}},
        }
        while True:
            page = client.get_cost_and_usage(**asked)
            yield page
            if not page.get("NextPageToken"):
                return
            asked["NextPageToken"] = page["NextPageToken"]


def _tag(key: str) -> str | None:
    """Return the value in ``team$oncology``; what lacks the tag comes as ``team$``."""
    return key.partition("$")[2] or None


class AwsCost(CostCloud):
    """Cost Explorer and SageMaker."""

    # docs.aws.amazon.com/tag-editor/latest/userguide/tagging.html: letters, digits, spaces and _ . : / = + - @
    alphabet = Alphabet(256, re.compile(r"[^A-Za-z0-9 _.:/=+@-]"))
    executor = "sagemaker"

    def bill(self, environment: Environment) -> CostExplorer:
        """See :meth:`CostCloud.bill`."""
        assert environment.aws is not None
        return CostExplorer(environment.aws.account_id)

    def label_settings(self, kind: str, labels: Mapping[str, str]) -> dict[str, Any]:
        """See :meth:`CostCloud.label_settings`. An Estimator takes tags as a list."""
        tags = self.alphabet.values(labels)
        if kind == "orchestrator":
            return {"tags": tags, "pipeline_tags": tags}
        return {"estimator_args": {"tags": [{"Key": key, "Value": value} for key, value in tags.items()]}}


ADAPTER = AwsCost()
