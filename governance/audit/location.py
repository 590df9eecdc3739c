"""Where an environment's log, its keys and its anchors are.

For the cloud ``local``: the log in the platform's audit folder that Terraform made, everything else below the ground::

    <ground>/environments/<environment>/platform/audit   the log
    <ground>/keys/audit-<environment>.pem and .pub        its keys
    <ground>/keys/subjects                                keys of people
    <ground>/anchors/<environment>                        checkpoints

On other clouds the log is in the platform's audit bucket, the rest carries the cloud before the environment's
name, and where the environment's ``audit_key`` names a key of the cloud's key service, that one signs (``managed``: the
one that Terraform makes, whose name is computed as Terraform computes it). The variables
:data:`KEYS` (a folder) and :data:`ANCHORS` (folders, ``s3://bucket/prefix`` or ``gs://bucket/prefix``, separated by
commas, in which ``{environment}`` stands for the name) put keys and anchors elsewhere, as they should be wherever it
matters.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from environments import (
    CHECKOUT,
    PLATFORM,
    Cloud,
    Environment,
    Platform,
    local_root,
    names_for,
    pick_cloud,
)
from governance.audit.actor import current_identity
from governance.audit.anchors import Anchor, StoreAnchor
from governance.audit.clouds import CLOUDS, AuditCloud
from governance.audit.errors import AuditError, SignatureError
from governance.audit.events import Actor
from governance.audit.layout import CHECKPOINTS, ENTRIES
from governance.audit.log import AuditLog
from governance.audit.reader import LogReader
from governance.audit.signer import FileSigner, Signer, Verifier, publish_key, read_public_keys
from governance.audit.store import Retention, Store
from governance.audit.subjects import FileKeyRing, Subjects

KEYS = "GROUNDWORK_AUDIT_KEYS"
ANCHORS = "GROUNDWORK_AUDIT_ANCHORS"


@dataclass(frozen=True)
class Location:
    """Everything that belongs to the log of one environment on one cloud."""

    environment: Environment
    cloud: Cloud
    ground: Path
    key: Path
    """The private key; the public one is beside it as ``.pub``."""
    anchors: tuple[str, ...]
    """Folders, ``s3://bucket/prefix``, ``gs://bucket/prefix`` or ``s3+https://host/bucket/prefix``."""

    @property
    def origin(self) -> str:
        """The log's name in its checkpoints."""
        return f"{self.environment.prefix}/audit/{self._label}"

    @property
    def retention(self) -> Retention:
        """Days that each class of record is kept in this environment."""
        kept = self.environment.retention
        return {"logs": kept.logs_days, "documentation": kept.documentation_days}

    @property
    def _label(self) -> str:
        name = self.environment.environment
        return name if self.cloud == "local" else f"{self.cloud}-{name}"

    def store(self) -> Store:
        """Return the log's store.

        Raises:
            StoreError: its folder does not exist, or its bucket cannot be asked.
            AuditError: no store is implemented for this cloud.
        """
        names = names_for(PLATFORM, self.environment.environment, self.cloud, self.environment.prefix)
        return self._adapter.store(self, names)

    @property
    def service_key(self) -> str | None:
        """The key of the cloud's key service that signs, where the settings name one."""
        return self._adapter.service_key(self.environment)

    def service_signer(self) -> Signer | None:
        """Return the signer of the cloud's key service, if one is used; its public key is kept where a file's would be.

        Raises:
            SignatureError: the key cannot be used.
        """
        key = self.service_key
        if key is None:
            return None
        signer = self._adapter.service_signer(self.origin, key, self.environment)
        publish_key(signer.verifier, self.key)
        return signer

    @property
    def _adapter(self) -> AuditCloud:
        if self.cloud not in CLOUDS:
            raise AuditError(f"There is no audit store for CLOUD={self.cloud} yet; use one of: {', '.join(CLOUDS)}.")
        return CLOUDS[self.cloud]

    def open_anchors(self) -> list[Anchor]:
        """Open the places of checkpoints."""
        return [StoreAnchor(_anchor_store(place, self.retention)) for place in self.anchors]

    def public_keys(self) -> tuple[Verifier, ...]:
        """Return the keys that the log may be signed by.

        Raises:
            SignatureError: the file of public keys is missing or damaged.
        """
        return read_public_keys(self.key.with_suffix(".pub"))

    @property
    def spool(self) -> Path:
        """The folder in which runs of earlier releases left their events, a folder for each."""
        return self.ground / "spool" / self._label

    def subjects(self) -> Subjects:
        """Return the people who act on this log. All environments share their keys: one person, one pseudonym."""
        return Subjects(self.store(), FileKeyRing(self.key.parent / "subjects"))


