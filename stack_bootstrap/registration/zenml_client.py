"""The one ZenML client of a process, opened without ZenML's own chatter."""

from __future__ import annotations

import logging
import os
import socket
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from environments import CHECKOUT
from stack_bootstrap.registration.errors import RegistrationError, naming
from stack_bootstrap.registration.local_store import local_store_made_alone
from stack_bootstrap.registration.running_server import use_running_server

if TYPE_CHECKING:
    from zenml.client import Client
    from zenml.config.store_config import StoreConfiguration


_LISTED_FROM_MEMORY = ("gs", "s3")
"""What the stores in buckets are called by the library that ZenML reads them with; Azure's ZenML lists anew itself."""
CONNECT_SECONDS, READ_SECONDS = 3, 5
"""How long a server may take to be reached and to answer before it is called away, when a command begins."""


def open_client() -> Client:
    """Connect to the ZenML store that the environment points to.

    Every command that uses ZenML begins with this, so that a store that is away or does not fit costs one line and
    seconds, not a traceback after minutes.

    Raises:
        RegistrationError: the store cannot be reached, was migrated by another ZenML, or ZenML cannot start.
    """
    use_running_server()
    # ZenML reads these while it is imported.
    os.environ.setdefault("ZENML_ANALYTICS_OPT_IN", "false")
    os.environ.setdefault("ZENML_LOGGING_COLORS_DISABLED", "true")
    os.environ.setdefault("ZENML_ENABLE_RICH_TRACEBACK", "false")
    # Else it is derived from the main file, and a process without one could not register.
    os.environ.setdefault("ZENML_CUSTOM_SOURCE_ROOT", str(CHECKOUT))
    # Not even errors: what goes wrong in here is raised, and ZenML would log it with a traceback of a hundred lines.
    quiet, named = quiet_zenml(logging.CRITICAL), naming("store", "of ZenML", hide=_credentials())
    with local_store_made_alone(), quiet, named:
        from alembic.util import CommandError
        from zenml.client import Client

        from stack_bootstrap.registration.patience import limit_patience

        _ask_server()
        limit_patience()
        _list_buckets_anew()
        try:
            client = Client()
            client.zen_store.get_store_info()
        except CommandError as error:
            raise _of_another_version(error) from error
    return client


def _list_buckets_anew() -> None:
    """Have stores in buckets list anew each time, and not say from a list of before what others wrote since."""
    from fsspec.config import conf

    for protocol in _LISTED_FROM_MEMORY:
        conf.setdefault(protocol, {})["use_listings_cache"] = False


def _ask_server() -> None:
    """Ask the server or database once whether it is there; a store on this machine is not asked.

    Raises:
        RegistrationError: it does not answer, or something else does.
    """
    from zenml.config.global_config import GlobalConfiguration
    from zenml.enums import StoreType

    configured = GlobalConfiguration().store_configuration
    address = urlsplit(configured.url)
    if configured.type == StoreType.REST:
        what, why = f"server {configured.url}", _why_server_is_silent(configured)
    elif address.scheme.startswith("mysql") and address.hostname:
        place = (address.hostname, address.port or 3306)
        what, why = "database {}:{}".format(*place), _why_database_is_silent(place)
    else:
        return
    if why:
        raise RegistrationError(
            "store",
            "of ZenML",
            f"the {what} is away ({why}); see that it runs and that its address is right",
        )


def _why_database_is_silent(place: tuple[str, int]) -> str | None:
    """Return why MySQL at ``place`` cannot be used; it speaks first, so to ask it takes no credentials."""
    try:
        with socket.create_connection(place, CONNECT_SECONDS) as connection:
            connection.settimeout(READ_SECONDS)
            try:
                return None if connection.recv(1) else "it hangs up"
            except TimeoutError:
                return f"no answer within {READ_SECONDS} s"
    except TimeoutError:
        return f"no connection within {CONNECT_SECONDS} s"
    except OSError:
        return "no connection"


def _why_server_is_silent(configured: StoreConfiguration) -> str | None:
    """Return why ZenML's server cannot be used."""
    import requests
    from zenml.zen_stores.rest_zen_store import RestZenStoreConfiguration

    store = RestZenStoreConfiguration.model_validate(configured.model_dump())

    def ask(page: str) -> requests.Response:
        return requests.get(
            f"{store.url}/api/v1/{page}", timeout=(CONNECT_SECONDS, READ_SECONDS), verify=store.verify_ssl
        )

    try:
        answer = ask("info")
        if not answer.ok:
            return f"it answers with status {answer.status_code}"
        # A server whose database hangs still answers that. This takes a login, so it says no, if it says anything.
        ask("current-user")
        return None
    except requests.RequestException as error:
        kinds = (
            (requests.exceptions.SSLError, "its certificate is not trusted here"),
            (requests.ConnectTimeout, f"no connection within {CONNECT_SECONDS} s"),
            (requests.ReadTimeout, f"no answer within {READ_SECONDS} s"),
        )
        return next((said for kind, said in kinds if isinstance(error, kind)), "no connection")


def _of_another_version(error: Exception) -> RegistrationError:
    from zenml import __version__

    return RegistrationError(
        "store",
        "of ZenML",
        f"its database does not fit ZenML {__version__}, which is installed here ({error}): a newer ZenML has migrated "
        "it. Bring this checkout to the version that the others use, and run make setup",
    )


def _credentials() -> list[str]:
    """Return what the environment holds to connect with, which must not show in an error."""
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
