# SPDX-License-Identifier: BSD-2-Clause
"""Where files are to go: file systems that take none, or not all, mounted for one command in a namespace of its own."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from .conftest import ROOT, program

PCAP = ROOT / "tests/scenarios/pcaps/zoom.pcap"
READ_ONLY = "mount -t tmpfs none {place} && mount -o remount,ro {place} && "
SMALL = "mount -t tmpfs -o size=4k none {place} && "


def run(mount: str, place: Path, arguments: str) -> tuple[int, str, list[str]]:
    """Return the exit code, what was said, and the names that are in ``place`` afterwards."""
    script = mount.format(place=place) + f"{program('xtop')} {arguments}; code=$?; echo; ls -A {place}; exit $code"
    done = subprocess.run(["unshare", "-m", "sh", "-c", script], capture_output=True, text=True, timeout=60)
    assert done.stderr.count("\n") == 1, done.stderr
    return done.returncode, done.stderr, done.stdout.split()


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        ("snapshot -r no/such/file -o {place}/out", "its directory may not be written; name a file elsewhere"),
        (
            "snapshot -r no/such/file --every 1 -o {place}/out",
            "its directory may not be written; name a file elsewhere",
        ),
        ("demo -o {place}/out", "its directory may not be written; name a file elsewhere"),
        (f"record -r {PCAP} -o {{place}}/out", "its directory may not be written; name a file elsewhere"),
        ("record -r no/such/file --store {place}", "it may not be written; name another directory"),
        ("record -r no/such/file --store {place}/new", "Read-only file system; name another directory"),
    ],
)
def test_a_place_that_takes_nothing_is_refused_first(root: None, tmp_path: Path, arguments: str, why: str) -> None:
    code, said, left = run(READ_ONLY, tmp_path, arguments.format(place=tmp_path))
    assert (code, left) == (2, [])
    assert said.startswith(f"xtop: error: cannot write {'to ' if '--store' in arguments else ''}{tmp_path}")
    assert said.endswith(f" ({why})\n")


@pytest.mark.parametrize("arguments", ["snapshot -r {pcap} -o {place}/out", "record -r {pcap} -o {place}/out"])
def test_a_file_that_finds_no_room_leaves_nothing(root: None, tmp_path: Path, arguments: str) -> None:
    code, said, left = run(SMALL, tmp_path, arguments.format(pcap=PCAP, place=tmp_path))
    assert (code, left) == (1, [])
    assert said == f"xtop: error: cannot write {tmp_path}/out (No space left on device; free some space)\n"


def test_a_store_that_finds_no_room_says_what_it_has(root: None, tmp_path: Path) -> None:
    full = SMALL + "head -c 4096 /dev/zero >{place}/other && "
    code, said, _ = run(full, tmp_path, f"record -r {PCAP} --store {tmp_path}")
    why = "No space left on device, 0 moments are kept; free some space, or give less --store-size"
    assert (code, said) == (1, f"xtop: error: cannot write to {tmp_path} ({why})\n")
