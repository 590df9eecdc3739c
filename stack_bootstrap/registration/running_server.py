"""The server that this checkout started, if it runs: every command of the checkout then uses it."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import psutil  # type: ignore[import-untyped]

from stack_bootstrap.registration.errors import RegistrationError

SWITCH = "GROUNDWORK_SERVER"
"""Set to ``off``, a command uses the store on this machine though the server runs."""


def use_running_server() -> str | None:
    """Point this process at the server of the checkout that it runs in. Call before importing zenml.

    Somebody who names a store of their own keeps it.

    Returns:
        The server's address; None when none was started here.

    Raises:
        RegistrationError: one was started and is gone. The store on this machine is not used in its place, unasked:
            it knows nothing of what the server holds.
    """
    home = os.environ.get("ZENML_CONFIG_PATH")
    if home is None or os.environ.get("ZENML_STORE_URL") or os.environ.get(SWITCH) == "off":
        return None
    folder = Path(home).parent / "server"
    state = folder / "server.json"
    if not state.exists():
        return None
    held = json.loads(state.read_text(encoding="utf-8"))
    server = held["services"][0]
    if not process_runs(**server["process"]):
        raise RegistrationError(
            "store",
            "of ZenML",
            f"the server {server['url']} of this checkout was killed: nobody stopped it. make server starts it again, "
            "make server-stop goes back to the store on this machine",
        )
    os.environ["ZENML_STORE_URL"] = server["url"]
    os.environ["ZENML_STORE_API_KEY"] = Path(held["key"]).read_text(encoding="utf-8")
    # The store on this machine has an active stack of its own, which the server does not know.
    os.environ["ZENML_CONFIG_PATH"] = str(folder / "client")
    sys.stderr.write(f"Uses the server {server['url']} of this checkout ({SWITCH}=off: the store on this machine).\n")
    return str(server["url"])


def process_runs(pid: int, began: float) -> bool:
    """Return whether the process ``pid`` that began at ``began`` (seconds since 1970) has not ended."""
    try:
        found = psutil.Process(pid)
        return bool(abs(found.create_time() - began) < 1 and found.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False
