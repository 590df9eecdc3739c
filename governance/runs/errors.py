"""Why a pipeline is not run."""

from governance.core.errors import RefusedError


class UngovernedPipelineError(RefusedError):
    """A pipeline lacks what governance needs of it; the message names what is missing."""
