"""What a Markdown document claims to exist: commands, paths, options, variables and links."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from tests.conftest import REPOSITORY
from tests.workflows.make_targets import all_options, command_of, targets
from tests.workflows.shell import Command, commands

_FENCE = re.compile(r"^( *)```(\w*)\n(.*?)^\1```", re.MULTILINE | re.DOTALL)
_INLINE = re.compile(r"`([^`]+)`")
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_TOP = ("docs", "environments", "governance", "infra", "pipelines", "scripts", "stack_bootstrap", "tests", ".github")
_PLACEHOLDER = re.compile(r"[<>{}…*$]")
_SHELL = frozenset({"", "sh", "bash", "console", "shell"})
_ALWAYS = frozenset({"ENV", "CLOUD", "OFFLINE", "JSON", "DRY_RUN", "TF_PLUGIN_MIRROR", "PYTHON"})
"""Variables that any command may be given."""


@dataclass(frozen=True)
class Document:
    """A Markdown file, where it lies, and its text."""

    path: Path
    text: str

    @property
    def blocks(self) -> list[str]:
        """Shell text shown as a block: fenced, or indented after an empty line."""
        fenced = [code for _, language, code in _FENCE.findall(self.text) if language in _SHELL]
        indented = re.findall(r"(?:^|\n)\n((?: {4,}\S.*(?:\n|$))+)", _FENCE.sub("", self.text))
        return [*fenced, *indented]

    @property
    def inline(self) -> list[str]:
        """Code within the text."""
        return [re.sub(r"\s+", " ", code) for code in _INLINE.findall(_FENCE.sub("", self.text))]


def problems(document: Document) -> Iterator[str]:
    """What the document names and does not exist."""
    for block in document.blocks:
        for line in block.replace("\\\n", " ").splitlines():
            if re.match(r"\s*(\$ )?([A-Z_]+=\S+ )*(make|python|\.venv/bin/python)\b", line):
                for command in commands(line.strip().removeprefix("$ ")):
                    yield from _command(command, complete=True)
    for code in document.inline:
        if re.match(r"([A-Z_]+=\S+ )*(make|python -m) ", code) and not re.search(r"[<…]", code):
            for command in commands(code):
                yield from _command(command, complete=False)
        else:
            yield from _name(code, document)
    for target in _LINK.findall(document.text):
        yield from _link(target, document)


def _command(command: Command, *, complete: bool) -> Iterator[str]:
    if command.program == "make":
        yield from _make(command, complete=complete)
    elif command.program.endswith("python") and command.arguments[:1] == ["-m"]:
        module, *words = command.arguments[1:]
        found = command_of(module, words)
        known = {spelt for option in found.params for spelt in option.opts} if found else set()
        yield from (f"{module} has no {word}" for word in words if word.startswith("--") and word not in {*known, "--"})


def _make(command: Command, *, complete: bool) -> Iterator[str]:
    words = [word for word in command.arguments if "=" not in word and not word.startswith("-")]
    given = [word.partition("=")[0] for word in command.arguments if "=" in word] + list(command.variables)
    known: set[str] = set(_ALWAYS)
    needed: set[str] = set()
    for word in words:
        if word not in targets():
            yield f"there is no `make {word}`"
            continue
        known |= targets()[word].knows
        needed |= targets()[word].needs
    if words and words[0] in targets():
        yield from (f"`make {words[0]}` knows no {variable}" for variable in given if variable not in known)
        if complete:
            yield from (f"`make {words[0]}` needs {variable}" for variable in sorted(needed - set(given)))


def _name(code: str, document: Document) -> Iterator[str]:
    if re.fullmatch(r"--[a-z][a-z-]+", code):
        if code not in all_options():
            yield f"there is no option {code}"
    elif re.fullmatch(r"(GROUNDWORK|TF|ZENML)_[A-Z_]+", code):
        if not _in_code(code):
            yield f"nothing reads {code}"
    elif re.fullmatch(r"[\w./-]+", code) and code.split("/")[0] in _TOP and "/" in code:
        if not (REPOSITORY / code).exists() and not (document.path.parent / code).exists():
            yield f"there is no {code}"
    elif code.split("/")[0] in _TOP and "/" in code and _PLACEHOLDER.search(code) and " " not in code:
        pattern = re.sub(r"<[^>]*>|\{[^}]*\}|…|\$\w+", "*", code)
        if not any(REPOSITORY.glob(pattern.rstrip("/"))):
            yield f"there is nothing like {code}"


def _in_code(word: str) -> bool:
    zenml = find_spec("zenml")  # importing it takes seconds
    assert zenml
    assert zenml.origin
    files = [REPOSITORY / "Makefile", *(f for top in _TOP[1:7] for f in (REPOSITORY / top).rglob("*.py"))]
    constants = Path(zenml.origin).with_name("constants.py")
    return any(word in file.read_text(encoding="utf-8") for file in [*files, constants])


def _link(target: str, document: Document) -> Iterator[str]:
    if "://" in target or target.startswith("mailto:"):
        return
    path, _, anchor = target.partition("#")
    file = (document.path.parent / path) if path else document.path
    if not file.exists():
        yield f"links to {target}, which is not there"
    elif anchor and file.suffix == ".md":
        text = document.text if not path else file.read_text(encoding="utf-8")
        titles = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
        if anchor not in {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}:
            yield f"links to {target}, which has no such heading"
