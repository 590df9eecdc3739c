"""Sealing files into a zip file that can only be what it is: a signed manifest, and one way to write the archive."""

from __future__ import annotations

from collections.abc import Mapping

from environments.files import sha256_hex
from governance.audit.checkpoint import sign_note
from governance.audit.signer import Signer
from governance.audit.verify_pack import MANIFEST, PACK_FORM, SEAL, zip_bytes
from governance.core.digests import content_digest


def sealed(files: Mapping[str, bytes], signer: Signer) -> bytes:
    """Zip ``files`` with a manifest of them that ``signer`` signed. Equal files make equal bytes."""
    named = sorted({**files, "key.pub": f"{signer.verifier}\n".encode()}.items())
    manifest = "".join(f"{sha256_hex(data)} {len(data)} {name}\n" for name, data in named).encode()
    note = sign_note(f"{PACK_FORM}\n{content_digest(manifest)}\n", signer)
    return zip_bytes(sorted([*named, (MANIFEST, manifest), (SEAL, note)]))
