"""The demo's first part: infrastructure, and the stacks made from it."""

from __future__ import annotations

from environments import ORDER, Platform
from governance.core.target import target_for
from governance.demo.config import Place
from governance.demo.progress import DemoProgress


def provision(platform: Platform, progress: DemoProgress, place: Place) -> None:
    """Apply every environment and register what was built."""
    from governance.infrastructure import AuditRecorder
    from stack_bootstrap.clouds import adapter_for
    from stack_bootstrap.infrastructure import apply
    from stack_bootstrap.recorders import attached
    from stack_bootstrap.workspace import workspace

    for team in platform.teams.values():
        # Who may sign is part of what is applied.
        place.signers(target_for(platform, team.models[0], ORDER[-1], place.cloud))
    progress.chapter("Infrastructure: three environments, from the YAML in environments/")
    contracts, adapter = {}, adapter_for(place.cloud)
    for name, environment in platform.environments.items():
        if adapter.has_state_bucket:
            with progress.doing(f"bucket of the state of {name}") as tell_outcome:
                tell_outcome("made" if adapter.make_state_bucket(environment).created else "is there")
        with progress.doing(f"terraform apply {name}") as tell_outcome, attached(AuditRecorder()):
            applied = apply(workspace(platform, name, place.cloud))
            contracts[name] = applied.stacks
            tell_outcome(str(applied.changes))
    progress.chapter("Stacks: what Terraform built, registered in ZenML")
    with progress.doing("starting ZenML"):
        from governance.core.progress import quiet_third_parties

        quiet_third_parties()
        from stack_bootstrap.registration import make_projects, missing_projects, register_all

        make_projects(missing_projects(platform))
    with progress.doing("registering") as tell_outcome, attached(AuditRecorder()):
        # What differed is what was written.
        changed = sum(1 for _ in register_all(contracts, settings=platform.directory))
        tell_outcome(f"{changed} objects written" if changed else "nothing to change")
