"""The audit log: append-only, signed, and verifiable by anybody without this software.

Events (``events.py``) become entries (``entry.py``), the leaves of a Merkle tree (``merkle.py``) whose root is signed
in checkpoints (``checkpoint.py``) and kept in a store (``store.py``) and in second places (``anchors.py``).
"""

from governance.audit.actor import Identity, current_identity, declared_identity
from governance.audit.errors import AuditError, StoreError, TamperedError
from governance.audit.location import current_actor, locate, open_log, open_reader
from governance.audit.log import AuditLog, Receipt
from governance.audit.query import Filter, select
from governance.audit.reader import LogReader

__all__ = [
    "AuditError",
    "AuditLog",
    "Filter",
    "Identity",
    "LogReader",
    "Receipt",
    "StoreError",
    "TamperedError",
    "current_actor",
    "current_identity",
    "declared_identity",
    "locate",
    "open_log",
    "open_reader",
    "select",
]
