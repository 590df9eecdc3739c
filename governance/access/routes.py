"""The allow-list: what each route of the server asks for, read from ``routes.yaml``."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal, get_args

import yaml

from governance.access.roles import ACTIONS, Action
from governance.core.errors import RefusedError

Level = Literal["open", "anyone", "administer", "never"]
LEVELS: tuple[Level, ...] = get_args(Level)

OPEN: Level = "open"
API = "/api/v1/"
READING = frozenset({"GET", "HEAD", "OPTIONS"})
PAGES = frozenset(
    {"/", "/assets", "/docs", "/docs/oauth2-redirect", "/health", "/openapi.json", "/ready", "/redoc"}
    | {"/api/{invalid_api_path:path}", "/{file_path:path}"}
)
"""What is read without an account beside the interface itself: the dashboard's files and what says that it runs."""


class UnguardedRouteError(RefusedError):
    """The installed ZenML has routes that the guard would not see; the server must not start."""


@dataclass(frozen=True)
class Rule:
    """What one route asks for: an action on things of the kind ``about``, or a level."""

    action: Action | None
    level: Level | None
    about: str | None

    @classmethod
    def parse(cls, text: str) -> Rule:
        """Read ``text`` as ``routes.yaml`` spells it.

        Raises:
            ValueError: it is neither an action nor a level.
        """
        name, _, about = text.partition(" @")
        if name in LEVELS and not about:
            return cls(None, name, None)
        if name in ACTIONS:
            return cls(name, None, about or None)
        raise ValueError(f"{text!r} is no action of roles.py and none of {', '.join(LEVELS)}")


@cache
def rules() -> Mapping[tuple[str, str], Rule]:
    """Return the rule of each method and route template."""
    listed = yaml.safe_load(Path(__file__).with_name("routes.yaml").read_text(encoding="utf-8"))
    return {
        (method, API + path): Rule.parse(text) for path, methods in listed.items() for method, text in methods.items()
    }


@dataclass(frozen=True)
class Route:
    """One method of one route template, and whether the server asks who calls it."""

    method: str
    template: str
    asks: bool

    @property
    def changes(self) -> bool:
        """Whether it may change something."""
        return self.method not in READING


def routes_of(app: Any, authorize: Any) -> Iterator[Route]:
    """Yield every route that the server answers; those that depend on ``authorize`` ask who calls."""
    for held in app.routes:
        contexts = held.effective_route_contexts() if hasattr(held, "effective_route_contexts") else (held,)
        for route in contexts:
            dependant = getattr(route, "dependant", None)
            asks = dependant is not None and authorize in set(_calls(dependant))
            for method in getattr(route, "methods", None) or ("GET",):
                yield Route(method, route.path, asks)


def _calls(dependant: Any) -> Iterator[Any]:
    for inner in dependant.dependencies:
        yield inner.call
        yield from _calls(inner)


def refuse_unguarded(routes: Iterable[Route]) -> None:
    """Let the server start only if the guard sees every route but those that are listed as open.

    A route that asks who calls meets the guard, which refuses what is not listed; one that does not ask never does.

    Raises:
        UnguardedRouteError: such a route is not listed; it and its method are named.
    """
    unseen = sorted(
        f"{route.method} {route.template}"
        for route in routes
        if not route.asks and not _is_open(route) and (route.changes or route.template not in PAGES)
    )
    if unseen:
        raise UnguardedRouteError(
            f"ZenML's server has routes that ask nobody who they are and that are not listed as open: "
            f"{', '.join(unseen)}. Read what they do and list them in governance/access/routes.yaml; until then the "
            "server does not start."
        )


def _is_open(route: Route) -> bool:
    rule = rules().get((route.method, route.template))
    return rule is not None and rule.level == OPEN
