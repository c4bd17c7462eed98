# SPDX-License-Identifier: BSD-2-Clause
"""The one table of keys: what the keyboard does, the key line, the help screen and the manual come from it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Key:
    """One thing that the user can do. ``keys`` are the framework's names, ``shown`` what is printed on the key."""

    keys: tuple[str, ...]
    shown: str
    action: str
    help: str
    group: str
    label: str = ""  # on the key line; empty: not there
    priority: bool = False  # taken before what has the focus; acts before the next key is looked at
    name: str = ""  # where the action alone would not do as one

    @property
    def setting(self) -> str:
        """What the settings file calls it."""
        return self.name or self.action


Keymap = tuple[Key, ...]


KEYMAP: Keymap = (
    Key(("q", "ctrl+c"), "q", "quit", "quit; a capture that was attached to goes on", "xtop", "quit", True),
    Key(("question_mark", "f1"), "?", "help", "this page", "xtop", "help"),
    Key(("t",), "t", "next_theme", "next theme: colours, light, mono", "xtop", "theme"),
    Key(("i",), "i", "interface", "watch another interface", "xtop"),
    Key(("ctrl+p",), "ctrl+p", "command_palette", "find a command by its name", "xtop"),
    Key(("slash",), "/", "filter", "filter, as you type; ↑ brings earlier ones, Esc clears", "Flows", "filter", True),
    Key(("equals_sign",), "=", "filter_row", "filter by the selected row, or the flow in detail, alone", "Flows"),
    Key(("s",), "s", "next_sort", "sort by the next column (or click its header)", "Flows", "sort"),
    Key(("S", "upper_s"), "S", "reverse", "reverse the order (or click the header again)", "Flows", "reverse"),
    Key(("a",), "a", "group", "add up by host, host pair, port, protocol, VLAN; flows again", "Flows", "group"),
    Key(("d",), "d", "directions", "each direction as a row of its own, or both joined", "Flows", "split"),
    Key(("c",), "c", "choose_columns", "choose the columns and their order, for good", "Flows", "columns"),
    Key(("n",), "n", "names", "names of hosts (reverse DNS) and services, or numbers", "Flows", "names"),
    Key(("x",), "x", "ended", "show ended flows too", "Flows", "ended"),
    Key(("u",), "u", "units", "rates in bits or in bytes", "Flows", "units"),
    Key(("up", "k"), "↑ k", "select(-1)", "select the flow above", "Flows", name="up"),
    Key(
        ("down", "j"), "↓ j", "select(1)", "select the flow below; it stays selected as it moves", "Flows", name="down"
    ),
    Key(("pageup",), "PgUp", "page(-1)", "a page up", "Flows", name="page_up"),
    Key(("pagedown",), "PgDn", "page(1)", "a page down", "Flows", name="page_down"),
    Key(("home", "g"), "Home g", "edge(-1)", "the first flow", "Flows", name="first"),
    Key(("end", "G", "upper_g"), "End G", "edge(1)", "the last flow", "Flows", name="last"),
    Key(("enter",), "⏎", "detail", "the selected flow in full", "Flows", "detail"),
    Key(("left",), "←", "columns(-1)", "columns to the left", "Flows", name="left"),
    Key(("right",), "→", "columns(1)", "columns to the right", "Flows", name="right"),
    Key(("escape",), "Esc", "deselect", "let go of the selected flow; then clear the filter", "Flows"),
    Key(("p", "space"), "p", "pause", "hold the screen; the capture goes on (space, too)", "Moment", "pause"),
    Key(
        ("left_square_bracket",),
        "[",
        "step(-1)",
        "back in time, one refresh; up to 15 minutes",
        "Moment",
        "back",
        name="back",
    ),
    Key(("right_square_bracket",), "]", "step(1)", "forward in time, one refresh", "Moment", name="forward"),
    Key(("left_curly_bracket",), "{", "jump(-60)", "back by a minute", "Moment", name="back_minute"),
    Key(("right_curly_bracket",), "}", "jump(60)", "forward by a minute", "Moment", name="forward_minute"),
    Key(("z",), "z", "zero", "count from here: losses, totals, histograms, on this screen only", "Moment"),
    Key(("Z", "upper_z"), "Z", "unzero", "count from the start of the capture again", "Moment"),
    Key(("A", "upper_a"), "A", "alert_log", "alerts: what was worth saying, the newest first", "Moment"),
    Key(("o",), "o", "alerts", "alerts on or off", "Moment"),
    Key(("e",), "e", "export", "write flows to a file: json, csv, text, parquet, ipfix", "Moment", "export"),
    Key(("w",), "w", "packets", "write the packets of the flow, selected or in detail; again ends it", "Moment"),
    Key(("E", "upper_e"), "E", "picture", "write a picture of the screen, as SVG, into this directory", "Moment"),
    Key(("1",), "1", "panel(1)", "show or hide the throughput", "Panels", name="throughput"),
    Key(("2",), "2", "panel(2)", "show or hide the queues", "Panels", name="queues"),
    Key(("3",), "3", "panel(3)", "show or hide the packet sizes", "Panels", name="sizes"),
    Key(
        ("4",),
        "4",
        "panel(4)",
        "show or hide the flows' durations, packets and times between packets",
        "Panels",
        name="flow_shapes",
    ),
    Key(("5",), "5", "panel(5)", "show or hide the protocols", "Panels", name="protocols"),
    Key(("6",), "6", "panel(6)", "show or hide the losses", "Panels", name="loss"),
    Key(
        ("v",),
        "v",
        "look('graph_packets')",
        "graph of packets or of bits (a high one has both)",
        "Panels",
        name="graph_packets",
    ),
    Key(("m",), "m", "look('graph_minutes')", "graph of ten minutes or of one", "Panels", name="graph_minutes"),
    Key(("b",), "b", "look('braille')", "graph in dots or in blocks", "Panels", name="graph_dots"),
    Key(("l",), "l", "look('logarithmic')", "histograms with logarithmic or linear bars", "Panels", name="logarithmic"),
)

