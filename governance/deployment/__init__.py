"""Pipelines as they are to run in an environment: governed, compiled against its stacks, and kept in ZenML by name."""
