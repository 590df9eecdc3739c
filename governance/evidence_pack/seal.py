"""Sealing files into a zip file that can only be what it is: a signed manifest, and one way to write the archive."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256

from governance.audit.checkpoint import sign_note
from governance.audit.signer import Signer
from governance.audit.verify_pack import MANIFEST, PACK_FORM, SEAL, zip_bytes


def sealed(files: Mapping[str, bytes], signer: Signer) -> bytes:
    """Zip ``files`` with a manifest of them that ``signer`` signed. Equal files make equal bytes."""
    named = sorted({**files, "key.pub": f"{signer.verifier}\n".encode()}.items())
    manifest = "".join(f"{sha256(data).hexdigest()} {len(data)} {name}\n" for name, data in named).encode()
    note = sign_note(f"{PACK_FORM}\nsha256:{sha256(manifest).hexdigest()}\n", signer)
    return zip_bytes(sorted([*named, (MANIFEST, manifest), (SEAL, note)]))
