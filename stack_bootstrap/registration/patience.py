"""How long a command waits for a ZenML server that goes away or hangs while the command is at work."""

from __future__ import annotations

import logging
import sys
from typing import Any, Self

import requests
from requests.adapters import HTTPAdapter
from requests.exceptions import RetryError
from urllib3.util.retry import Retry
from zenml.zen_stores import rest_zen_store

AWAY, SILENT = 5, 1
"""How often a server that refuses connections or says that it is not available, and one that says nothing within
ZenML's 30 s, is asked again: for half a minute, in which one that is started again is back, and for a minute."""
LAST_SECONDS = (3, 5)
"""To be reached, and to answer, that a server is given once it was called away."""


class _Again(Retry):
    """Says so once it asks for the third time; the second heals a connection that a restart ended."""

    def increment(self, *arguments: Any, **more: Any) -> Self:
        following = super().increment(*arguments, **more)
        if len(self.history or ()) == 1:
            sys.stderr.write("ZenML's server does not answer; asking again for up to half a minute ...\n")
        return following


class PatientAdapter(HTTPAdapter):
    """Asks a server again for a while; one that stayed away for so long is asked once, briefly, from then on.

    ZenML asks up to ten times with growing pauses, and for every request anew: a run that publishes that it failed,
    and each of its hooks, would wait minutes for the same server that is gone.
    """

    def __init__(self, max_retries: Retry, **more: Any) -> None:
        """Make one that asks again after what ZenML's ``max_retries`` does, less often; ``more`` as of requests."""
        self._patience = _Again(
            connect=AWAY,
            status=AWAY,
            read=SILENT,
            redirect=max_retries.redirect,
            other=max_retries.other,
            allowed_methods=max_retries.allowed_methods,
            status_forcelist=max_retries.status_forcelist,
            backoff_factor=max_retries.backoff_factor,
        )
        super().__init__(max_retries=self._patience, **more)
        self._away = False

    def send(self, request: requests.PreparedRequest, *arguments: Any, **more: Any) -> requests.Response:
        """Send ``request`` and return the answer; errors as of requests."""
        self.max_retries = self._patience
        if self._away:
            self.max_retries, more["timeout"] = Retry(0, read=False), LAST_SECONDS
        try:
            answer = super().send(request, *arguments, **more)
            if answer.status_code in self._patience.status_forcelist:
                raise RetryError(f"the server answers with status {answer.status_code}", request=request)
        except (requests.ConnectionError, requests.Timeout, RetryError):
            self._away = True
            raise
        self._away = False
        return answer


def limit_patience() -> None:
    """Let every store that ZenML opens on a server from now on wait no longer than this module says."""
    logging.getLogger("urllib3.connectionpool").setLevel(logging.ERROR)  # it would tell of each time
    rest_zen_store.HTTPAdapter = PatientAdapter  # type: ignore[attr-defined,assignment]  # no setting does it
