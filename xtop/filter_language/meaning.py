# SPDX-License-Identifier: BSD-2-Clause
"""What an expression's tree means: tests on a flow, joined as they are in the tree.

A value that stands alone behind and, or takes over what stood before the value before it, as in tcpdump: ``tcp dst port
80 or 443``. Where it cannot be read so (``port 80 and 10.0.0.1``), it means what it means by itself.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

from lark import Token, Tree

from xtop.filter_language.errors import FilterError
from xtop.filter_language.program import BOTH, DESTINATION, REAL_FIELDS, SOURCE, Chain, Node, Not, Range, Test, joined
from xtop.filter_language.values import (
    EVERY_NUMBER,
    is_address,
    masked,
    nearest,
    network_test,
    number_range,
    ports_test,
    read_alone,
    read_network,
    read_ports,
    read_protocol,
)
from xtop.filter_language.words import COMPARISONS, TCP_FLAG_LETTERS, TCP_FLAGS, measure_named
from xtop.flow_rows import TUNNELS

Reader: TypeAlias = Callable[[str, str], Node]  # a value and a comparison -> its test

TCP_STATES = {"syn": 1, "syn_ack": 2, "established": 3, "fin": 4, "closed": 5, "reset": 6}  # XTOP_TCP_
END_REASONS = {"idle": 1, "active": 2, "tcp": 3, "shutdown": 4, "cache_full": 5}  # XTOP_END_
EITHER = (SOURCE, DESTINATION)
LAST_VLAN = 4095


@dataclass(frozen=True, slots=True)
class Ends:
    """Which ends a qualifier asks, and whether one of them is enough."""

    of: tuple[int, ...] = EITHER
    joint: str = "or"


@dataclass(frozen=True, slots=True)
class Qualifier:
    """How the values behind a word are read, so that later ones may take it over."""

    reader: Reader
    limit: Token | None = None  # the protocol before it
    lists: bool = True  # a comma means or


class Meaning:
    """Walks one tree, from left to right."""

    def __init__(self) -> None:
        self._before: Qualifier | None = None
        self._compared = ""  # the last word before was this measure

    def of(self, tree: Tree[Token]) -> Node:
        """Return the node of a ``start``, ``chain`` or ``term``, or of one of the primitives."""
        return getattr(self, f"_{tree.data}")(tree)  # type: ignore[no-any-return]

    def _start(self, tree: Tree[Token]) -> Node:
        return self.of(_subtree(tree, 0))

    def _chain(self, tree: Tree[Token]) -> Node:
        return self._joined(tree, self.of)

    def _joined(self, tree: Tree[Token], read: Callable[[Tree[Token]], Node]) -> Node:
        """Read ``first (joint next)*``."""
        first = read(_subtree(tree, 0))
        rest = tuple(
            (_joint(_subtree(tree, at)), read(_subtree(tree, at + 1))) for at in range(1, len(tree.children), 2)
        )
        return Chain(first, rest) if rest else first

    def _term(self, tree: Tree[Token]) -> Node:
        node = self.of(_subtree(tree, -1))
        return Not(node) if len(tree.children) % 2 == 0 else node

    # ---- Primitives

    def _alone(self, tree: Tree[Token]) -> Node:
        token = _token(tree, 0)
        if self._compared and token.replace(".", "").isalnum() and token[:1].isdigit() and token.count(".") < 3:
            raise _at(token, f"'{token}': {self._compared} {token}, or port {token}? Write it out")
        if self._before is None:
            return _each(token, "=", _read_alone)
        try:
            return _limited(self._before.limit, _each(token, "=", self._before.reader, self._before.lists))
        except FilterError as error:
            unlike = error
        try:
            return _each(token, "=", _read_alone)
        except FilterError:
            raise unlike from None

    def _protocol(self, tree: Tree[Token]) -> Node:
        return read_protocol(_token(tree, 0))

    def _proto(self, tree: Tree[Token]) -> Node:
        limit, _, operand = _children(tree)
        return self._qualified(Qualifier(_comparable(read_protocol, "a protocol"), limit), operand)

    def _placed(self, tree: Tree[Token]) -> Node:
        limit, ends, kind, operand = _children(tree)
        asked = _ends(ends)
        what = str(kind.children[0]).lower() if isinstance(kind, Tree) and kind.children else ""
        readers: dict[str, Reader] = {
            "host": _places(asked, partial=False),
            "net": _places(asked, partial=True),
            "port": _ports(asked),
            "portrange": _ports(asked),
            "": _anything(asked),
        }
        mask = _mask(operand)
        if mask is not None:
            return _limited(limit, _each_end(asked, lambda end: network_test(mask, end)))
        return self._qualified(Qualifier(readers[what], limit), operand)

    def _vlan(self, tree: Tree[Token]) -> Node:
        _, operand = _children(tree)
        if operand is None:
            return Test("VLAN", BOTH, (1, EVERY_NUMBER[1]))
        return self._qualified(Qualifier(_vlans), operand)

    def _tunnel(self, tree: Tree[Token]) -> Node:
        _, label = _children(tree)
        if label is None:
            return Test("TUNNEL", BOTH, (1, EVERY_NUMBER[1]))
        return self._qualified(Qualifier(_comparable(_read_tunnel, "a tunnel")), label)

    def _measure(self, tree: Tree[Token]) -> Node:
        ends, name, operand = _children(tree)
        measure = measure_named(str(name))
        asked = Ends((BOTH,)) if ends is None else _ends(ends)
        if measure.ends == "none" and ends is not None:
            raise _at(ends, f"{name} is not counted by direction; leave src, dst away")
        if measure.ends == "each" and ends is None:
            asked = Ends()
        node = self._qualified(Qualifier(_numbers(measure.field, measure.unit, asked)), operand)
        self._before, self._compared = None, str(name)
        return node

    def _flags(self, tree: Tree[Token]) -> Node:
        ends, _, label = _children(tree)
        asked = Ends((BOTH,)) if ends is None else _ends(ends)

        def read(text: str) -> Node:
            wanted = _flag_bits(text)
            return _each_end(asked, lambda end: Test("TCP_FLAGS", end, (wanted or 511, wanted)))

        return self._qualified(Qualifier(_comparable(read, "flags"), lists=False), label)

    def _state(self, tree: Tree[Token]) -> Node:
        return self._qualified(Qualifier(_comparable(_read_state, "a state")), tree.children[1])

    def _end(self, tree: Tree[Token]) -> Node:
        return self._qualified(Qualifier(_comparable(_read_end, "an end")), tree.children[1])

    # ---- Operands

    def _qualified(self, qualifier: Qualifier, operand: Any) -> Node:
        """Read ``operand`` by ``qualifier``, which later values may take over."""
        self._before, self._compared = qualifier, ""
        first = operand.children[0]
        if isinstance(first, Tree) and first.data in ("values", "names"):
            return _limited(qualifier.limit, self._joined(first, self._inner))
        comparison, value = operand.children[:2] if len(operand.children) > 1 else (None, first)
        token = value if isinstance(value, Token) else _token(value, 0)
        comparison = COMPARISONS[comparison.lower()] if comparison else "="
        return _limited(qualifier.limit, _each(token, comparison, qualifier.reader, qualifier.lists))

    def _inner(self, inner: Tree[Token]) -> Node:
        assert self._before is not None
        node = _each(_token(_subtree(inner, -1), 0), "=", self._before.reader, self._before.lists)
        return Not(node) if len(inner.children) % 2 == 0 else node


def _children(tree: Tree[Token]) -> list[Any]:
    """Return a tree's children: trees, tokens, and None for what was left out."""
    return tree.children


