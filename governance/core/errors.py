"""The base of every refusal that governance makes on purpose."""


class RefusedError(Exception):
    """Something was not allowed or not possible; the message says what, where and what to do."""
