"""Computed values of the right form, from templates such as ``{account_id}@{project}.iam.gserviceaccount.com``.

Between braces stands one of: an attribute of the resource (dotted into blocks), ``provider.<argument>``, a name of the
rules' ``context``, or a generator (``digits:N``, ``hex:N``, ``uuid``). ``a,b`` takes the first that has a value;
``a|filter`` changes it: ``last`` (after the last ``/``), ``first`` (before the first ``/``), ``after_projects``
(the project within a resource name), ``number`` (a project's number), ``user`` (before the ``@``),
``after_scheme`` (a URL without its ``https://``), ``upper``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from offline_provider.values import UNKNOWN, digest, find

_HOLE = re.compile(r"\{([^{}]+)\}")


class UnresolvedError(Exception):
    """A template names something that has no value here."""


def project_number(project: str) -> str:
    """Return an invented project number, always the same for one project id: 12 digits that do not start with 0."""
    return str(10**11 + int.from_bytes(digest("project", project)[:8], "big") % (9 * 10**11))


_FILTERS: Mapping[str, Callable[[str], str]] = {
    "last": lambda text: text.rsplit("/", 1)[-1],
    "first": lambda text: text.split("/", 1)[0],
    "after_projects": lambda text: text.split("projects/", 1)[-1].split("/", 1)[0],
    "number": project_number,
    "upper": str.upper,
    "after_scheme": lambda text: text.split("://", 1)[-1],
    "user": lambda text: text.split("@", 1)[0],
}


@dataclass
class Scope:
    """Everything a template may name, for one resource."""

    attributes: Mapping[str, Any]
    templates: Mapping[str, Any]
    settings: Mapping[str, Any]
    context: Mapping[str, str]
    seed: bytes
    _open: set[str] = field(default_factory=set)

    def render(self, template: Any, salt: str) -> Any:
        """Fill every hole of ``template``; lists and mappings are entered, other values are returned as they are.

        Raises:
            UnresolvedError: a hole has no value.
        """
        if isinstance(template, str):
            return _HOLE.sub(lambda hole: self._hole(hole.group(1), salt), template)
        if isinstance(template, list):
            return [self.render(item, f"{salt}.{index}") for index, item in enumerate(template)]
        if isinstance(template, dict):
            return {key: self.render(item, f"{salt}.{key}") for key, item in template.items()}
        return template

    def _hole(self, expression: str, salt: str) -> str:
        alternatives, *filters = expression.split("|")
        for name in alternatives.split(","):
            value = self._lookup(name, salt)
            if value is not None:
                for name_of_filter in filters:
                    value = _FILTERS[name_of_filter](value)
                return value
        raise UnresolvedError(expression)

    def _lookup(self, name: str, salt: str) -> str | None:
        kind, _, size = name.partition(":")
        if kind == "digits":
            return str(10 ** (int(size) - 1) + self._number(salt) % (9 * 10 ** (int(size) - 1)))
        if kind == "hex":
            return f"{self._number(salt):064x}"[-int(size) :]
        if kind == "uuid":
            text = f"{self._number(salt):064x}"
            return f"{text[:8]}-{text[8:12]}-4{text[13:16]}-8{text[17:20]}-{text[20:32]}"
        if name.startswith("provider."):
            return self._text(find(self.settings, name.removeprefix("provider.")))
        if name in self._open:
            return None
        value = self._text(find(self.attributes, name))
        if value is None and (name in self.templates or name in self.context):
            self._open.add(name)
            try:
                rendered = self.render(self.templates.get(name, self.context.get(name)), name)
            except UnresolvedError:
                return None
            finally:
                self._open.discard(name)
            return str(rendered)
        return value

    def _number(self, salt: str) -> int:
        return int.from_bytes(digest(self.seed.hex(), salt), "big")

    @staticmethod
    def _text(found: list[Any]) -> str | None:
        for value in found:
            if value is UNKNOWN or isinstance(value, (dict, list)):
                continue
            return str(value).lower() if isinstance(value, bool) else str(value)
        return None
