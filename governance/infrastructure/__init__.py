"""The record of what Terraform and registration do: each apply, destroy, register and unregister is an event.

``stack_bootstrap`` knows nothing of the log. :class:`AuditRecorder` is attached to it from outside, here and in the
demo. It imports nothing heavy: neither ZenML nor a tracker nor scikit-learn.
"""

from governance.infrastructure.recorder import AuditRecorder, InfrastructureNotRecordedError

__all__ = ["AuditRecorder", "InfrastructureNotRecordedError"]
