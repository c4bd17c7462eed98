# SPDX-License-Identifier: BSD-2-Clause
"""``xtop tune`` on real links in a namespace; ethtool(8) is the witness of what was changed and put back."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from .conftest import Link

ROOT = Path(__file__).resolve().parents[2]
START = "import sys; from xtop.cli import main; sys.exit(main())"


@dataclass
class Tuned:
    """A link with four queues and a state directory of its own."""

    link: Link
    state: Path

    def command(self, *options: str, interface: str = "v1") -> list[str]:
        return self.link.command(sys.executable, "-c", START, "tune", "-i", interface, *options)

    def environment(self) -> dict[str, str]:
        return {**os.environ, "XDG_STATE_HOME": str(self.state), "PYTHONPATH": str(ROOT)}

    def run(self, *options: str, interface: str = "v1") -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.command(*options, interface=interface),
            capture_output=True,
            text=True,
            timeout=60,
            env=self.environment(),
            cwd="/",
        )

    def report(self, *options: str, interface: str = "v1") -> dict[str, Any]:
        done = self.run(*options, "--format", "json", interface=interface)
        assert done.returncode == 0, done.stderr
        answer: dict[str, Any] = json.loads(done.stdout)
        assert answer["schema"] == "xtop.tune/1"
        return answer

    def ip(self, *options: str) -> None:
        subprocess.run(self.link.command("ip", *options), check=True)

    def ethtool(self, *options: str) -> str:
        return subprocess.run(self.link.command("ethtool", *options), capture_output=True, text=True).stdout

    def witness(self, interface: str = "v1") -> dict[str, str]:
        """All that ethtool tells of the link."""
        return {option: self.ethtool(option, interface) for option in ("-l", "-g", "-c", "-k", "-x")}

    def kept(self) -> list[Path]:
        return list((self.state / "xtop" / "tune").glob("*.json"))


@pytest.fixture
def tuned(make_link: Callable[..., Link], tmp_path: Path) -> Tuned:
    return Tuned(make_link(queues=4), tmp_path)


def cores() -> int:
    """Cores of this machine by lscpu(1)."""
    listed = subprocess.run(["lscpu", "-p=CORE,SOCKET"], capture_output=True, text=True, check=True).stdout
    return len({line for line in listed.splitlines() if not line.startswith("#")})


def rx_queues(text: str) -> int:
    """The RX line of the current settings of ``ethtool -l``."""
    current = text.split("Current hardware settings:")[1]
    return int(next(line for line in current.splitlines() if line.startswith("RX:")).split()[1])


def test_the_plan_changes_nothing(tuned: Tuned) -> None:
    before = tuned.witness()
    report = tuned.report()
    wanted = {change["key"]: change["wanted"] for change in report["changes"]}
    assert wanted.get("channels.rx", 4) == min(4, cores())
    assert wanted["features.rx-vlan-hw-parse"] == "off"
    assert {entry["what"]: entry["why"] for entry in report["not_offered"]}["rings"] == "Operation not supported"
    assert tuned.witness() == before
    assert tuned.kept() == []
    text = tuned.run().stdout
    assert "features.rx-vlan-hw-parse" in text
    assert "on → off" in text
    assert "Nothing was changed." in text


def test_apply_and_undo_as_ethtool_sees_them(tuned: Tuned) -> None:
    before = tuned.witness()
    tuned.report("--apply")
    after = tuned.witness()
    assert rx_queues(after["-l"]) == min(4, cores())
    assert "rx-vlan-offload: off" in after["-k"]
    assert "rx-vlan-stag-hw-parse: off" in after["-k"]
    assert len(tuned.kept()) == 1
    assert tuned.report("--apply")["outcomes"] == []
    assert tuned.witness() == after
    tuned.report("--undo")
    assert tuned.witness() == before
    assert tuned.kept() == []
    again = tuned.run("--undo")
    assert (again.returncode, again.stdout.splitlines()[-1]) == (0, "Nothing to undo.")


def test_only_what_was_changed_is_put_back(tuned: Tuned) -> None:
    """An offload that xtop found as it likes it, and that somebody changes later, is none of --undo's business."""
    tuned.ethtool("-K", "v1", "rxvlan", "off")
    tuned.report("--apply")
    tuned.ethtool("-K", "v1", "rxvlan", "on", "tso", "off")
    tuned.report("--undo")
    features = tuned.ethtool("-k", "v1")
    assert "rx-vlan-offload: on" in features
    assert "tcp-segmentation-offload: off" in features
    assert rx_queues(tuned.ethtool("-l", "v1")) == 4


def test_what_somebody_changed_since_is_left_and_said(tuned: Tuned) -> None:
    before = tuned.witness()
    tuned.ethtool("-L", "v1", "rx", "3")
    tuned.report("--apply")
    tuned.ethtool("-L", "v1", "rx", "4")
    outcomes = {outcome["key"]: outcome for outcome in tuned.report("--undo")["outcomes"]}
    if cores() != 3:
        assert outcomes["channels.rx"]["result"] == "left"
        assert "--force" in outcomes["channels.rx"]["words"]
    assert tuned.witness() == before  # 4, as somebody set it
    tuned.report("--undo", "--force")
    assert rx_queues(tuned.ethtool("-l", "v1")) == 3
    assert tuned.kept() == []


