# SPDX-License-Identifier: BSD-2-Clause
"""A settings file is followed to the letter or not at all, and what is wrong with it is one line that names the key."""

from __future__ import annotations

from pathlib import Path

import pytest

from xtop.filter_language.compiler import compile_filter
from xtop.key_choice import with_keys
from xtop.keymap import ALL_KEYS, shown
from xtop.screen_settings import ScreenSettings, first_view, hidden_regions
from xtop.settings_file import Settings, read_settings
from xtop.settings_table import SETTINGS, documentation
from xtop.source import SourceError

WHOLE = """
theme = "nord"
units = "bytes"
interval = 2.5
sort = "flows"
descending = false
group = "host"
directions = true
ended = true
filter = "port 443"
names = true
panels = ["queues", "loss"]
graph = ["dots", "packets"]
logarithmic = true

[columns]
flow = ["bps", "rtt"]
host = ["flows"]

[keys]
export = ["F2", "ctrl+e"]
quit = "x"
ended = "q"

[alerts]
on = false
above = "9.5G"
below = "100kB/s"
top_talker = 0.5
hosts = 10
ports = 0

[profile.night]
theme = "mono"
alerts.above = 2e9
"""


def settings_of(text: str, tmp_path: Path, profile: str | None = None) -> Settings:
    path = tmp_path / "config.toml"
    path.write_text(text, encoding="utf-8")
    return read_settings(profile, path)


def test_all_of_it(tmp_path: Path) -> None:
    settings = settings_of(WHOLE, tmp_path)
    screen = settings.screen
    assert settings.complaint == ""
    assert (screen.theme, screen.units, screen.interval) == ("nord", "bytes", 2.5)
    view = first_view(screen)
    assert (view.sort, view.descending, view.group, view.directions, view.ended) == ("flows", False, "host", True, True)
    assert view.filter == "port 443"
    assert compile_filter(view.filter)
    assert hidden_regions(screen.panels) == {"throughput", "sizes", "durations", "lengths", "gaps", "protocols"}
    assert (screen.look.graph_packets, screen.look.graph_minutes, screen.look.braille) == (True, False, True)
    assert screen.columns == {"flow": ("bps", "rtt"), "host": ("flows",)}
    by_name = {key.setting: key for key in screen.keys}
    assert by_name["export"].keys == ("f2", "ctrl+e")
    assert by_name["quit"].keys == ("x", "ctrl+c"), "ctrl+c always leaves"
    assert shown(screen.keys, "ended") == "q"
    assert screen.alerts_on is False
    limits = screen.alerts
    assert (limits.above, limits.below, limits.hosts, limits.ports) == (9.5e9, 800e3, 10, 0)


def test_a_profile_lies_over_the_rest(tmp_path: Path) -> None:
    screen = settings_of(WHOLE, tmp_path, "night").screen
    assert (screen.theme, screen.alerts_above, screen.units) == ("mono", 2e9, "bytes")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('theme = "nrod"', "theme: 'nrod' is none of nord"),
        ('tehme = "nord"', "tehme: there is no such key (is theme meant?)"),
        ("interval = 0", "interval: 0 is no number from 0.05 to 3600"),
        ("interval = true", "interval: true is no number"),
        ("ended = 1", "ended: 1 is neither true nor false"),
        ('sort = "flows"', "sort: flow has no column of flows"),
        ('group = "port"\nsort = "ttl"', "sort: port has no column of ttl"),
        ('filter = "prot 443"', "filter: column 1: "),
        ('panels = "loss"', "panels: 'loss' is no list"),
        ('[columns]\nflow = ["hue"]', "columns.flow: 'hue' is none of"),
        ("[columns]\nflow = []", "columns.flow: an empty list shows nothing"),
        ("[columns]\nfleet = []", "columns.fleet: there is no such table"),
        ('[keys]\nfly = "x"', "keys.fly: there is no such action"),
        ('[keys]\nexport = "hello"', "keys.export: 'hello' is no key"),
        ("[keys]\nexport = []", "keys.export: [] is no key"),
        ('[keys]\nexport = "q"', "keys: 'q' is the key of quit and of export"),
        ('[keys]\nexport = "/"', "keys: '/' is the key of filter and of export"),
        ("alerts.abov = 1", "alerts.abov: there is no such key (is alerts.above meant?)"),
        ('alerts.above = "9 gigs"', "alerts.above: ' gigs' is no unit here"),
        ('alerts.above = "1M"\nalerts.below = "2M"', "alerts.above: it is not greater than alerts.below"),
        ("alerts.hosts = 2.5", "alerts.hosts: 2.5 is no whole number"),
        ("profile.night = 3", "profile: profiles are tables"),
        ("a = ", "it cannot be read ("),
    ],
)
def test_what_is_wrong_is_one_line_that_names_the_key(tmp_path: Path, text: str, words: str) -> None:
    settings = settings_of(text, tmp_path)
    assert settings.complaint.startswith(words)
    assert settings.complaint.endswith("xtop starts with its defaults")
    assert "\n" not in settings.complaint
    assert len(settings.complaint) < 200
    assert settings.screen == ScreenSettings()


def test_a_fault_of_a_profile_is_named_there_and_only_where_it_is_used(tmp_path: Path) -> None:
    text = 'units = "bytes"\n[profile.night]\nunits = "nibbles"\n'
    assert settings_of(text, tmp_path).screen.units == "bytes"
    assert settings_of(text, tmp_path, "night").complaint.startswith("profile.night.units: 'nibbles' is none of")


def test_no_such_profile_is_an_error_of_usage(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"no profile 'day' in .*config.toml \(there are night; ") as error:
        settings_of(WHOLE, tmp_path, "day")
    assert error.value.exit_code == 2
    with pytest.raises(SourceError, match="it has none"):
        read_settings("day", tmp_path / "absent.toml")


def test_without_a_file_nothing_is_said_and_nothing_written(tmp_path: Path) -> None:
    assert read_settings(None, tmp_path / "absent.toml").complaint == ""
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("content", [b"\xff\xfe", b"a=" + b"[" * 100_000, b"#" * (2 << 20)])
def test_hostile_content_is_a_complaint(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "config.toml"
    path.write_bytes(content)
    assert read_settings(None, path).complaint.startswith("it cannot be read (")


def test_a_directory_in_its_place_is_a_complaint(tmp_path: Path) -> None:
    assert "Is a directory" in read_settings(None, tmp_path).complaint


def test_each_row_is_a_field_and_the_readme_has_them() -> None:
    assert [setting.field for setting in SETTINGS] == list(ScreenSettings.__dataclass_fields__)
    assert documentation() in (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")


def test_the_example_of_the_readme_works(tmp_path: Path) -> None:
    readme = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
    example = readme.partition("## Settings")[2].partition("For example:")[2].partition("\n| key")[0]
    settings = settings_of("\n".join(line.strip() for line in example.splitlines()), tmp_path, "night")
    assert settings.complaint == ""
    assert (settings.screen.theme, settings.screen.interval, settings.screen.alerts_above) == ("mono", 5, 9e9)


def test_actions_have_names_of_their_own() -> None:
    names = [key.setting for key in ALL_KEYS]
    assert len(set(names)) == len(names)
    assert all(name.isidentifier() for name in names)


def test_the_usual_keymap_stays_where_nothing_changes() -> None:
    assert with_keys({}) == ALL_KEYS
