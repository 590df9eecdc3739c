"""The one ZenML client of a process, opened without ZenML's own chatter."""

from __future__ import annotations

import logging
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from environments import CHECKOUT
from stack_bootstrap.registration.errors import naming
from stack_bootstrap.registration.local_store import local_store_made_alone

if TYPE_CHECKING:
    from zenml.client import Client


def open_client() -> Client:
    """Connect to the ZenML store that the environment points to.

    Raises:
        RegistrationError: the store cannot be reached or ZenML cannot start.
    """
    # ZenML reads these while it is imported.
    os.environ.setdefault("ZENML_ANALYTICS_OPT_IN", "false")
    os.environ.setdefault("ZENML_LOGGING_COLORS_DISABLED", "true")
    os.environ.setdefault("ZENML_ENABLE_RICH_TRACEBACK", "false")
    # Else it is derived from the main file, and a process without one could not register.
    os.environ.setdefault("ZENML_CUSTOM_SOURCE_ROOT", str(CHECKOUT))
    # Not even errors: what goes wrong in here is raised, and ZenML would log it with a traceback of a hundred lines.
    quiet, named = quiet_zenml(logging.CRITICAL), naming("store", "of ZenML", hide=_credentials())
    with local_store_made_alone(), quiet, named:
        from zenml.client import Client

        client = Client()
        client.zen_store.get_store_info()
    return client


def _credentials() -> list[str]:
    """What the environment holds to connect with, which must not show in an error."""
    in_url = urlsplit(os.environ.get("ZENML_STORE_URL", "")).password
    given = (in_url, *map(os.environ.get, ("ZENML_STORE_PASSWORD", "ZENML_STORE_API_KEY", "ZENML_STORE_API_TOKEN")))
    return [value for value in given if value]


@contextmanager
def quiet_zenml(threshold: int = logging.ERROR) -> Iterator[None]:
    """Let only ZenML's errors through: its progress messages and advice are not ours, and failures are raised."""
    logger = logging.getLogger("zenml")
    level = logger.level
    logger.setLevel(threshold)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", module="zenml")
            # ZenML imports every cloud's library; Google's announces which Python it will stop supporting.
            warnings.filterwarnings("ignore", category=FutureWarning, module="google")
            yield
    finally:
        logger.setLevel(level)
