"""What the platform team owns, attached to pipelines from outside. Packages import downwards only, in this order:

- ``cli``: every command, thin.
- ``backups``: the server's database and what belongs to it, backed up, restored, and the drill that shows it.
- ``server``: the shared server on this machine, started and stopped.
- ``demo``: the main job on one machine, shown as it happens.
- ``evidence_pack``: everything on record of one version, in one signed zip file that anybody can check.
- ``report``: every version at a glance; the HTML report of one, and the index of all reports.
- ``infrastructure``: the record of what Terraform and registration do.
- ``teams``: taking a team in and letting one go.
- ``migration``: moving a team's models and runs to another project or server.
- ``reproduction``: training a recorded run once more, and what differs.
- ``snapshots``: pipelines frozen in staging, promoted as what was tried, and started by digest.
- ``promotion``: promote, roll back, recover, reconcile.
- ``runs``: govern a pipeline and run it, with hooks, trackers and deployment.
- ``images``: Dockerfile, locked packages, bill of materials.
- ``cost``: prices, spend, budgets, forecast.
- ``rendering``: figures, numbers and templates that pages share.
- ``approvals``: requests, approvals, overrides and break-glass, each signed by people.
- ``gates``: one module per gate, one catalogue of them.
- ``registry``: model versions, releases, loading, inventory.
- ``access``: the roles, and the guard before every route of ZenML's server and of trackers' pages.
- ``records``: what happened, read from and written to the log.
- ``signing``: people's and models' signatures.
- ``audit``: the append-only log, its stores and its verifiers.
- ``core``: errors, target, roles, provenance, policy, file writing, progress.
"""
