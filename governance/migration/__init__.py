"""Moving what a team has in ZenML to another project or another server, with its version numbers and lineage."""
