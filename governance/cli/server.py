"""The commands ``server``, ``server-stop``, ``server-status`` and ``ui``."""

from __future__ import annotations

from typing import Annotated

import typer

from environments import DIRECTORY, Platform, load_platform
from governance.cli.common import say
from governance.cli.options import AsJson, DryRun, Forget, Settings

Port = Annotated[
    int, typer.Option(envvar="PORT", min=1024, max=65500, help="Of ZenML; the trackers' pages take the next.")
]
Open = Annotated[bool, typer.Option("--open", envvar="OPEN", help="Open them in a browser.")]


def server(
    port: Port = 8237,
    forget_secrets: Forget = False,
    settings: Settings = DIRECTORY,
    as_json: AsJson = False,
    dry_run: DryRun = False,
) -> None:
    """Start ZenML's server with roles, and the trackers' pages on the tracking stores, in the background."""
    from governance.server.database import address_of
    from governance.server.start import start
    from governance.server.state import Home
    from governance.server.trackers import tracking_stores

    platform = load_platform(settings)
    database = address_of(Home.of(platform))
    kind = f"the database {database.place}" if database else "a SQLite file"
    if dry_run:
        stores = sorted(tracking_stores(platform))
        say(
            f"Would start ZenML's server on port {port} with {kind}, and the trackers' pages for "
            f"{', '.join(stores) or 'no tracking store: nothing was trained here yet'}.",
            as_json,
            port=port,
            database=kind,
            pages=stores,
        )
        return
    home = Home.of(platform)
    services = start(
        platform,
        port=port,
        database=database,
        forget_secrets=forget_secrets,
        tell=lambda said: typer.echo(said, err=True),
    )
    lines = [f"{service.name:<28} {service.url}" for service in services]
    lines += [
        f"Log in as the administrator by what {home.password} says; this checkout's commands do by themselves.",
        f"Keep {home.secrets_key} elsewhere, too: values of secrets are encrypted with it, and no backup holds it.",
        "A new server knows no stacks: make register ENV=all",
    ]
    urls = {service.name: service.url for service in services}
    say("\n".join(lines), as_json, services=urls, password=home.password, log=home.log)


def server_stop(settings: Settings = DIRECTORY, as_json: AsJson = False, dry_run: DryRun = False) -> None:
    """Stop the server and the pages that were started here; what they hold stays."""
    from governance.server.start import stop
    from governance.server.state import Home

    platform = load_platform(settings)
    found = [service for service in Home.of(platform).services() if service.runs] if dry_run else stop(platform)
    names = [service.name for service in found]
    verb = "Would stop" if dry_run else "Stopped"
    say(f"{verb} {', '.join(names) or 'nothing: nothing runs'}.", as_json, stopped=names)


def server_status(settings: Settings = DIRECTORY, as_json: AsJson = False) -> None:
    """Say what of the server runs here; exit 2 when something was killed."""
    from governance.server.state import Home

    services = Home.of(load_platform(settings)).services()
    states = {service.name: "runs" if service.runs else "was killed" for service in services}
    lines = [f"{one.name:<28} {states[one.name]:<10} {one.url} (process {one.process.pid})" for one in services]
    if killed := [name for name, state in states.items() if state == "was killed"]:
        lines.append(f"Nobody stopped {', '.join(killed)}: make server starts what is missing.")
    rows = [{"name": one.name, "state": states[one.name], "url": one.url} for one in services]
    say("\n".join(lines) or "No server was started here: make server", as_json, services=rows)
    if killed:
        raise typer.Exit(2)


def ui(settings: Settings = DIRECTORY, as_json: AsJson = False, open_them: Open = False) -> None:
    """Print where dashboard, the trackers' pages and the reports are."""
    from governance.server.state import Home

    platform = load_platform(settings)
    pages = {one.name: one.url for one in Home.of(platform).services() if one.runs}
    pages |= _reports(platform)
    say("\n".join(f"{name:<28} {url}" for name, url in pages.items()) or "Nothing yet: make server", as_json, **pages)
    for url in pages.values() if open_them else ():
        typer.launch(url)


def _reports(platform: Platform) -> dict[str, str]:
    from governance.report.write import default_folder

    index = default_folder(platform) / "index.html"
    return {"reports": index.resolve().as_uri()} if index.is_file() else {}
