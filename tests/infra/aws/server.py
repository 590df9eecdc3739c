"""moto's server on a free port, with the few cost calls that moto lacks answered in front of it.

Run as ``python -m tests.infra.aws.server PORT_FILE``: the port is written to the file once the server listens.
"""

from __future__ import annotations

import io
import json
import sys
import threading
import uuid
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from moto.server import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import make_server
from werkzeug.wrappers import Response

Wsgi = Callable[[dict[str, Any], Any], Iterable[bytes]]


class MissingCalls:
    """Answers what moto 5.2 does not know.

    That is tags and subscribers of budgets, tags of scaling targets, and Cost Explorer's anomaly monitors.
    """

    def __init__(self, application: Wsgi) -> None:
        self.application = application
        self.monitors: dict[str, dict[str, Any]] = {}
        self.scaling_tags: dict[str, dict[str, str]] = {}
        self.subscribers: dict[tuple[Any, ...], list[dict[str, str]]] = {}
        self.subscriptions: dict[str, dict[str, Any]] = {}
        self.tags: dict[str, list[dict[str, str]]] = {}

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        service, _, operation = environ.get("HTTP_X_AMZ_TARGET", "").partition(".")
        if service == "AWSBudgetServiceGateway":
            asked = self._read(environ)
            if operation == "CreateNotification":
                self.subscribers[_notification(asked)] = asked["Subscribers"]
            elif operation == "DescribeSubscribersForNotification":
                return self._json({"Subscribers": self.subscribers[_notification(asked)]})(environ, start_response)
            elif operation == "CreateBudget":
                arn = f"arn:aws:budgets::{asked['AccountId']}:budget/{asked['Budget']['BudgetName']}"
                self.tags[arn] = asked.get("ResourceTags", [])
            elif operation == "ListTagsForResource":
                return self._json({"ResourceTags": self.tags[asked["ResourceARN"]]})(environ, start_response)
        if service == "AnyScaleFrontendService" and operation == "RegisterScalableTarget":
            asked = self._read(environ)
            answer = b"".join(self.application(environ, start_response))
            self.scaling_tags[json.loads(answer)["ScalableTargetARN"]] = asked.get("Tags", {})
            return [answer]
        if service == "AnyScaleFrontendService" and operation == "ListTagsForResource":
            found = self.scaling_tags[self._read(environ)["ResourceARN"]]
            return self._json({"Tags": found})(environ, start_response)
        if service == "AWSInsightsIndexService" and ("Anomaly" in operation or operation == "ListTagsForResource"):
            return self._json(getattr(self, operation)(self._read(environ)))(environ, start_response)
        return self.application(environ, start_response)

    @staticmethod
    def _read(environ: dict[str, Any]) -> dict[str, Any]:
        """The request's JSON, left in place for moto to read again."""
        body = environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
        environ["wsgi.input"] = io.BytesIO(body)
        asked = json.loads(body)
        assert isinstance(asked, dict)
        return asked

    @staticmethod
    def _json(answer: dict[str, Any]) -> Response:
        return Response(json.dumps(answer), content_type="application/x-amz-json-1.1")

    def CreateAnomalyMonitor(self, asked: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        arn = f"arn:aws:ce::000000000000:anomalymonitor/{uuid.uuid4()}"
        self.monitors[arn] = {"MonitorArn": arn, **asked["AnomalyMonitor"]}
        self.tags[arn] = asked.get("ResourceTags", [])
        return {"MonitorArn": arn}

    def GetAnomalyMonitors(self, asked: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        wanted = asked.get("MonitorArnList") or list(self.monitors)
        return {"AnomalyMonitors": [self.monitors[arn] for arn in wanted if arn in self.monitors]}

    def DeleteAnomalyMonitor(self, asked: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        del self.monitors[asked["MonitorArn"]]
        return {}

    def CreateAnomalySubscription(self, asked: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        arn = f"arn:aws:ce::000000000000:anomalysubscription/{uuid.uuid4()}"
        made = {"SubscriptionArn": arn, "AccountId": "000000000000", **asked["AnomalySubscription"]}
        for subscriber in made["Subscribers"]:
            subscriber.setdefault("Status", "CONFIRMED")
        self.subscriptions[arn] = made
        self.tags[arn] = asked.get("ResourceTags", [])
        return {"SubscriptionArn": arn}

    def GetAnomalySubscriptions(self, asked: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        wanted = asked.get("SubscriptionArnList") or list(self.subscriptions)
        return {"AnomalySubscriptions": [self.subscriptions[arn] for arn in wanted if arn in self.subscriptions]}

    def DeleteAnomalySubscription(self, asked: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        del self.subscriptions[asked["SubscriptionArn"]]
        return {}

    def ListTagsForResource(self, asked: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        return {"ResourceTags": self.tags.get(asked["ResourceArn"], [])}


def _notification(asked: dict[str, Any]) -> tuple[Any, ...]:
    notification = asked["Notification"]
    return asked["AccountId"], asked["BudgetName"], notification["NotificationType"], float(notification["Threshold"])


def describe_rules_between_groups() -> None:
    """Let a rule that names another group keep its description; moto keeps it for address ranges only."""
    from moto.ec2.models.security_groups import SecurityGroupRule

    def description(rule: SecurityGroupRule) -> str | None:
        return rule.ip_range.get("Description") or rule.source_group.get("Description")

    SecurityGroupRule.description = property(description)  # type: ignore[assignment,method-assign]


def leave_conditions_out_of_bucket_policies() -> None:
    """Let a conditional statement of a bucket policy not apply; moto takes every one as if its condition were met."""
    from moto.iam.access_control import IAMPolicy, PermissionResult
    from moto.s3.models import FakeBucket

    def get_permission(bucket: FakeBucket, action: str, resource: str) -> PermissionResult:
        if bucket.policy is None:
            return PermissionResult.NEUTRAL
        policy = json.loads(bucket.policy)
        policy["Statement"] = [statement for statement in policy["Statement"] if "Condition" not in statement]
        return IAMPolicy(json.dumps(policy)).is_action_permitted(action, resource)

    FakeBucket.get_permission = get_permission


def main(port_file: Path) -> None:
    """Serve until whoever started this ends, which closes our standard input."""
    describe_rules_between_groups()
    leave_conditions_out_of_bucket_policies()
    application = MissingCalls(DomainDispatcherApplication(create_backend_app))
    server = make_server("127.0.0.1", 0, application, threaded=True)
    threading.Thread(target=lambda: (sys.stdin.read(), server.shutdown()), daemon=True).start()
    part = port_file.with_suffix(".part")
    part.write_text(str(server.port), encoding="utf-8")
    part.rename(port_file)
    server.serve_forever()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
