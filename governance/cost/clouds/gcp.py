"""Google Cloud: the bill is the billing export, through the view that ``infra/modules/gcp/billing-view`` makes.

Source of the export's columns: cloud.google.com/billing/docs/how-to/export-data-bigquery-tables/standard-usage. Credits
(discounts, free tier) are part of what a row costs.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from environments import Environment
from governance.cost.alphabet import Alphabet
from governance.cost.clouds import CostCloud
from governance.cost.month import Month
from governance.cost.spend import MonthOfSpend, Spend, SpendError

if TYPE_CHECKING:
    from google.auth.credentials import Credentials

DATASET = "billing"
VIEW = "spend"
_PAGE_ROWS = 10_000
_PATIENCE_SECONDS = 60.0

_QUERY = """
SELECT day, team, pipeline, model, run, currency, SUM(cost) AS cost
FROM `{project}.{dataset}.{view}`
WHERE day BETWEEN @first AND @last
GROUP BY day, team, pipeline, model, run, currency
HAVING cost != 0
ORDER BY day, team, pipeline, model, run
"""


class BillingExport:
    """Spend of one Google Cloud project.

    Args:
        project: its id; spend without the label ``team`` is shared among its teams.
        endpoint: another place that answers like BigQuery.
        credentials: who asks; by default whoever runs this.
    """

    def __init__(self, project: str, *, endpoint: str | None = None, credentials: Credentials | None = None) -> None:
        self._project, self._endpoint, self._credentials = project, endpoint, credentials

    @property
    def name(self) -> str:
        """The project's view."""
        return f"google billing export, {self._project}.{DATASET}.{VIEW}"

    def spend(self, month: Month) -> MonthOfSpend:
        """See :meth:`governance.cost.spend.SpendProvider.spend`. The client repeats what BigQuery asks to repeat."""
        from google.api_core.exceptions import GoogleAPIError
        from google.auth.exceptions import GoogleAuthError

        try:
            return MonthOfSpend(month=str(month), spend=tuple(map(_spend, self._rows(month))))
        except (GoogleAPIError, GoogleAuthError) as error:
            raise SpendError(
                f"The billing export of {self._project} did not answer: {error}\nThe view is made by make apply once "
                "gcp.billing_export names the table of the export, which is switched on in the billing console."
            ) from error
        except (KeyError, TypeError, ValueError, ArithmeticError) as error:
            raise SpendError(f"The billing export has an unknown form: {type(error).__name__} {error}") from error

    def _rows(self, month: Month) -> Iterator[Any]:
        from google.cloud import bigquery
        from google.cloud.bigquery.retry import DEFAULT_RETRY

        client = bigquery.Client(
            project=self._project,
            credentials=self._credentials,
            client_options={"api_endpoint": self._endpoint} if self._endpoint else None,
        )
        # Names are no parameters in SQL; a project's id cannot hold a quote.
        query = _QUERY.format(project=self._project, dataset=DATASET, view=VIEW)
        parameters = [
            bigquery.ScalarQueryParameter("first", "DATE", month.first),
            bigquery.ScalarQueryParameter("last", "DATE", month.last),
        ]
        configuration = bigquery.QueryJobConfig(query_parameters=parameters)
        # By default the client would repeat a failing question for ten minutes.
        retry = DEFAULT_RETRY.with_timeout(_PATIENCE_SECONDS)
        yield from client.query_and_wait(
            query,
            job_config=configuration,
            page_size=_PAGE_ROWS,
            retry=retry,
            job_retry=None,  # type: ignore[arg-type]  # documented: None does not repeat a failed job
        )


def _spend(row: Any) -> Spend:
    return Spend(
        day=row["day"],
        amount=Decimal(str(row["cost"])),
        currency=row["currency"],
        team=row["team"],
        pipeline=row["pipeline"],
        model=row["model"],
        run=row["run"],
    )


class GcpCost(CostCloud):
    """The billing export and Vertex AI."""

    # cloud.google.com/resource-manager/docs/labels-overview: lower case letters, digits, underscores, dashes
    alphabet = Alphabet(63, re.compile(r"[^a-z0-9_-]"), lower=True)
    executor = "vertex"

    def bill(self, environment: Environment) -> BillingExport:
        """See :meth:`CostCloud.bill`."""
        assert environment.gcp is not None
        return BillingExport(environment.gcp.project_id)

    def label_settings(self, kind: str, labels: Mapping[str, str]) -> dict[str, Any] | None:
        """See :meth:`CostCloud.label_settings`.

        ZenML's Vertex step operator takes no labels; its jobs are charged to the project they run in.
        """
        return {"labels": self.alphabet.values(labels)} if kind == "orchestrator" else None


ADAPTER = GcpCost()
