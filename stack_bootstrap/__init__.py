"""Terraform per environment and cloud, and the ZenML stacks that follow from what it built."""