def test_an_interface_that_was_renamed_is_known(tuned: Tuned) -> None:
    before = tuned.witness()
    tuned.report("--apply")
    tuned.ip("link", "set", "v1", "down")
    tuned.ip("link", "set", "v1", "name", "mirror0")
    report = tuned.report("--undo", interface="mirror0")
    assert report["notes"] == ["mirror0 was called v1 when it was tuned"]
    tuned.ip("link", "set", "mirror0", "name", "v1")
    assert tuned.witness() == before


def test_an_interface_that_was_made_anew_is_not_mistaken_for_the_old_one(tuned: Tuned) -> None:
    tuned.report("--apply")
    tuned.ip("link", "del", "v1")
    ends = ("numrxqueues", "4", "numtxqueues", "4")
    tuned.ip("link", "add", "v0", *ends, "type", "veth", "peer", "name", "v1", *ends)
    fresh = tuned.witness()
    report = tuned.report("--undo")
    assert "was made anew since it was tuned" in report["notes"][0]
    assert report["outcomes"] == []
    assert tuned.witness() == fresh
    assert tuned.kept() == []


def test_another_address_needs_force(tuned: Tuned) -> None:
    before = tuned.witness()
    tuned.report("--apply")
    tuned.ip("link", "set", "v1", "address", "02:00:00:00:00:77")
    refused = tuned.run("--undo")
    assert refused.returncode == 2
    assert refused.stderr.startswith("xtop: error: not undoing on v1 (it has the address 02:00:00:00:00:77 and had ")
    tuned.report("--undo", "--force")
    assert tuned.witness() == before


def test_a_driver_that_refuses_says_why_and_nothing_ends(tuned: Tuned) -> None:
    tuned.ip("tuntap", "add", "t0", "mode", "tap", "multi_queue")
    before = tuned.witness("t0")
    report = tuned.report("--apply", interface="t0")
    assert [(one["key"], one["result"], one["words"]) for one in report["outcomes"]] == [
        ("channels.combined", "refused", "Operation not supported")
    ]
    assert tuned.witness("t0") == before
    assert tuned.kept() == []  # nothing was changed, so there is nothing to undo


def test_a_link_without_anything_to_tune(tuned: Tuned) -> None:
    report = tuned.report("--apply", interface="lo")
    assert report["changes"] == report["outcomes"] == []


def test_without_a_place_for_what_was_before_nothing_is_changed(tuned: Tuned) -> None:
    before = tuned.witness()
    (tuned.state / "xtop").write_text("a file is in the way")
    done = tuned.run("--apply")
    assert done.returncode == 1
    assert done.stderr.startswith("xtop: error: cannot keep what was before in ")
    assert done.stderr.count("\n") == 1
    assert tuned.witness() == before


def test_without_rights_there_is_a_plan_and_no_more(tuned: Tuned) -> None:
    def run(*options: str) -> subprocess.CompletedProcess[str]:
        unprivileged = ["setpriv", "--bounding-set=-all", "--inh-caps=-all", *tuned.command(*options)[2:]]
        command = tuned.link.command(*unprivileged)
        return subprocess.run(command, capture_output=True, text=True, timeout=60, env=tuned.environment(), cwd="/")

    assert "rx-vlan-hw-parse" in run().stdout
    for action in ("--apply", "--undo"):
        done = run(action)
        assert done.returncode == 3
        assert done.stderr == (
            f"xtop: error: cannot tune v1 (CAP_NET_ADMIN is missing; run: sudo xtop tune -i v1 {action})\n"
        )


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("tune",), "nothing to tune"),
        (("tune", "-i", "nosuch0"), "there is no interface nosuch0 (there are "),
        (("tune", "-i", "lo", "-i", "v1"), "cannot tune lo and v1 at once"),
        (("tune", "-i", "lo", "--apply", "--undo"), "not allowed with argument"),
        (("tune", "-i", "lo", "--apply", "--force"), "--force is for --undo"),
        (("doctor", "-i", "nosuch0"), "there is no interface nosuch0 (there are "),
        (("doctor", "-i", "a name far too long"), "there is no interface a name far too long"),
    ],
)
def test_impossible_requests(tuned: Tuned, options: tuple[str, ...], words: str) -> None:
    command = tuned.link.command(sys.executable, "-c", START, *options)
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, env=tuned.environment(), cwd="/")
    assert done.returncode == 2, done.stderr
    assert done.stderr.startswith("xtop: error: ")
    assert done.stderr.count("\n") == 1
    assert words in done.stderr
    assert done.stdout == ""


def test_killed_at_any_moment_it_can_still_be_undone(tuned: Tuned) -> None:
    before = tuned.witness()
    pick = random.Random(4)
    for _ in range(6):
        process = subprocess.Popen(
            tuned.command("--apply"),
            env=tuned.environment(),
            cwd="/",
            stdout=subprocess.DEVNULL,
            start_new_session=True,
        )
        deadline = time.monotonic() + 40
        while not tuned.kept() and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.001)
        time.sleep(pick.uniform(0, 0.05))
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        tuned.report("--undo")
        assert tuned.witness() == before
        assert tuned.kept() == []
