# SPDX-License-Identifier: BSD-2-Clause
"""The shape of an expression: words to a tree, and what stands where something else was expected."""

from __future__ import annotations

from functools import lru_cache

from lark import Lark, Token, Tree
from lark.exceptions import UnexpectedCharacters, UnexpectedToken

from xtop.filter_language.errors import FilterError
from xtop.filter_language.words import keyword_kind

MOST_CHARACTERS = 4000
DEEPEST = 40  # parentheses within parentheses

# A keyword is a WORD until the table of words says better, so that "host" is one and "hostname" is not.
GRAMMAR = r"""
start: chain
chain: term (joint term)*
!joint: AND | OR
term: NOT* _factor
_factor: "(" chain ")" | _primitive

_primitive: alone | protocol | proto | placed | vlan | tunnel | measure | flags | state | end
alone: WORD
protocol: PROTOCOL
proto: [PROTOCOL] PROTO operand
placed: [PROTOCOL] ends [kind] operand
      | [PROTOCOL] nobody kind operand
      | PROTOCOL nobody nothing short
vlan: VLAN [operand]
tunnel: TUNNEL [label]
measure: [ends] MEASURE operand
flags: [ends] FLAGS label
state: STATE label
end: END label

nobody:
nothing:
!ends: SRC | DST | SRC OR DST | DST OR SRC | SRC AND DST | DST AND SRC
!kind: PLACE | PORT
operand: [COMPARISON] value [MASK value] | "(" values ")"
short: WORD -> operand
values: inner (joint inner)*
inner: NOT* value
!value: WORD | PROTOCOL
label: [COMPARISON] name | "(" names ")"
names: named (joint named)*
named: NOT* name
!name: WORD | PROTOCOL | MEASURE

COMPARISON: /==|!=|<>|<=|>=|[<>=]/
AND: "&&"
OR: "||"
NOT: "!"
WORD: /[^\s()!<>=&|]+/
%declare PLACE PORT SRC DST PROTO PROTOCOL VLAN TUNNEL FLAGS STATE END MEASURE MASK
%ignore /\s+/
"""

# What may come next, as it is said to people: the first that fits is taken.
_EXPECTED: tuple[tuple[frozenset[str], str], ...] = (
    (frozenset({"PLACE", "MEASURE", "VLAN"}), "an address, port, protocol or word of the language"),
    (frozenset({"AND"}), "and, or"),
    (frozenset({"WORD", "COMPARISON"}), "a value, or one of = != < <= > >="),
    (frozenset({"WORD"}), "a value"),
    (frozenset({"RPAR"}), "and, or, or a closing parenthesis"),
    (frozenset({"SRC"}), "src or dst"),
)


def parse(text: str) -> Tree[Token]:
    """Return the tree of ``text``; raise FilterError at the word that does not fit."""
    if len(text) > MOST_CHARACTERS:
        raise FilterError(f"a filter has {MOST_CHARACTERS} characters at most", MOST_CHARACTERS, len(text))
    _check_depth(text)
    try:
        return _parser().parse(text)
    except UnexpectedCharacters as error:
        at = error.pos_in_stream or 0
        twice = f"; write {text[at] * 2}" if text[at] in "&|" else ""
        raise FilterError(f"'{text[at]}' means nothing here{twice}", at, at + 1) from None
    except UnexpectedToken as error:
        raise _misplaced(text, error) from None


@lru_cache(maxsize=1)
def _parser() -> Lark:
    return Lark(GRAMMAR, parser="lalr", lexer="basic", lexer_callbacks={"WORD": _classified}, maybe_placeholders=True)


def _classified(token: Token) -> Token:
    kind = keyword_kind(token)
    return token if kind is None else token.update(type=kind)


def _check_depth(text: str) -> None:
    depth = 0
    for at, character in enumerate(text):
        depth += (character == "(") - (character == ")")
        if depth > DEEPEST:
            raise FilterError(f"more than {DEEPEST} parentheses within each other", at, at + 1)


def _misplaced(text: str, error: UnexpectedToken) -> FilterError:
    expected, token = set(error.expected), error.token
    opened = text.count("(", 0, token.start_pos) - text.count(")", 0, token.start_pos)
    what = next((said for kinds, said in _EXPECTED if kinds <= expected), "something else")
    if token.type == "$END":
        end = len(text.rstrip())
        closing = opened > 0 and "RPAR" in expected
        missing = "a closing parenthesis" if closing else what
        at = end if closing else end + 1
        return FilterError(f"{missing} is missing at the end", at, at + 1, incomplete=True)
    start, end = token.start_pos or 0, token.end_pos or 0
    if token.type == "RPAR" and opened <= 0:
        return FilterError("no parenthesis is open here", start, end)
    return FilterError(f"expected {what} before '{token}'", start, end)
