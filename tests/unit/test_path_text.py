# SPDX-License-Identifier: BSD-2-Clause
from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xtop.path_text import absolute, complete, file_end, fitted_path


@given(st.text(st.characters(codec="ascii", categories=["L", "N"]), max_size=200), st.integers(8, 200))
def test_a_path_fits_and_keeps_its_end(path: str, width: int) -> None:
    shown = fitted_path(f"/{path}", width)
    assert len(shown) <= width
    assert shown[-(width // 2) :] == f"/{path}"[-(width // 2) :] or len(path) + 1 <= width
    assert shown == f"/{path}" or "…" in shown


def test_a_name_that_fits_is_whole() -> None:
    path = "/var/lib/somewhere/deep/down/in/the/tree/of/things/xtop-20260131-120000.ndjson"
    assert fitted_path(path, 40) == "/var/lib/s…s/xtop-20260131-120000.ndjson"
    assert fitted_path(path, 30) == "/…/xtop-20260131-120000.ndjson"


@pytest.mark.parametrize(
    ("width", "shown"),
    [
        (33, "/work/shared/pcaps/443-curl.pcap"),
        (31, "…/shared/pcaps/443-curl.pcap"),
        (27, "…/pcaps/443-curl.pcap"),
        (20, "…/443-curl.pcap"),
        (13, "443-curl.pcap"),
        (12, "443-curl.pc…"),
        (0, ""),
    ],
)
def test_of_a_file_the_name_stays_longer_than_its_directories(width: int, shown: str) -> None:
    assert file_end("/work/shared/pcaps/443-curl.pcap", width) == shown


def test_what_is_relative_begins_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", "/home/me")
    assert absolute(" a/../b ") == tmp_path / "b"
    assert absolute("~/a") == Path("/home/me/a")
    assert absolute("~nobody-of-this-name/a") == tmp_path / "~nobody-of-this-name/a"


def test_completion_of_a_directory_that_is_not_there(tmp_path: Path) -> None:
    assert complete(f"{tmp_path}/no/thing").names == ()
    assert complete(f"{tmp_path}/no/thing").text == f"{tmp_path}/no/thing"


def test_hidden_names_want_their_dot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in (".secret", "open"):
        (tmp_path / name).write_text("")
    assert complete("").text == "open"
    assert complete(".").text == ".secret"
    assert complete("~").text == "~/"
