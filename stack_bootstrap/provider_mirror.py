"""Terraform's own configuration for machines that take provider plugins from a folder."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from stack_bootstrap.workspace import WorkspaceError


def cli_configuration(mirrors: Sequence[Path]) -> str:
    """Return a CLI configuration that takes providers from mirrors that hold them, all others from their registry.

    Each mirror names what it holds and ``direct`` leaves that out: Terraform asks every method that could have a
    provider, and would fail on a registry that it cannot reach.

    Raises:
        WorkspaceError: a mirror holds no provider.
    """
    lines, held = [], []
    for mirror in mirrors:
        providers = sorted(
            "/".join(folder.relative_to(mirror).parts) for folder in mirror.glob("*/*/*") if folder.is_dir()
        )
        if not providers:
            raise WorkspaceError(
                f"{mirror} is no Terraform filesystem mirror: it holds no <registry>/<namespace>/<type> folder. "
                "`terraform providers mirror` makes one."
            )
        held += providers
        lines += [
            "  filesystem_mirror {",
            f"    path    = {json.dumps(str(mirror))}",
            f"    include = {json.dumps(providers)}",
            "  }",
        ]
    lines += ["  direct {", f"    exclude = {json.dumps(held)}", "  }"]
    return "\n".join(["provider_installation {", *lines, "}", ""])
