"""What can be wrong with a signature."""

from governance.core.errors import RefusedError


class SigningError(RefusedError):
    """Something could not be signed, or its signature does not hold; the message says whose, why and what to do."""


class NotConfirmedError(SigningError):
    """Who was to sign did not say that they want to, having seen what it stands for."""


class NoSigningKeyError(SigningError):
    """This process holds no key to sign models with."""
