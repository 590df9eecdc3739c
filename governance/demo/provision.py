"""The demo's first part: infrastructure, and the stacks made from it."""

from __future__ import annotations

from environments import Platform
from governance.demo.config import CLOUD
from governance.demo.progress import DemoProgress


def provision(platform: Platform, progress: DemoProgress) -> None:
    """Apply every environment and register what was built."""
    from governance.infrastructure import AuditRecorder
    from stack_bootstrap.infrastructure import apply
    from stack_bootstrap.recorders import attached
    from stack_bootstrap.workspace import workspace

    progress.chapter("Infrastructure: three environments, from the YAML in environments/")
    contracts = {}
    for name in platform.environments:
        with progress.doing(f"terraform apply {name}") as tell_outcome, attached(AuditRecorder()):
            applied = apply(workspace(platform, name, CLOUD))
            contracts[name] = applied.stacks
            tell_outcome(str(applied.changes))
    progress.chapter("Stacks: what Terraform built, registered in ZenML")
    with progress.doing("starting ZenML"):
        from governance.core.progress import quiet_third_parties

        quiet_third_parties()
        from stack_bootstrap.registration import register_all
    with progress.doing("registering") as tell_outcome, attached(AuditRecorder()):
        # What differed is what was written.
        changed = sum(1 for _ in register_all(contracts, settings=platform.directory))
        tell_outcome(f"{changed} objects written" if changed else "nothing to change")