DETAIL = "A flow's detail"  # the group of keys that come before the others while a flow's detail is open

DETAIL_KEYS: Keymap = (
    Key(("escape", "enter"), "Esc", "close", "back to the flows", DETAIL, "close"),
    Key(("y",), "y", "copy('filter')", "copy the filter that selects just this flow", DETAIL, "copy filter",
        name="copy_filter"),
    Key(("Y", "upper_y"), "Y", "copy('tcpdump')", "copy the same for tcpdump", DETAIL, "copy tcpdump",
        name="copy_tcpdump"),
    Key(("up", "k"), "↑ k", "scroll(-1)", "a line up", DETAIL, name="line_up"),
    Key(("down", "j"), "↓ j", "scroll(1)", "a line down", DETAIL, name="line_down"),
    Key(("pageup",), "PgUp", "page(-1)", "a page up", DETAIL, name="detail_page_up"),
    Key(("pagedown",), "PgDn", "page(1)", "a page down", DETAIL, name="detail_page_down"),
    Key(("home", "g"), "Home g", "edge(-1)", "the top", DETAIL, name="top"),
    Key(("end", "G", "upper_g"), "End G", "edge(1)", "the end", DETAIL, name="bottom"),
)  # fmt: skip
# The groups of keys of what lies over the table. A window is the help, the log of alerts, or one of those that ask.
WINDOW, CHOOSER, LINKS = "In a window", "Choosing columns", "Choosing an interface"
EXPORTING, TYPING = "Exporting", "Typing a filter"

WINDOW_KEYS: Keymap = (
    Key(("escape",), "Esc", "close", "close it", WINDOW, name="window_close"),
    Key(("up", "k"), "↑ k", "line(-1)", "a line up", WINDOW, name="window_up"),
    Key(("down", "j"), "↓ j", "line(1)", "a line down", WINDOW, name="window_down"),
    Key(("pageup",), "PgUp", "page(-1)", "a page up", WINDOW, name="window_page_up"),
    Key(("pagedown",), "PgDn", "page(1)", "a page down", WINDOW, name="window_page_down"),
    Key(("home", "g"), "Home g", "edge(-1)", "the top", WINDOW, name="window_top"),
    Key(("end", "G", "upper_g"), "End G", "edge(1)", "the end", WINDOW, name="window_bottom"),
)
CHOOSER_KEYS: Keymap = (
    Key(("space",), "space", "mark", "show the column, or hide it", CHOOSER, name="column_mark"),
    Key(("left", "K", "upper_k", "shift+up"), "← K", "carry(-1)", "move the column towards the left", CHOOSER,
        name="column_left"),
    Key(("right", "J", "upper_j", "shift+down"), "→ J", "carry(1)", "move the column towards the right", CHOOSER,
        name="column_right"),
    Key(("r",), "r", "usual", "the usual columns again", CHOOSER, name="usual_columns"),
    Key(("enter",), "⏎", "close", "done", CHOOSER, name="columns_done"),
)  # fmt: skip
LINKS_KEYS: Keymap = (Key(("enter",), "⏎", "watch", "watch this interface", LINKS, name="watch"),)
EXPORT_KEYS: Keymap = (
    Key(("enter",), "⏎", "write", "write; replace a file, where that was asked", EXPORTING, name="export_write"),
    Key(("escape",), "Esc", "leave", "leave; an export that is under way goes on", EXPORTING, name="export_leave"),
    Key(("tab",), "Tab", "complete", "complete the path", EXPORTING, name="complete"),
    Key(("up",), "↑", "app.focus_previous", "the line above", EXPORTING, name="export_up", priority=True),
    Key(("down",), "↓", "app.focus_next", "the line below", EXPORTING, name="export_down", priority=True),
    Key(("left",), "←", "choose(-1)", "the choice before (in the path: the cursor)", EXPORTING, name="choice_left"),
    Key(("right", "space"), "→", "choose(1)", "the next choice (space, too)", EXPORTING, name="choice_right"),
    Key(("f8",), "F8", "call_off", "call the export off", EXPORTING, name="call_off"),
)
TYPING_KEYS: Keymap = (
    Key(("enter",), "⏎", "submit", "keep the filter", TYPING, name="filter_keep"),
    Key(("escape",), "Esc", "leave", "clear it", TYPING, name="filter_leave"),
    Key(("up",), "↑", "leaf(-1)", "an earlier filter", TYPING, name="filter_earlier"),
    Key(("down",), "↓", "leaf(1)", "a later one", TYPING, name="filter_later"),
)
ALL_KEYS: Keymap = (
    *KEYMAP, *DETAIL_KEYS, *WINDOW_KEYS, *CHOOSER_KEYS, *LINKS_KEYS, *EXPORT_KEYS, *TYPING_KEYS,
)  # fmt: skip

