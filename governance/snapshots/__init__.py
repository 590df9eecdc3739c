"""Pipelines frozen in staging, promoted to production as what was tested, and started by digest."""
