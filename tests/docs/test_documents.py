"""Documents say nothing that is not so: commands, paths, options and links exist, and there is less text than code."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY
from tests.docs.claims import Document, problems
from tests.workflows.make_targets import targets


def tracked(*patterns: str) -> list[Path]:
    listed = subprocess.run(
        ["git", "-C", str(REPOSITORY), "ls-files", "-z", "--", *patterns], capture_output=True, text=True, check=True
    ).stdout
    return [REPOSITORY / name for name in listed.split("\0") if name and (REPOSITORY / name).is_file()]


# Templates of other repositories' documents are filled in before anybody reads them.
DOCUMENTS = [file for file in tracked("*.md") if "template" not in file.parts]


@pytest.mark.parametrize("file", DOCUMENTS, ids=lambda file: str(file.relative_to(REPOSITORY)))
def test_what_a_document_names_exists(file: Path) -> None:
    assert list(problems(Document(file, file.read_text(encoding="utf-8")))) == []


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("\n    make paln ENV=dev\n", "no `make paln`"),
        ("\n    make plan ENV=dev REVERSE=1\n", "knows no REVERSE"),
        ("\n    make plan\n", "needs ENV"),
        ("```sh\nmake promote MODEL=x\n```\n", "needs TO"),
        ("Run `make paln` first.", "no `make paln`"),
        ("Run `make promote TO=staging LOUDLY=1` first.", "knows no LOUDLY"),
        ("\n    python -m stack_bootstrap plan --backwards\n", "has no --backwards"),
        ("Give `--backwards`.", "no option --backwards"),
        ("See `governance/nothing.py`.", "no governance/nothing.py"),
        ("See `environments/teams/<team>.toml`.", "nothing like environments/teams/<team>.toml"),
        ("Set `GROUNDWORK_NOTHING`.", "nothing reads GROUNDWORK_NOTHING"),
        ("See [this](nothing.md).", "which is not there"),
        ("See [this](docs/playbook.md#no-such-part).", "no such heading"),
    ],
)
def test_what_does_not_exist_is_found(text: str, said: str) -> None:
    found = list(problems(Document(REPOSITORY / "x.md", text)))
    assert any(said in problem for problem in found), found


@pytest.mark.parametrize(
    "text",
    [
        "\n    make plan ENV=dev\n",
        "Run `make promote` after that; see `environments/teams/<team>.yaml`.",
        "See [this](docs/playbook.md#rollback), [that](https://example.com) and `--dry-run`.",
        "```yaml\nmake: paln\n```\n",
    ],
)
def test_what_exists_is_left_alone(text: str) -> None:
    assert list(problems(Document(REPOSITORY / "x.md", text))) == []


def test_every_make_target_stands_in_a_guide() -> None:
    guides = [REPOSITORY / "README.md", REPOSITORY / "CONTRIBUTING.md", *(REPOSITORY / "docs").glob("*.md")]
    documents = [Document(file, file.read_text(encoding="utf-8")) for file in guides]
    code = [code for document in documents for code in (*document.inline, *document.blocks)]
    told = {word for run in re.findall(r"\bmake((?: +[a-z][a-z-]*)+)", "\n".join(code)) for word in run.split()}
    told.update(code)  # the table of workflows names them alone
    assert sorted(set(targets()) - told) == []


def missing_tests(text: str) -> list[str]:
    """Node ids in ``text`` that name no test."""

    def defined(file: Path, name: str) -> bool:
        return file.is_file() and f"\ndef {name}(" in file.read_text(encoding="utf-8")

    named = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", text)
    return [f"{path}::{name}" for path, name in named if not defined(REPOSITORY / path, name)]


def test_every_row_of_the_threat_model_names_a_test_that_exists() -> None:
    text = (REPOSITORY / "docs" / "threat-model.md").read_text(encoding="utf-8")
    claims = text.partition("| gains nothing, since |")[2]
    rows = [line for line in claims.splitlines() if line.startswith("| ") and "gains nothing, since" not in line]
    assert len(rows) >= 40
    assert [row for row in rows if not re.search(r"\| `tests/[\w/]+\.py::test_\w+` \|$", row)] == []
    assert missing_tests(text) == []
    attacks = (REPOSITORY / "tests" / "governance" / "attacks").glob("test_*.py")
    assert [file.name for file in attacks if f"attacks/{file.name}::" not in claims] == []
    gone = "`tests/docs/test_documents.py::test_gone`"
    assert missing_tests(gone) == [gone.strip("`")]


def test_decisions_are_short_numbered_and_listed() -> None:
    folder = REPOSITORY / "docs" / "decisions"
    records = sorted(folder.glob("[0-9]*.md"))
    listed = []
    for number, file in enumerate(records, 1):
        lines = file.read_text(encoding="utf-8").splitlines()
        assert file.name.startswith(f"{number:04d}-")
        assert len(lines) <= 25
        assert [line for line in lines if line.startswith("## ")] == ["## Context", "## Decision", "## Consequences"]
        listed.append(f"{lines[0].removeprefix('# ').replace('. ', '. [', 1)}]({file.name})")
    index = (folder / "README.md").read_text(encoding="utf-8")
    assert [line for line in index.splitlines() if line[:1].isdigit()] == listed


def test_the_glossary_is_short_and_its_words_are_used() -> None:
    glossary = REPOSITORY / "docs" / "glossary.md"
    words = re.findall(r"^\| ([a-z -]+) \| (?!meaning)", glossary.read_text(encoding="utf-8"), re.MULTILINE)
    assert 15 <= len(words) <= 25
    assert words == sorted(words)
    others = [file for file in [*(REPOSITORY / "docs").rglob("*.md"), REPOSITORY / "README.md"] if file != glossary]
    text = re.sub(r"\s+", " ", " ".join(file.read_text(encoding="utf-8") for file in others)).lower()
    assert [word for word in words if word not in text] == []
    assert re.findall(r"\b(?:the ground|spool|settl\w+|waiting room|frontier)\b", text) == [], (
        "words that these replace"
    )


def test_the_guides_are_short_and_the_documents_shorter_than_the_code() -> None:
    def lines(files: list[Path]) -> int:
        return sum(len(file.read_text(encoding="utf-8").splitlines()) for file in files)

    for guide in ("platform-guide", "developer-guide", "playbook"):
        assert lines([REPOSITORY / "docs" / f"{guide}.md"]) < 150
    code = [file for file in tracked("*.py", "*.tf") if "tests" not in file.relative_to(REPOSITORY).parts]
    assert lines(DOCUMENTS) < lines(code) / 3
