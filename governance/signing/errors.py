"""What can be wrong with a signature."""

from governance.errors import Refused


class SigningError(Refused):
    """Something could not be signed, or its signature does not hold; the message says whose, why and what to do."""


class NoSigningKey(SigningError):
    """This process holds no key to sign models with."""
