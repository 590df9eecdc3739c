"""What the guard costs a request of the shared server, beside the plain server on the same database."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import requests

from governance.server.state import Home
from tests.benchmarks import Figure
from tests.governance.served import Served, free_port, member, served

REQUESTS = 300
WARM_UP = 20
WRITTEN_SECONDS = 3
"""By then the guard has written what it decided while the server was filled."""
GOAL_MS = 5
"""How much later than the plain server the guarded one may answer."""


def measure(folder: Path, requests_each: int = REQUESTS) -> Iterator[Figure]:
    """Ask both servers in turn: reading a page, and changing what the guard has to look up."""
    with served(folder) as world, _plain(world) as plain:
        headers = world.clients[member("ml-engineer")].headers
        asked = {
            "reading": ("GET", "models", None),
            "changing": ("PUT", f"model_versions/{world.version()}", {"description": "changed"}),
        }
        apis = (world.api, plain[0])
        processes = (psutil.Process(Home.of(world.platform).services()[0].process.pid), psutil.Process(plain[1]))
        for name, (method, path, body) in asked.items():
            _in_turn(apis, WARM_UP, headers, method, path, body)
            time.sleep(WRITTEN_SECONDS)
            before = [_computed(process) for process in processes]
            (guarded_half, guarded), (bare_half, bare) = _in_turn(apis, requests_each, headers, method, path, body)
            own, bares = (
                1_000 * (_computed(process) - was) / requests_each
                for process, was in zip(processes, before, strict=True)
            )
            yield Figure(f"server: median of a guarded {name} request", guarded_half, "ms", baseline=bare_half)
            yield Figure(f"server: p95 of a guarded {name} request", guarded, "ms", baseline=bare)
            yield Figure(f"server: the guard adds to p95, {name}", guarded - bare, "ms", GOAL_MS)
            yield Figure(f"server: computing for a guarded {name} request", own, "ms", baseline=bares)


def _in_turn(
    apis: tuple[str, str], times: int, headers: dict[str, str], method: str, path: str, body: Any
) -> tuple[tuple[float, float], tuple[float, float]]:
    """Return the median and the 95th percentile of both, in milliseconds.

    Their requests alternate, so that load meets both alike.
    """
    took: dict[str, list[float]] = {api: [] for api in apis}
    with requests.Session() as session:
        for turn in range(times):
            for api in apis[:: 1 if turn % 2 else -1]:  # whoever comes second finds warmer caches
                began = time.perf_counter()
                answer = session.request(method, f"{api}/{path}", json=body, headers=headers, timeout=30)
                took[api].append(1_000 * (time.perf_counter() - began))
                assert answer.ok, answer.text
    first, second = ((statistics.median(took[api]), statistics.quantiles(took[api], n=20)[-1]) for api in apis)
    return first, second


def _computed(process: psutil.Process) -> float:
    """Return the seconds that ``process`` has computed so far: waiting for a busy machine is no part of them."""
    times = process.cpu_times()
    return float(times.user + times.system)


@contextmanager
def _plain(world: Served) -> Iterator[tuple[str, int]]:
    """Serve the same database without the guard within the block; yield the address and the process."""
    home, port = Home.of(world.platform), free_port()
    command = [sys.executable, "-m", "uvicorn", "zenml.zen_server.zen_server_api:app", "--port", str(port)]
    variables = {
        "ZENML_CONFIG_PATH": str(home.folder / "plain"),
        "ZENML_SERVER": "true",
        "ZENML_STORE_TYPE": "sql",
        "ZENML_STORE_URL": f"sqlite:///{home.folder / 'zenml.db'}",
        "ZENML_SERVER_AUTH_SCHEME": "OAUTH2_PASSWORD_BEARER",
        "ZENML_SERVER_JWT_SECRET_KEY": (home.folder / "tokens.key").read_text(),
        "ZENML_ANALYTICS_OPT_IN": "false",
    }
    with (home.folder / "plain.log").open("wb") as log:
        process = subprocess.Popen(
            [*command, "--no-access-log"], env={**os.environ, **variables}, stdout=log, stderr=log
        )
    try:
        url = f"http://127.0.0.1:{port}"
        while process.poll() is None:
            try:
                requests.get(f"{url}/health", timeout=2)
                break
            except requests.RequestException:
                time.sleep(0.2)
        yield f"{url}/api/v1", process.pid
    finally:
        process.terminate()
        process.wait()