# Where keys are pressed: there, no two of these groups may want the same key.
TABLE: tuple[str, ...] = tuple(dict.fromkeys(key.group for key in KEYMAP))
PLACES: tuple[tuple[str, ...], ...] = (TABLE, (DETAIL,), (WINDOW, CHOOSER), (WINDOW, LINKS), (EXPORTING,), (TYPING,))

# Those that a narrow terminal has no room for are left out from the end, help and quit never.
LINE_ORDER: tuple[str, ...] = (
    *("filter", "sort", "detail", "group", "pause", "back", "export", "units", "ended", "columns", "names", "split"),
    *("reverse", "theme", "help", "quit"),
)
DETAIL_ORDER: tuple[str, ...] = ("pause", "back", "units", "help", "quit")


def key_line(keymap: Keymap = ALL_KEYS) -> Keymap:
    """Return the keys of the key line, in its order."""
    by_label = {key.label: key for key in keymap if key.label}
    return tuple(by_label[label] for label in LINE_ORDER)


# What nobody looks for by its name.
MOVES: frozenset[str] = frozenset({
    "up", "down", "page_up", "page_down", "first", "last", "left", "right", "deselect", "command_palette",
})  # fmt: skip

# What of KEYMAP works while a flow's detail lies over the table: what acts on a flow, and what not on the table.
ANYWHERE: frozenset[str] = frozenset({
    "quit", "help", "next_theme", "command_palette", "units", "pause", "step(-1)", "step(1)", "jump(-60)", "jump(60)",
    "zero", "unzero", "names", "filter_row", "export", "packets", "picture",
})  # fmt: skip

# And what does not, and says so; a move of the table's is no loss there.
OF_TABLE: frozenset[str] = frozenset(
    key.action for key in KEYMAP if key.action not in ANYWHERE and key.setting not in MOVES
)


def detail_line(keymap: Keymap = ALL_KEYS) -> Keymap:
    """Return the keys of the key line of a flow's detail, in its order."""
    by_label = {key.label: key for key in keymap if key.label}
    own = (key for key in keymap if key.label and key.group == DETAIL)
    return (*own, *(by_label[label] for label in DETAIL_ORDER))


def works(action: str, parameters: tuple[object, ...], detail_open: bool) -> bool:
    """Return whether an action of the table does anything now; actions that are in no table always may."""
    called = f"{action}({', '.join(map(repr, parameters))})" if parameters else action
    return not detail_open or called in ANYWHERE or called not in {key.action for key in KEYMAP}


def shown(keymap: Keymap, setting: str) -> str:
    """Return what is printed on the (first) key of an action, for a sentence that names it."""
    return next(key.shown.split()[0] for key in keymap if key.setting == setting)


def groups(keymap: Keymap = ALL_KEYS) -> dict[str, Keymap]:
    """Return the keys by group, both in the order of the table."""
    names = dict.fromkeys(key.group for key in keymap)
    return {name: tuple(key for key in keymap if key.group == name) for name in names}
