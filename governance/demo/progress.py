"""What is shown of a demo: one line per thing done, with the seconds it took."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.console import Console

if TYPE_CHECKING:
    from governance.core.progress import StepEvent


class DemoProgress:
    """Prints one line per thing that was done, and what is going on meanwhile."""

    def __init__(self, console: Console) -> None:
        self.console = console

    def chapter(self, title: str) -> None:
        """Begin another part."""
        self.console.print(f"\n[bold]{title}[/bold]")

    @contextmanager
    def doing(self, what: str) -> Iterator[Callable[[str], None]]:
        """Show ``what`` as going on; the block gives the outcome to the yielded function."""
        outcome: list[str] = []
        began = time.monotonic()
        with self.console.status(what):
            yield outcome.append
        took = f"[dim]{time.monotonic() - began:5.1f} s[/dim]"
        self.console.print(f"  {took}  {what}{f': {outcome[-1]}' if outcome else ''}", soft_wrap=True)

    def step(self, event: StepEvent) -> None:
        """Print that one step of a run ended."""
        if event.state == "finished":
            self.console.print(f"           [dim]{event.step} {event.took}[/dim]")
        elif event.state == "failed":
            self.console.print(f"           [red]{event.step} stopped the run[/red]")