def _subtree(tree: Tree[Token], at: int) -> Tree[Token]:
    child = tree.children[at]
    assert isinstance(child, Tree)
    return child


def _token(tree: Tree[Token], at: int) -> Token:
    child = tree.children[at]
    assert isinstance(child, Token)
    return child


def _joint(tree: Tree[Token]) -> str:
    return "and" if _token(tree, 0).type == "AND" else "or"


def _at(place: Any, message: str) -> FilterError:
    token = place if isinstance(place, Token) else next(place.scan_values(lambda one: isinstance(one, Token)))
    return FilterError(message, token.start_pos or 0, token.end_pos or 0)


def _each(token: Token, comparison: str, reader: Reader, lists: bool = True) -> Node:
    """Read a value, or each of a list ``80,443``; what it cannot be is said of that part alone."""
    nodes, at = [], token.start_pos or 0
    for part in token.split(",") if lists else [str(token)]:
        try:
            if not part:
                raise ValueError("a value is missing beside this comma")
            nodes.append(reader(part, "=" if comparison == "!=" else comparison))
        except ValueError as error:
            raise FilterError(str(error), at, at + len(part)) from None
        at += len(part) + 1
    node = joined("or", nodes)
    return _opposite(node) if comparison == "!=" else node


def _opposite(node: Node) -> Node:
    """Return ``!=``: another value than this, where `not` would let pass who has none as well."""
    known = [Test(test.field, test.end, EVERY_NUMBER) for test in _tests(node) if test.field in PARTLY_KNOWN]
    other = Not(node)
    return joined("and", [joined("or", dict.fromkeys(known)), other]) if known else other


PARTLY_KNOWN = frozenset({
    "PORT", "ICMP_TYPE", "ICMP_CODE", "RETRANSMISSIONS", "OUT_OF_ORDER", "TTL", "DSCP", "RTT", "TCP_STATE", "TUNNEL_ID",
})  # fmt: skip


def _tests(node: Node) -> list[Test]:
    if isinstance(node, Test):
        return [node]
    if isinstance(node, Not):
        return _tests(node.of)
    return _tests(node.first) + [test for _, last in node.rest for test in _tests(last)]


