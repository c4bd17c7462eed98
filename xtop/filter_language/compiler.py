# SPDX-License-Identifier: BSD-2-Clause
"""The front door: an expression's text to its program."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

from lark import Token, Tree

from xtop.filter_language.errors import FilterError
from xtop.filter_language.grammar import parse
from xtop.filter_language.meaning import END_REASONS, TCP_STATES, Meaning
from xtop.filter_language.program import MOST_INSTRUCTIONS, Program, ProgramTooLongError, program_of
from xtop.filter_language.services import service_ports
from xtop.filter_language.values import read_alone
from xtop.filter_language.words import BY_NAME, PROTOCOLS, TCP_FLAGS, keyword_kind


@lru_cache(maxsize=64)
def compile_filter(text: str) -> Program | None:
    """Return the program of ``text``; None where it is empty, which lets every flow through.

    Raises FilterError at the word that is wrong.
    """
    if not text.strip():
        return None
    tree = _tree(text)
    try:
        return program_of(Meaning().of(tree))
    except ProgramTooLongError:
        raise FilterError(f"more than {MOST_INSTRUCTIONS} tests", 0, len(text)) from None
    except FilterError as error:
        error.incomplete = error.end == len(text) and _may_grow(text[error.start : error.end])
        raise


def _may_grow(word: str) -> bool:
    """Say whether ``word`` is the beginning of another: whoever types it is not wrong yet."""
    known = (*BY_NAME, *PROTOCOLS, *TCP_FLAGS, *TCP_STATES, *END_REASONS, *service_ports())
    return any(name.startswith(word.lower()) and name != word.lower() for name in known)


def grouping(text: str) -> str | None:
    """Return ``text`` with the parentheses that it is read with, where it mixes and, or without any; else None."""
    tree = parse(text)
    mixed = any(len(set(_joints(chain))) > 1 for chain in tree.find_data("chain"))
    return _grouped(text, next(tree.find_data("start")).children[0]) if mixed else None


def _tree(text: str) -> Tree[Token]:
    """Parse ``text``; what stands wrong behind a word that means nothing is that word's fault: ``prto tcp``."""
    try:
        return parse(text)
    except FilterError as error:
        word = "" if error.incomplete else _last_word(text[: error.start])
        if not word or keyword_kind(word) is not None:
            raise
        start = text.rindex(word, 0, error.start)
        if keyword_kind(_last_word(text[:start])) not in (None, "AND", "OR", "NOT", "PROTOCOL", "SRC", "DST"):
            raise
        try:
            read_alone(word, (1, 2))
        except ValueError as wrong:
            raise FilterError(str(wrong), start, start + len(word)) from None
        raise


def _last_word(text: str) -> str:
    match = _LAST_WORD.search(text)
    return match[1] if match else ""


_LAST_WORD = re.compile(r"([^\s()!<>=&|]+)\s*$")


def _joints(chain: Tree[Token]) -> list[str]:
    return [_tokens(joint)[0].type.lower() for joint in chain.children[1::2] if isinstance(joint, Tree)]


def _tokens(tree: Tree[Token]) -> list[Token]:
    return [token for token in tree.scan_values(lambda one: isinstance(one, Token)) if isinstance(token, Token)]


def _grouped(text: str, chain: Any) -> str:
    """Return a chain with parentheses round what is read before its next joint."""
    whole, *rest = (_term_text(text, term) for term in chain.children[::2])
    before = None
    for joint, term in zip(_joints(chain), rest, strict=True):
        whole = f"({whole}) {joint} {term}" if before not in (None, joint) else f"{whole} {joint} {term}"
        before = joint
    return whole


def _term_text(text: str, term: Any) -> str:
    *nots, factor = term.children
    if factor.data == "chain":
        said = f"({_grouped(text, factor)})"
    else:
        tokens = _tokens(factor)
        said = " ".join(text[tokens[0].start_pos : tokens[-1].end_pos].split())
        said += ")" * (said.count("(") - said.count(")"))
    return "not " * len(nots) + said
