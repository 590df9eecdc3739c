"""Sealing files into a zip file that can only be what it is: a signed manifest, and one way to write the archive."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256

from governance.audit.checkpoint import sign_note
from governance.audit.signer import Signer
from governance.audit.verify import MANIFEST, PACK_FORM, zip_bytes


def sealed(files: Mapping[str, bytes], signer: Signer) -> bytes:
    """The zip file of ``files`` with a manifest of them that ``signer`` signed. Equal files make equal bytes."""
    named = sorted({**files, "key.pub": f"{signer.verifier}\n".encode()}.items())
    lines = [f"{sha256(data).hexdigest()} {len(data)} {name}" for name, data in named]
    note = sign_note("".join(f"{line}\n" for line in [PACK_FORM, *lines]), signer)
    return zip_bytes(sorted([*named, (MANIFEST, note)]))
