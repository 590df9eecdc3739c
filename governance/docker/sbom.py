"""A CycloneDX bill of materials of what an image installs."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any

from governance.docker.requirements import Kind, Locked


def bill_of_materials(kind: Kind, packages: Iterable[Locked]) -> dict[str, Any]:
    """CycloneDX 1.6 as data: every package with its package URL and the digests that its files may have.

    Two images of the same packages have the same bill, so it holds no time and no random serial number. Format:
    cyclonedx.org/docs/1.6/json, package URLs: github.com/package-url/purl-spec.
    """
    return {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {"component": {"type": "container", "name": f"groundwork-{kind}"}},
        "components": [
            {
                "type": "library",
                "bom-ref": _purl(package),
                "name": package.name,
                "version": package.version,
                "purl": _purl(package),
                "externalReferences": [
                    {
                        "type": "distribution",
                        "url": f"https://pypi.org/project/{package.name}/{package.version}/",
                        "hashes": [{"alg": "SHA-256", "content": digest} for digest in package.hashes],
                    }
                ],
            }
            for package in packages
        ],
    }


def bill_as_text(kind: Kind, packages: Iterable[Locked]) -> str:
    """The bill as the file in the image."""
    return json.dumps(bill_of_materials(kind, packages), indent=1, sort_keys=True) + "\n"


def _purl(package: Locked) -> str:
    name = re.sub(r"[-_.]+", "-", package.name).lower()
    return f"pkg:pypi/{name}@{package.version}"
