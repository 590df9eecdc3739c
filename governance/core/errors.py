"""The base of every refusal that governance makes on purpose."""


class RefusedError(Exception):
    """Something was not allowed or not possible; the message says what, where and what to do."""


_SHOWN = 300
"""Characters of an error of others that are shown."""


def one_line(error: BaseException) -> str:
    """Return what an error of others says, on one line and not at any length."""
    return " ".join(str(error).split())[:_SHOWN]
