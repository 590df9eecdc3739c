"""The guard's decisions in the audit logs: gathered while requests go on, written by a thread of their own."""

from __future__ import annotations

import logging
import re
import threading
import uuid
from collections import Counter
from collections.abc import Callable

from environments import Platform, SettingsError, ground_of, pick_cloud
from governance.access.decisions import Decision
from governance.access.roles import Account
from governance.access.routes import API
from governance.audit import AuditError, Identity, locate, open_log
from governance.audit.events import AccessDecision, rfc3339
from governance.audit.outbox import Outbox, WaitingEvent, record
from governance.core import clock

_log = logging.getLogger(__name__)

PAUSE_SECONDS = 0.5
"""How long decisions are gathered before they are written together; a server that is killed loses at most these."""
MOST_KINDS = 10_000
"""How many different decisions are gathered; somebody who makes up more does not fill the memory."""

Write = Callable[[Platform, str, list[WaitingEvent]], None]


class DecisionRecorder:
    """Gathers decisions and writes them, each kind once with how often it happened.

    Args:
        write: brings events into the log of the environment, or leaves them waiting for it.
    """

    def __init__(self, write: Write | None = None) -> None:
        self._write = write or write_to_log
        self._gathered: Counter[Decision] = Counter()
        self._platform: Platform | None = None
        self._lock, self._wake, self._ending = threading.Lock(), threading.Event(), False
        self._thread = threading.Thread(target=self._run, name="access-decisions", daemon=True)

    def start(self) -> None:
        """Begin to write what is gathered."""
        self._thread.start()

    def note(self, decision: Decision, platform: Platform) -> None:
        """Gather ``decision``; returns at once."""
        with self._lock:
            if decision in self._gathered or len(self._gathered) < MOST_KINDS:
                self._gathered[decision] += 1
            self._platform = platform
        self._wake.set()

    def close(self) -> None:
        """Write what is left, and end."""
        self._ending = True
        self._wake.set()
        self._thread.join()
        self.flush()

    def flush(self) -> None:
        """Write what was gathered so far."""
        with self._lock:
            gathered, self._gathered = self._gathered, Counter()
            platform = self._platform
        if platform is None or not gathered:
            return
        for environment in platform.environments:
            events = [
                waiting_event(decision, times, environment)
                for decision, times in gathered.items()
                if environment_of(decision, platform) == environment
            ]
            if events:
                self._write(platform, environment, events)

    def _run(self) -> None:
        while not self._ending:
            self._wake.wait()
            self._wake.clear()
            if not self._ending:
                threading.Event().wait(PAUSE_SECONDS)
                self.flush()


def environment_of(decision: Decision, platform: Platform) -> str:
    """Return whose log a decision belongs to; what is of no environment stands in the strictest one's."""
    named = decision.scope.environment
    return named if named is not None and named in platform.environments else strictest(platform)


def strictest(platform: Platform) -> str:
    """Return the environment that is protected most: production, where there is one."""
    return "production" if "production" in platform.environments else list(platform.environments)[-1]


def waiting_event(decision: Decision, times: int, environment: str) -> WaitingEvent:
    """Return ``decision`` as the log has it, but for the pseudonym of whoever asked."""
    fields = {
        "kind": AccessDecision.model_fields["kind"].default,
        "id": uuid.uuid4().hex,
        "time": rfc3339(clock.now()),
        "environment": environment,
        "team": decision.scope.team,
        "decision": decision.decided,
        "action": decision.action.replace(" ", "_"),
        "route": f"{decision.method}:{re.sub(r'[{}]', '', decision.template.removeprefix(API))}"[:200],
        "roles": ["/".join((g.team or "all", g.environment or "all", g.role)) for g in decision.grants],
        "subject": _reference(decision.subject),
        "times": times,
    }
    if fields["team"] is None or fields["team"] == "platform":
        del fields["team"]
    return WaitingEvent(identity_of(decision.account), fields)


def identity_of(account: Account) -> Identity:
    """Return who an account is for the log: the same person as who signs under that address."""
    if account.is_service:
        return Identity("zenml", account.name, "zenml")
    return Identity("e-mail", account.name.lower(), "zenml")


def write_to_log(platform: Platform, environment: str, events: list[WaitingEvent]) -> None:
    """Bring ``events`` and what waits from before into the environment's log; without it they go on waiting."""
    settings = platform.environment(environment)
    cloud = pick_cloud(settings, None)
    outbox = Outbox(ground_of(settings, cloud) / "server" / "unrecorded" / environment)
    with outbox.enqueue(f"{clock.now():%Y%m%dT%H%M%S.%f}-{uuid.uuid4().hex[:8]}", events) as file:
        try:
            log = open_log(platform, environment, cloud=cloud)
            with outbox.pending() as left:
                record([*left, file], log, locate(platform, environment, cloud=cloud).subjects())
        except (AuditError, SettingsError, OSError) as error:
            _log.warning("Decisions about access wait in %s: %s", outbox.folder, error)


def _reference(subject: str | None) -> str | None:
    """Return ``subject`` if it is a name: what somebody made up may be anything, and personal."""
    return subject if subject and re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_./-]{0,99}", subject) else None
