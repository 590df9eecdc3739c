"""The commands in a step's shell text: enough of a shell to know which programs run with what."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass, field

_SEPARATORS = frozenset({";", "&&", "||", "|", "&", "(", ")", "\n", ";;"})
_KEYWORDS = frozenset({"if", "then", "else", "elif", "fi", "!", "{", "}", "while", "do", "done"})
_ASSIGNMENT = re.compile(r"^([A-Za-z_][A-Za-z0-9_]*)=(.*)$", re.DOTALL)


@dataclass
class Command:
    """One simple command. ``variables`` are those it alone sees; with no program, those the shell sets."""

    program: str = ""
    arguments: list[str] = field(default_factory=list)
    variables: dict[str, str] = field(default_factory=dict)


def commands(text: str) -> list[Command]:
    """Every simple command in ``text``, those in ``$(...)`` included."""
    return list(_commands(text))


def _commands(text: str) -> Iterator[Command]:
    for inner in _substitutions(text):
        yield from _commands(inner)
    lexer = shlex.shlex(_without_substitutions(text).replace("\\\n", " "), posix=True, punctuation_chars="();<>|&\n")
    lexer.whitespace = " \t"
    lexer.whitespace_split = True
    lexer.commenters = "#"
    current, redirected = Command(), False
    for token in lexer:
        if set(token) <= {"\n"} or token in _SEPARATORS:
            yield from _finished(current)
            current = Command()
        elif set(token) <= set("<>&") or (set(token) <= set("<>&0123456789") and set(token) & set("<>")):
            redirected = True
        elif redirected:
            redirected = False
        elif not current.program and token in _KEYWORDS:
            continue
        elif not current.program and (assigned := _ASSIGNMENT.match(token)):
            current.variables[assigned[1]] = assigned[2]
        elif not current.program:
            current.program = token
        else:
            current.arguments.append(token)
    yield from _finished(current)


def _finished(command: Command) -> Iterator[Command]:
    if command.arguments and command.arguments[-1] == "2":  # of 2>
        command.arguments.pop()
    if command.program or command.variables:
        yield command


def _spans(text: str) -> Iterator[tuple[int, int]]:
    position = 0
    while (start := text.find("$(", position)) >= 0:
        depth, position = 1, start + 2
        while depth and position < len(text):
            depth += {"(": 1, ")": -1}.get(text[position], 0)
            position += 1
        yield start, position


def _substitutions(text: str) -> list[str]:
    return [text[start + 2 : end - 1] for start, end in _spans(text)]


def _without_substitutions(text: str) -> str:
    parts, position = [], 0
    for start, end in _spans(text):
        parts += [text[position:start], "SUBSTITUTED"]
        position = end
    return "".join([*parts, text[position:]])
