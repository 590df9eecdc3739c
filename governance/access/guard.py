"""The guard, asked before every route of ZenML's server that knows who calls: it refuses what roles do not allow."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from environments import DEFAULT_PROJECT, SHARED_PROJECT, Platform, SettingsError
from governance.access.decisions import CONSEQUENCES, Decided, Decision
from governance.access.roles import ANYWHERE, Account, Grant
from governance.access.routes import READING, rules
from governance.access.settings import InUse, SettingsInUse
from governance.access.things import Asked, Need, NotAllowedError, Things

if TYPE_CHECKING:
    from sqlmodel import Session


@dataclass(frozen=True)
class Guard:
    """Decides about requests.

    Args:
        settings: who holds which role.
        open_session: opens a session of the server's database.
        note: is told of every denial, and of every grant of consequence.
    """

    settings: SettingsInUse
    open_session: Callable[[], Session]
    note: Callable[[Decision, Platform], None] = field(repr=False)

    def is_quick(self, method: str, template: str) -> bool:
        """Return whether :meth:`check` decides about this route without asking a database or a log."""
        rule = rules().get((method, template))
        return (rule is None or rule.about is None) and self.settings.is_current

    def check(self, account: Account, method: str, template: str, path: dict[str, Any], body: bytes) -> None:
        """Return when ``account`` may have this request answered.

        Args:
            account: who asks; they have shown that they are it, and are active.
            method: the request's method.
            template: the route's template, such as ``/api/v1/models/{model_id}``.
            path: what the path says for the template's names.
            body: the request's body, as it came.

        Raises:
            NotAllowedError: they may not; the message says what they would need.
            SettingsError: the settings cannot be read, so nobody's role is known.
        """
        in_use = self.settings.current()
        grants = in_use.grants(account)
        rule = rules().get((method, template))
        changes = method not in READING
        needs: list[Need] = []
        try:
            if not grants:
                raise NotAllowedError(f"{account} holds no role on this platform any more, or none yet.{_why(in_use)}")
            if rule is None or rule.level == "never":
                raise NotAllowedError(f"{method} {template} is not served.")
            if rule.level == "administer":
                _require(any(grant.administers for grant in grants), account, "administer the server")
            elif rule.level == "anyone":
                _keep_names(changes, template, body)
            elif rule.action is not None:
                needs = self._needs(in_use, rule.action, rule.about, Asked(method, path, _parsed(body)))
                for need in needs:
                    _require_need(need, grants, account)
        except NotAllowedError:
            refused = next((need for need in needs if not _holds(need, grants)), needs[0] if needs else None)
            named = "unlisted" if rule is None else rule.action or rule.level or "unlisted"
            self._note("denied", account, grants, (method, template), refused or Need(named, ANYWHERE))
            raise
        if changes:
            if rule.level == "administer":
                self._note("granted", account, grants, (method, template), Need("administer", ANYWHERE))
            for need in dict.fromkeys(need for need in needs if need.action in CONSEQUENCES):
                self._note("granted", account, grants, (method, template), need)

    def reads_values(self, account: Account, names: Collection[str]) -> frozenset[str]:
        """Return which of the secrets and connectors called ``names`` have values that ``account`` may see.

        They belong to those who run pipelines in the stack whose name theirs begins with, and to administrators.
        """
        in_use = self.settings.current()
        grants = in_use.grants(account)
        return frozenset(name for name in names if _holds(Need("execute pipelines", in_use.owner_of(name)), grants))

    def sees(self, account: Account, projects: Collection[str]) -> frozenset[str]:
        """Return which of the projects called ``projects`` ``account`` sees: those of its teams, and everybody's.

        An auditor sees all, and so does who works for all teams. Where teams share one project, it may have any name
        but another team's.
        """
        theirs = self._teams_of(account)
        if theirs is None:
            return frozenset(projects)
        platform = self.settings.current().platform
        if platform.settings.projects == "per-team":
            return frozenset(projects) & {*theirs, DEFAULT_PROJECT, SHARED_PROJECT}
        return frozenset(name for name in projects if name in theirs or name not in platform.teams)

    def sees_links(self, account: Account, model: str | None = None) -> bool:
        """Return whether ``account`` sees what is linked to versions of ``model``; of every model without one.

        Within a project that it sees, that is of its teams' models and of no team's.
        """
        theirs = self._teams_of(account)
        if theirs is None or model is None:
            return theirs is None
        scope = self.settings.current().owner_of_model(model)
        return not scope.known or scope.team in theirs

    def _teams_of(self, account: Account) -> frozenset[str] | None:
        """Return the teams that ``account`` is of; None for an auditor, and for who works for all teams."""
        grants = self.settings.current().grants(account)
        if any(grant.team is None or grant.role == "auditor" for grant in grants):
            return None
        return frozenset(grant.team for grant in grants if grant.team is not None)

    def _needs(self, in_use: InUse, action: Any, about: str | None, asked: Asked) -> list[Need]:
        if about is None:
            return [Need(action, ANYWHERE)]
        with self.open_session() as session:
            return Things(session, in_use).needs(action, about, asked)

    def _note(
        self,
        decided: Decided,
        account: Account,
        grants: tuple[Grant, ...],
        route: tuple[str, str],
        need: Need,
    ) -> None:
        self.note(
            Decision(decided, account, grants, *route, need.action, need.scope, need.subject), self.settings.declared
        )


def _holds(need: Need, grants: Collection[Grant]) -> bool:
    return any(grant.allows(need.action, need.scope) for grant in grants)


def _require_need(need: Need, grants: Collection[Grant], account: Account) -> None:
    where = " of ".join(part for part in (need.scope.environment, need.scope.team) if part)
    what = f"{need.action}{f' in {where}' if where else ''}"
    if not need.scope.known:
        what += f" of {need.subject or 'what nobody owns'}, which no team's file names"
    _require(_holds(need, grants), account, what)


def _require(held: bool, account: Account, what: str) -> None:
    if not held:
        raise NotAllowedError(f"{account} may not {what}: no role in environments/teams allows it.")


def _why(in_use: InUse) -> str:
    return "".join(f" No settings count in {name}: {reason}." for name, reason in in_use.closed.items())


def _keep_names(changes: bool, template: str, body: bytes) -> None:
    """Refuse that somebody changes their own account's name, which says who they are."""
    if changes and template.endswith("/current-user") and {"name", "is_admin", "active"} & _keys(body):
        raise NotAllowedError("Who somebody is on this server is said by its administrators: this stays as it is.")


def _keys(body: bytes) -> set[str]:
    parsed = _parsed(body)
    return {key for key, value in parsed.items() if value is not None} if isinstance(parsed, dict) else set()


def _parsed(body: bytes) -> Any:
    try:
        return json.loads(body) if body else None
    except ValueError:
        return None


__all__ = ["Guard", "NotAllowedError", "SettingsError"]