def _limited(limit: Any, node: Node) -> Node:
    return node if limit is None else Chain(read_protocol(str(limit)), (("and", node),))


def _ends(tree: Any) -> Ends:
    kinds = [token.type for token in tree.children]
    if not kinds:
        return Ends()
    of = tuple(SOURCE if kind == "SRC" else DESTINATION for kind in kinds if kind in ("SRC", "DST"))
    return Ends(of, "and" if "AND" in kinds else "or")


def _each_end(asked: Ends, test: Callable[[int], Node]) -> Node:
    return joined(asked.joint, [test(end) for end in asked.of])


def _comparable(read: Callable[[str], Node], what: str) -> Reader:
    def reader(text: str, comparison: str) -> Node:
        if comparison != "=":
            raise ValueError(f"{what} can be = or !=, and neither less nor greater")
        return read(text)

    return reader


def _places(asked: Ends, partial: bool) -> Reader:
    def read(text: str) -> Node:
        network = read_network(text, partial)
        return _each_end(asked, lambda end: network_test(network, end))

    return _comparable(read, "an address")


def _ports(asked: Ends) -> Reader:
    def reader(text: str, comparison: str) -> Node:
        ranges = read_ports(text, comparison)
        return _each_end(asked, lambda end: ports_test(ranges, (end,)))

    return reader


def _anything(asked: Ends) -> Reader:
    """Read ``src 10.0.0.1`` and ``dst 443``: what it is, its looks say."""
    places, ports = _places(asked, partial=False), _ports(asked)

    def reader(text: str, comparison: str) -> Node:
        return (places if is_address(text) or "/" in text or ":" in text or "." in text else ports)(text, comparison)

    return reader


def _mask(operand: Any) -> Any:
    """Return the network of ``net ADDRESS mask MASK``, or None."""
    if len(operand.children) < 4 or operand.children[2] is None:
        return None
    address, mask = (_token(_subtree(operand, at), 0) for at in (1, 3))
    try:
        return masked(address, mask)
    except ValueError as error:
        raise _at(mask, str(error)) from None


def _numbers(field: str, unit: str, asked: Ends) -> Reader:
    def reader(text: str, comparison: str) -> Node:
        span: Range = number_range(text, comparison, unit, field in REAL_FIELDS)
        return _each_end(asked, lambda end: Test(field, end, span))

    return reader


def _vlans(text: str, comparison: str) -> Node:
    span = number_range(text, comparison, "count", real=False)
    if comparison == "=" and int(span[1]) > LAST_VLAN:  # tcpdump refuses it, too
        raise ValueError(f"'{text}' is no VLAN id: 0 to {LAST_VLAN}")
    return Test("VLAN", BOTH, span)


def _flag_bits(text: str) -> int:
    names = [name.removeprefix("tcp-") for name in text.lower().replace("+", ",").split(",")]
    if names == ["none"]:
        return 0
    if all(name in TCP_FLAGS for name in names):
        return sum(TCP_FLAGS[name] for name in set(names))
    if text.upper().strip(TCP_FLAG_LETTERS) == "":
        return sum(1 << TCP_FLAG_LETTERS.index(letter) for letter in set(text.upper()))
    wrong = next(name for name in names if name not in TCP_FLAGS)
    raise ValueError(f"'{wrong}' is no TCP flag ({' '.join(TCP_FLAGS)}, or letters: SA){nearest(wrong, TCP_FLAGS)}")


def _read_state(text: str) -> Node:
    name = text.lower().replace("-", "_")
    if name in ("live", "ended"):
        return Test("END_REASON", BOTH, (0, 0) if name == "live" else (1, EVERY_NUMBER[1]))
    if name not in TCP_STATES:
        known = {**TCP_STATES, "live": 0, "ended": 0}
        raise ValueError(f"'{text}' is no state ({' '.join(known)}){nearest(name, known)}")
    return Test("TCP_STATE", BOTH, (TCP_STATES[name], TCP_STATES[name]))


def _read_end(text: str) -> Node:
    name = text.lower().replace("-", "_")
    if name not in END_REASONS:
        raise ValueError(f"'{text}' is no end ({' '.join(END_REASONS)}){nearest(name, END_REASONS)}")
    return Test("END_REASON", BOTH, (END_REASONS[name], END_REASONS[name]))


def _read_tunnel(text: str) -> Node:
    name = text.lower().replace("-", "_")
    numbers = [number for number, (known, _) in enumerate(TUNNELS) if known == name and known]
    if not numbers:
        known = {name: 0 for name, _ in TUNNELS if name}
        raise ValueError(f"'{text}' is no tunnel ({' '.join(known)}){nearest(name, known)}")
    return joined("or", [Test("TUNNEL", BOTH, (number, number)) for number in numbers])


def _read_alone(text: str, comparison: str) -> Node:
    return read_alone(text, EITHER)
