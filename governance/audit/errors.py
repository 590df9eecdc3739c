"""What can go wrong with the audit log. Every message says what, where and what to do."""

from __future__ import annotations


class AuditError(Exception):
    """The audit log cannot do what it was asked."""


class StoreError(AuditError):
    """The place that holds the log refused a request or did not answer."""


class SignatureError(AuditError):
    """A key cannot be used, or a signature does not hold."""


class TamperedError(AuditError):
    """What is stored contradicts what the log has signed; ``index`` is the first entry in doubt."""

    def __init__(self, message: str, index: int) -> None:
        super().__init__(message)
        self.index = index


class MissingEntryError(AuditError):
    """There is no entry at that sequence number."""


class ActorError(AuditError):
    """Who is acting cannot be established, or has been erased."""


class OutboxError(AuditError):
    """A file of waiting events holds something else."""