def locate(
    platform: Platform, environment: str, *, cloud: str | None = None, environ: Mapping[str, str] = os.environ
) -> Location:
    """Locate the log of ``environment``.

    Raises:
        SettingsError: there is no such environment, or it is not described for that cloud.
    """
    settings = platform.environment(environment)
    picked = pick_cloud(settings, cloud)
    ground = local_root(settings) if picked == "local" else CHECKOUT / ".groundwork"
    label = environment if picked == "local" else f"{picked}-{environment}"
    keys = Path(environ[KEYS]).resolve() if environ.get(KEYS) else ground / "keys"
    given = [place.strip().format(environment=environment) for place in environ.get(ANCHORS, "").split(",")]
    anchors = [place for place in given if place] or [str(ground / "anchors" / label)]
    return Location(settings, picked, ground, keys / f"audit-{label}.pem", tuple(anchors))


def open_log(
    platform: Platform, environment: str, *, cloud: str | None = None, environ: Mapping[str, str] = os.environ
) -> AuditLog:
    """Open the log of ``environment`` for writing. Its signing key is made with its first entry.

    Raises:
        SettingsError: there is no such environment, or it is not described for that cloud.
        SignatureError: there are entries but the key that signed them is gone, or it is readable by others.
        StoreError: the log's folder does not exist.
    """
    where = locate(platform, environment, cloud=cloud, environ=environ)
    store, anchors = where.store(), where.open_anchors()
    signer = _signer(where, store, anchors, environ)
    return AuditLog(store, signer, anchors, where.origin, where.public_keys())


def open_reader(
    platform: Platform, environment: str, *, cloud: str | None = None, environ: Mapping[str, str] = os.environ
) -> LogReader:
    """Open the log of ``environment`` for reading. Errors as for :func:`open_log`; needs the public key only."""
    where = locate(platform, environment, cloud=cloud, environ=environ)
    store, anchors = where.store(), where.open_anchors()
    if not where.key.with_suffix(".pub").exists():
        where.service_signer()  # asks the key service for the public key, where one signs
    keys = where.public_keys() if where.key.with_suffix(".pub").exists() or _is_signed(store, anchors) else ()
    return LogReader(store, keys, anchors, where.origin)


def open_signer(
    platform: Platform, environment: str, *, cloud: str | None = None, environ: Mapping[str, str] = os.environ
) -> Signer:
    """Return the signer of ``environment``'s log. Errors as for :func:`open_log`."""
    where = locate(platform, environment, cloud=cloud, environ=environ)
    return _signer(where, where.store(), where.open_anchors(), environ)


def current_actor(where: Location, zenml_user: str | None = None) -> Actor:
    """Return whoever runs this process, as an actor of the log at ``where``.

    Raises:
        ActorError: nobody can be named.
        StoreError: the sealed detail could not be kept.
    """
    return where.subjects().actor(current_identity(zenml_user))


def _signer(where: Location, store: Store, anchors: list[Anchor], environ: Mapping[str, str]) -> Signer:
    by_service = where.service_signer()
    if by_service is not None:
        return by_service
    if not where.key.exists():
        if _is_signed(store, anchors):
            raise SignatureError(
                f"The log in {store.place} has been signed before, but its key {where.key} is gone. Restore it; a new "
                "key would make what is there look like somebody else's."
            )
        if where.cloud != "local" and environ.get("CI") and not environ.get(KEYS):
            raise SignatureError(
                f"There is no key to sign the log {where.origin}, and one made on this machine of a CI system would be "
                f"lost with it. Name a key of the key service as audit_key in {where.environment.environment}.yaml, or "
                f"the folder of a mounted key in {KEYS}."
            )
        try:
            return FileSigner.create(where.key, where.origin)
        except FileExistsError:  # another process was first
            pass
    signer = FileSigner.load(where.key, where.origin)
    signer.publish(where.key)
    return signer


def _is_signed(store: Store, anchors: list[Anchor]) -> bool:
    """Return whether there is anything that a key must have signed."""
    return any(next(store.list(kind), None) is not None for kind in (ENTRIES, CHECKPOINTS)) or any(
        next(anchor.sizes(), None) is not None for anchor in anchors
    )


def _anchor_store(place: str, retention: Retention) -> Store:
    scheme, separator, rest = place.rpartition("://")
    bucket, _, prefix = rest.partition("/") if separator else (place, "", "")
    for cloud in CLOUDS.values():
        if cloud.scheme == scheme:
            return cloud.anchor(bucket, f"{prefix.rstrip('/')}/" if prefix else "", retention)
    raise AuditError(
        f"{place} can be no anchor: name a folder, s3://bucket/prefix, "
        "gs://bucket/prefix or s3+https://host/bucket/prefix."
    )
