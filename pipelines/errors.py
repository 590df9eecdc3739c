"""The base of every error whose cause is what a user gave: a config, data or a model's files."""

from __future__ import annotations


class PipelineError(Exception):
    """What was given cannot be worked with. The message says what, where and why, and is enough without a traceback."""


class FitError(PipelineError):
    """What a config describes could be built, and cannot be fitted on these rows."""


class ModelTamperedError(PipelineError):
    """A model's files are not those that were saved."""


class ModelUntrustedError(PipelineError):
    """A model holds types that are not on the list of what a model may hold."""
