"""Why a pipeline is not run, and how a run broke off."""

from governance.core.errors import RefusedError


class UngovernedPipelineError(RefusedError):
    """A pipeline lacks what governance needs of it; the message names what is missing."""


class RunBrokenError(RefusedError):
    """A run ended without a result. The message says which step, what happened to it and what to do.

    Args:
        message: for people; it may quote data, so the log does not keep it.
        reason: in one word, for the log.
        step: where it happened, if it was in one.
    """

    def __init__(self, message: str, *, reason: str, step: str | None = None) -> None:
        super().__init__(message)
        self.reason, self.step = reason, step
