"""The base of every error whose cause is what a user gave: a config, data or a model's files."""

from __future__ import annotations


class PipelineError(Exception):
    """What was given cannot be worked with. The message says what, where and why, and is enough without a traceback."""
