# SPDX-License-Identifier: BSD-2-Clause
"""Reads the user's settings: config.toml, and in it the profiles laid over the rest. Nothing is ever written there."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from xtop.column_choice import config_directory
from xtop.columns import sortable
from xtop.screen_settings import ScreenSettings
from xtop.setting_values import KeyedError
from xtop.settings_table import SETTINGS
from xtop.source import SourceError

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

PROFILES = "profile"  # the table of profiles, each with the keys of the file itself
MOST_BYTES = 1 << 20
INSTEAD = "xtop starts with its defaults"


@dataclass(frozen=True, slots=True)
class Settings:
    """What the screen begins with, and one line where the file could not be followed."""

    screen: ScreenSettings = field(default_factory=ScreenSettings)
    complaint: str = ""
    path: Path = field(default_factory=lambda: settings_path())


def settings_path() -> Path:
    """Return where the file lies."""
    return config_directory() / "config.toml"


def read_settings(profile: str | None = None, path: Path | None = None) -> Settings:
    """Return what the file says; where it is wrong, what xtop begins with otherwise, and why.

    Raises SourceError where it has no such profile.
    """
    path = path or settings_path()
    try:
        read = _read(path)
    except (OSError, ValueError, RecursionError) as error:
        reason = (error.strerror or str(error)) if isinstance(error, OSError) else _one_line(error)
        return Settings(complaint=f"it cannot be read ({reason}); {INSTEAD}", path=path)
    try:
        return Settings(_checked(_laid_over(read, profile, path)), path=path)
    except KeyedError as error:
        return Settings(complaint=f"{error.key}: {_one_line(error)}; {INSTEAD}", path=path)


def _read(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as stream:
            content = stream.read(MOST_BYTES + 1)
    except FileNotFoundError:
        return {}
    if len(content) > MOST_BYTES:
        raise ValueError("it is too long")
    table: dict[str, Any] = tomllib.loads(content.decode("utf-8"))
    return table


def _laid_over(read: dict[str, Any], profile: str | None, path: Path) -> dict[str, tuple[str, Any]]:
    """Return the value of each setting, and the key that it stands under; the profile's come over the file's."""
    profiles = read.pop(PROFILES, {})
    if not isinstance(profiles, dict) or not all(isinstance(one, dict) for one in profiles.values()):
        raise KeyedError(PROFILES, f"profiles are tables, like [{PROFILES}.night]")
    values = _flat(read, "")
    if profile is not None:
        if profile not in profiles:
            there = f"there are {', '.join(profiles)}" if profiles else "it has none"
            raise SourceError(f"no profile '{profile}' in {path} ({there}; see Settings in the README)", 2)
        values |= _flat(profiles[profile], f"{PROFILES}.{profile}.")
    return values


def _flat(read: Mapping[str, Any], before: str) -> dict[str, tuple[str, Any]]:
    known = {setting.key for setting in SETTINGS}
    sections = {key.partition(".")[0] for key in known if "." in key}
    values: dict[str, tuple[str, Any]] = {}
    for key, value in read.items():
        if key in sections and isinstance(value, dict):
            within = {f"{key}.{name}": inner for name, inner in value.items()}
        else:
            within = {key: value}
        for name, inner in within.items():
            if name not in known:
                near = get_close_matches(name, known, 1)
                raise KeyedError(before + name, f"there is no such key{f' (is {near[0]} meant?)' if near else ''}")
            values[name] = (before + name, inner)
    return values


def _checked(values: Mapping[str, tuple[str, Any]]) -> ScreenSettings:
    fields = {}
    for setting in SETTINGS:
        if setting.key not in values:
            continue
        written, value = values[setting.key]
        try:
            fields[setting.field] = setting.read(value)
        except KeyedError as error:
            raise KeyedError(f"{written}.{error.key}", str(error)) from None
        except ValueError as error:
            raise KeyedError(written, str(error)) from None
    screen = ScreenSettings(**fields)
    if screen.sort not in {column.sort for column in sortable(screen.group)}:
        written = values["sort" if "sort" in values else "group"][0]
        raise KeyedError(written, f"{screen.group} has no column of {screen.sort}")
    if screen.alerts_above and screen.alerts_below and screen.alerts_above <= screen.alerts_below:
        raise KeyedError(values["alerts.above"][0], "it is not greater than alerts.below")
    return screen


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())
