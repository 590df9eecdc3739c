"""Types of teams' own inside models: allowed by name in a reviewed file, and tied to the code of the training."""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Final

import yaml

import pipelines.teams
from pipelines.digests import combine_digests
from pipelines.errors import ModelUntrustedError, PipelineError

FILE: Final = Path(__file__).with_name("own_types.yaml")
PACKAGE: Final = "pipelines.teams."


class OwnTypesError(PipelineError):
    """The file of allowed types is wrong; the message says where."""


def allowed_types(file: Path | None = None) -> frozenset[str]:
    """Return the dotted names that ``pipelines/own_types.yaml`` allows.

    Raises:
        OwnTypesError: the file is not teams with lists of names in their own packages.
    """
    file = file or FILE
    try:
        teams = yaml.safe_load(file.read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        raise OwnTypesError(f"{file}: not valid YAML: {error}") from error
    if not isinstance(teams, dict) or not all(isinstance(names, list) for names in teams.values()):
        raise OwnTypesError(f"{file}: must hold a list of dotted names for each team")
    for team, names in teams.items():
        package = f"{PACKAGE}{str(team).replace('-', '_')}."
        foreign = [name for name in names if not isinstance(name, str) or not name.startswith(package)]
        if foreign:
            raise OwnTypesError(f"{file}: {team}: {foreign[0]!r} is not in the team's package {package[:-1]}")
    return frozenset(name for names in teams.values() for name in names)


def is_own(name: str) -> bool:
    """Return whether the dotted name is of a team's package."""
    return name.startswith(PACKAGE)


def refuse_unlisted(names: Iterable[str], where: str) -> None:
    """Refuse a type of a team's own that nobody has reviewed; ``where`` begins the message.

    Raises:
        ModelUntrustedError: the reviewed file does not name it.
    """
    unlisted = sorted({name for name in names if is_own(name)} - allowed_types())
    if unlisted:
        raise ModelUntrustedError(
            f"{where} holds {', '.join(unlisted)}, of a team's own code, which {_short(FILE)} does not name. "
            f"Add it there; {_reviewers()} reviews that file."
        )


def refuse_changed(names: Iterable[str], recorded: Mapping[str, str], where: str) -> None:
    """Refuse types of a team's own whose code is not what the model was trained with. Nothing is imported for this.

    Args:
        names: The types that the model holds.
        recorded: The digests of their code when the model was trained, by name.
        where: The model, for messages.

    Raises:
        ModelUntrustedError: the code of one is another, or was not recorded.
    """
    for name in sorted(filter(is_own, names)):
        if recorded.get(name) != source_digest(name):
            raise ModelUntrustedError(
                f"{where} holds {name}, whose code in {_short(_file_of(_module_of(name)))} is not what the model was "
                "trained with. Bring that code back (`git log` has it) and name the new one otherwise, or train again."
            )


def source_digest(name: str) -> str:
    """Return the SHA-256 of the code of a type: its module's, and that of modules of teams that it imports.

    Raises:
        ModelUntrustedError: there is no such module.
    """
    found: dict[str, str] = {}
    left = [_module_of(name)]
    while left:
        module = left.pop()
        if module in found:
            continue
        source = _file_of(module).read_bytes()
        found[module] = hashlib.sha256(source).hexdigest()
        left += [other for other in _imported(module, source) if _find(other)]
    return combine_digests(found)


def _imported(module: str, source: bytes) -> Iterator[str]:
    """Yield what may be modules of teams that the source of ``module`` imports, and the packages it is in."""
    package = module if _file_of(module).name == "__init__.py" else module.rpartition(".")[0]
    while package.startswith(PACKAGE):
        yield package
        package = package.rpartition(".")[0]
    parent = module if _file_of(module).name == "__init__.py" else module.rpartition(".")[0]
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            above = ".".join(parent.split(".")[: len(parent.split(".")) - node.level + 1]) if node.level else ""
            base = ".".join(part for part in (above, node.module) if part)
            names = [base, *(f"{base}.{alias.name}" for alias in node.names)]
        else:
            continue
        yield from (name for name in names if is_own(name))


def _module_of(name: str) -> str:
    return name.rpartition(".")[0]


def _find(module: str) -> Path | None:
    parts = module.removeprefix(PACKAGE).split(".")
    if not is_own(module) or not all(part.isidentifier() for part in parts):
        return None
    for folder in pipelines.teams.__path__:
        for file in (Path(folder, *parts).with_suffix(".py"), Path(folder, *parts, "__init__.py")):
            if file.is_file():
                return file
    return None


def _file_of(module: str) -> Path:
    file = _find(module)
    if file is None:
        raise ModelUntrustedError(f"there is no module {module}, whose type a model holds")
    return file


def _short(file: Path) -> str:
    """Return the file's path as the repository has it."""
    parts = file.parts
    return "/".join(parts[len(parts) - 1 - parts[::-1].index("pipelines") :]) if "pipelines" in parts else str(file)


def _reviewers() -> str:
    """Return who reviews the file, as `.github/CODEOWNERS` has it where a checkout is."""
    owners = FILE.parents[1] / ".github" / "CODEOWNERS"
    lines = owners.read_text(encoding="utf-8").splitlines() if owners.is_file() else []
    found = [line.split(None, 1)[1].strip() for line in lines if line.split(None, 1)[:1] == [f"/pipelines/{FILE.name}"]]
    return found[-1] if found else "the platform team"
