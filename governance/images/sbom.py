"""Bills of materials in CycloneDX 1.6, and the one of locked packages: what an image or a checkout installs."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING, Any

from governance.core.errors import RefusedError
from governance.images.lock_file import Locked, normalized

if TYPE_CHECKING:
    from cyclonedx.model.bom import Bom
    from cyclonedx.model.component import Component

_NAMESPACE = uuid.UUID("5f0e6f0e-5c55-4d0c-9a53-6f0d64a3a1b7")
"""Serial numbers are made from what the bill is of, so that equal contents make an equal bill."""


class BomError(RefusedError):
    """A bill of materials cannot be made, or is not as CycloneDX wants it."""


def sbom(packages: Iterable[Locked], about: Component, written: datetime | None = None) -> bytes:
    """Return the bill of ``packages``, which are what ``about`` is made of; without ``written`` it bears no time.

    Raises:
        BomError: the bill does not hold to the schema.
    """
    locked = tuple(packages)
    pins = "\n".join(package.pin() for package in locked)
    return valid(document(about, [library(package) for package in locked], f"packages of {about.name} {pins}", written))


def library(package: Locked) -> Component:
    """Return a package of the Python Package Index; it is named by its package URL, which holds no address."""
    from cyclonedx.model import HashAlgorithm, HashType, Property
    from cyclonedx.model.component import Component, ComponentType
    from packageurl import PackageURL

    purl = PackageURL("pypi", None, normalized(package.name), package.version)
    marker = [Property(name="groundwork:marker", value=package.marker)] if package.marker else []
    return Component(
        name=package.name,
        version=package.version,
        type=ComponentType.LIBRARY,
        bom_ref=f"{purl.to_string()}{f'#{package.marker}' if package.marker else ''}",
        purl=purl,
        hashes=[HashType(alg=HashAlgorithm.SHA_256, content=digest) for digest in package.hashes],
        properties=marker,
    )


def document(about: Component, components: list[Component], serial: str, written: datetime | None) -> dict[str, Any]:
    """Return the bill of ``components`` as data; ``serial`` is what its serial number is made from."""
    from cyclonedx.model.bom import Bom, BomMetaData
    from cyclonedx.output.json import JsonV1Dot6

    bom: Bom = Bom(
        serial_number=uuid.uuid5(_NAMESPACE, serial),
        metadata=BomMetaData(component=about, timestamp=written),
        components=components,
    )
    bom.register_dependency(about, components)
    found: dict[str, Any] = json.loads(JsonV1Dot6(bom).output_as_string())
    if written is None:
        del found["metadata"]["timestamp"]  # the library puts in the time of day
    return found


def valid(found: dict[str, Any]) -> bytes:
    """Return the bill as a file.

    Raises:
        BomError: it does not hold to the schema of CycloneDX 1.6.
    """
    from cyclonedx.schema import SchemaVersion
    from cyclonedx.validation.json import JsonStrictValidator

    text = json.dumps(found, indent=1, sort_keys=True, ensure_ascii=False) + "\n"
    wrong = JsonStrictValidator(SchemaVersion.V1_6).validate_str(text)
    if wrong is not None:
        raise BomError(f"The bill of materials does not hold to CycloneDX 1.6: {wrong}")
    return text.encode()
