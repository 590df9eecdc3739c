"""An own cluster: the log in an object-locked bucket of its S3-compatible store, signed by a key file.

An anchor is ``s3+https://host[:port]/bucket/prefix``: best of another store than the log's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from governance.audit.clouds import AuditCloud
from governance.audit.clouds.aws import S3Store, service_client

if TYPE_CHECKING:
    from environments.names import Names
    from governance.audit.location import Location
    from governance.audit.store import Retention

_ANY_REGION = "us-east-1"
"""What requests are signed for where a URL names no region; stores of one's own take it."""


class KubernetesAudit(AuditCloud):
    """A store that speaks S3, at an address of its own. It has no key service."""

    scheme = "s3+https"

    def store(self, where: Location, names: Names) -> S3Store:
        """See :meth:`AuditCloud.store`."""
        assert where.environment.kubernetes is not None
        own = where.environment.kubernetes.store
        return S3Store(names.audit_store, where.retention, client=service_client("s3", own.region, own.endpoint))

    def anchor(self, bucket: str, prefix: str, retention: Retention) -> S3Store:
        """See :meth:`AuditCloud.anchor`. What leads ``bucket`` is the store's host."""
        host, _, place = f"{bucket}/{prefix}".partition("/")
        name, _, below = place.partition("/")
        return S3Store(name, retention, prefix=below, client=service_client("s3", _ANY_REGION, f"https://{host}"))


ADAPTER = KubernetesAudit()
