# SPDX-License-Identifier: BSD-2-Clause
"""The command line as a user meets it: each case is a process of its own."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from pathlib import Path

import pytest

from xtop.cli import COMMANDS, build_parser
from xtop.commands.snapshot import next_moment
from xtop.options import capture_settings
from xtop.settings import CaptureSettings, LinkSettings

ROOT = Path(__file__).parents[2]


def xtop(*arguments: str, environment: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", "import sys; from xtop.cli import main; sys.exit(main())", *arguments],
        cwd=ROOT,
        env={**os.environ, **(environment or {})},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize(
    ("line", "part"),
    [
        ("frobnicate", "no command 'frobnicate'"),
        ("--bogus", "unrecognized arguments: --bogus"),
        ("snapshot -r one.pcap -r other.pcap", "-r is given twice"),
        ("snapshot -r one.pcap -o one.json --output other.json", "--output is given twice"),
        ("-i lo --capture ebpf --filter tcp", "use --capture af_packet"),
        ("-i lo --capture ebpf --dedup", "--dedup is not for --capture ebpf"),
        ("snapshot -i lo --capture ebpf --dedup-window 1", "--dedup is not for --capture ebpf"),
        ("-i lo --capture af_xdp", "refusing to redirect lo (it is the host's loopback"),
        ("-i lo --capture magic", "invalid choice: 'magic'"),
        ("-i lo -q 3-1", "'3-1' runs backwards"),
        ("-i lo -q 0-256", "256 are the most"),
        ("-i lo -t 0", "'0' is not a whole number from 1 to 256"),
        ("-i lo --ring 1000", "not a power of two"),
        ("-i lo -n 0", "not a number of seconds"),
        ("-i lo -n nan", "not a number of seconds"),
        ("-i lo --idle-timeout -1", "not a number of seconds"),
        ("-i lo -r file", "not allowed with"),
        ("-i lo -S -N", "not allowed with"),
        ("-i lo -z -c", "not allowed with"),
        ("-i lo -p --busy-poll", "not allowed with"),
        ("-i", "expected one argument"),
        ("snapshot", "nothing to watch"),
        ("snapshot -i lo -i no-such-if", "no interface no-such-if"),
        ("snapshot --demo --realtime", "--realtime is for files"),
        ("snapshot -r - --realtime -n 1", "give --duration, too"),
        ("snapshot --demo --every 1 --format csv", "a series cannot be csv"),
        ("snapshot --demo --count 3", "--count is for a series"),
        ("snapshot --demo --format xml", "invalid choice: 'xml'"),
        ("snapshot --demo --sort colour", "invalid choice: 'colour'"),
        ("snapshot -r file --seed 1", "--seed is for --demo"),
        ("snapshot -i lo --seed 1", "--seed is for --demo"),
        ("record -r file --store dir --flow-filter udp", "--flow-filter is about exports (give -o FILE or --ipfix URL"),
        ("record -r file --metrics 127.0.0.1:1 --uniflow", "--uniflow is about exports"),
        ("record -r file --store dir --ipfix-refresh 5", "--ipfix-refresh is about exports"),
        (
            "record -r file --ipfix tcp://127.0.0.1:4740 --ipfix-ca ca.pem",
            "--ipfix-ca is for TLS (no collector is tls://",
        ),
        ("record -r file --ipfix udp://127.0.0.1 --ipfix-no-verify", "--ipfix-no-verify is for TLS"),
        ("record -r file --ipfix tls://127.0.0.1 --ipfix-key key.pem", "give --ipfix-cert, too"),
        ("snapshot -r no/such/file", "No such file or directory"),
        ("snapshot --demo -o /", "it is a directory"),
        ("replay store --at 0001-01-01", "'0001-01-01' is no time"),
        ("demo", "the screen needs a terminal"),
        ("demo -o /", "it is a directory"),
        ("demo --in-process --capture ebpf", "--capture ebpf is for the demo's link"),
        ("demo --in-process -q 0", "-q is for the demo's link"),
        ("-r file --ipfix file:-", "cannot export to standard output"),
        ("-r file", "the screen needs a terminal"),
    ],
)
def test_an_impossible_request_is_one_line_and_code_2(line: str, part: str) -> None:
    result = xtop(*line.split())
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr.startswith("xtop: error: ")
    assert part in result.stderr
    assert result.stderr.count("\n") == 1
    assert result.stderr.rstrip().endswith(")")  # WHAT (WHY; WHAT TO DO)


@pytest.mark.parametrize(
    "line",
    [
        "snapshot -i", "-r", "snapshot --demo -o", "record -r file --store", "record -r file --metrics", "--profile",
        "record -r file --ipfix", "record -r file --ipfix-ca", "record -r file --ipfix-cert", "attach", "replay",
        "snapshot --demo --anonymize-key", "snapshot --demo --format", "-i lo --capture", "doctor -i", "tune -i",
    ],
)  # fmt: skip
def test_an_empty_name_is_one_line_and_code_2(line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    words = [sys.executable, "-c", "import sys; from xtop.cli import main; sys.exit(main())", *line.split(), ""]
    done = subprocess.run(
        words, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True, timeout=60
    )
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert "argument " in done.stderr
    assert "''" in done.stderr
    assert not list(tmp_path.iterdir())


def test_an_existing_output_is_refused_before_anything_is_captured(tmp_path: Path) -> None:
    taken = tmp_path / "taken"
    taken.write_text("mine", encoding="utf-8")
    for command in ("snapshot --demo -o", "record -r no/such/file -o", "-r no/such/file -o"):
        result = xtop(*command.split(), str(taken))
        assert result.returncode == 2
        assert "give another name, or --overwrite" in result.stderr
    result = xtop("record", "-r", "no/such/file", "--ipfix", f"file:{taken}")
    assert "give another name, or --overwrite" in result.stderr
    assert taken.read_text(encoding="utf-8") == "mine"


def test_a_record_that_does_not_begin_leaves_no_file(tmp_path: Path) -> None:
    # Link-local addresses are of a link, which is not named: the kernel refuses to connect.
    collector, file = "udp://[fe80::1]:4739", str(ROOT / "tests/scenarios/pcaps/zoom.pcap")
    result = xtop("record", "-r", file, "-o", str(tmp_path / "out"), "--ipfix", collector)
    assert result.returncode == 1
    assert f"cannot export to {collector}" in result.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_fault_of_xtop_is_one_line_too(tmp_path: Path) -> None:
    script = (
        "import sys, xtop.cli, xtop.commands.snapshot as s\n"
        "def broken(options): raise ZeroDivisionError('oh\\nno')\n"
        "s.run = broken\n"
        "sys.exit(xtop.cli.main(['snapshot', '--demo']))"
    )
    result = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False)
    assert result.returncode == 1
    assert result.stderr.startswith("xtop: error: ZeroDivisionError: oh no (a fault of xtop")
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("failure", "code", "said"),
    [
        ("KeyboardInterrupt()", 130, ""),
        ("BrokenPipeError()", 0, ""),
        ("SystemExit(143)", 143, ""),
        ("PermissionError(1, 'no', 'that')", 1, "xtop: error: cannot go on (that: no; mend that, and try again)\n"),
        ("OSError(28, 'No room')", 1, "xtop: error: cannot go on (No room; free some space)\n"),
        ("SourceError('no rights (why; what)', 3)", 3, "xtop: error: no rights (why; what)\n"),
        ("ExportError('cannot write', 2)", 2, "xtop: error: cannot write\n"),
    ],
)
def test_exit_codes_are_the_contracts(failure: str, code: int, said: str) -> None:
    script = (
        "import sys, xtop.cli, xtop.commands.snapshot as s\n"
        "from xtop.source import SourceError\nfrom xtop.export import ExportError\n"
        f"def run(options): raise {failure}\n"
        "s.run = run\n"
        "sys.exit(xtop.cli.main(['snapshot', '--demo']))"
    )
    result = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False)
    assert result.returncode == code
    assert result.stderr.startswith(said)
    assert bool(result.stderr) == bool(said)


def test_a_closed_pipe_ends_quietly() -> None:
    command = f"{sys.executable} -c 'import sys; from xtop.cli import main; sys.exit(main())' --help | head -c 1"
    result = subprocess.run(command, cwd=ROOT, shell=True, capture_output=True, text=True, check=False)
    assert (result.returncode, result.stderr) == (0, "")


def test_help_and_version_are_answers() -> None:
    assert xtop("--version").stdout == "xtop 0.1.0\n"
    for name in COMMANDS:
        if COMMANDS[name].options:
            result = xtop(*filter(None, (name, "--help")))
            assert result.returncode == 0
            assert result.stdout.startswith("usage: xtop")


def test_no_command_but_the_screen_pays_for_the_screen() -> None:
    script = "import sys, xtop.cli, xtop.commands.snapshot, xtop.commands.watch; print('textual' in sys.modules)"
    result = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    assert result.stdout == "False\n"


# Of links, exporters, a screen's windows: a file's snapshot is over before they would be imported.
NOT_FOR_A_FILE = {
    *("xtop.capture_choice", "xtop.machine_files", "xtop.flow_packets", "xtop.ipfix.collector", "xtop.activity"),
    *("xtop.filter_language", "datetime", "shutil", "textual"),
}


def test_a_snapshot_of_a_file_imports_what_it_needs(tmp_path: Path) -> None:
    file = ROOT / "tests/scenarios/pcaps/443-chrome.pcap"
    arguments = ["snapshot", "-r", str(file), "--top", "3", "-o", str(tmp_path / "out")]
    script = f"import sys, xtop.cli; print(xtop.cli.main({arguments}), *({NOT_FOR_A_FILE} & sys.modules.keys()))"
    result = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    assert result.stdout == "0\n"


def test_what_the_executable_imports_is_no_garbage_and_what_comes_later_may_be() -> None:
    script = (
        "import gc, os, sys, xtop.start\n"
        "sys.argv[1:] = ['--version']\n"
        "os._exit = lambda code: print(code, gc.isenabled(), gc.get_freeze_count() > 10_000)\n"
        "xtop.start.console()"
    )
    result = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    assert result.stdout.splitlines()[1:] == ["0 True True"]


def test_who_is_interrupted_while_it_starts_says_nothing() -> None:
    script = (
        "import signal, sys, xtop.start\n"
        "class Interrupted:\n"
        "    def find_spec(self, name, path, target=None):\n"
        "        if name == 'xtop.cli': signal.raise_signal(signal.SIGINT)\n"
        "sys.meta_path.insert(0, Interrupted())\n"
        "xtop.start.console()"
    )
    result = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (result.returncode, result.stdout, result.stderr) == (130, "", "")


def test_a_file_has_rates_over_its_span_whatever_the_interval() -> None:
    file = str(ROOT / "tests/scenarios/pcaps/443-chrome.pcap")
    plain, other = (json.loads(xtop("snapshot", "-r", file, *options).stdout) for options in ((), ("-n", "0.05")))
    assert plain["totals"] == other["totals"]
    assert plain["interval_s"] == other["interval_s"]


def test_the_suffix_of_a_file_names_its_format(tmp_path: Path) -> None:
    file = str(ROOT / "tests/scenarios/pcaps/dns.pcap")
    begins = {"csv": b"flow_id,", "ipfix": b"\x00\x0a", "txt": b"source ", "json": b'{"schema"'}
    for suffix, begin in begins.items():
        path = tmp_path / f"out.{suffix}"
        assert xtop("snapshot", "-r", file, "-o", str(path)).returncode == 0
        assert path.read_bytes().startswith(begin)
    told, series = tmp_path / "told.csv", tmp_path / "series.csv"
    assert xtop("snapshot", "-r", file, "--format", "json", "-o", str(told)).returncode == 0
    assert xtop("snapshot", "-r", file, "--every", "0.05", "-o", str(series)).returncode == 0
    for path in (told, series):
        assert path.read_bytes().startswith(begins["json"])


def test_a_series_is_over_with_its_duration() -> None:
    lines = xtop("snapshot", "--demo", "--every", "50", "--duration", "0.3").stdout.splitlines()
    assert len(lines) == 1
    assert 0.3 <= json.loads(lines[0])["interval_s"] < 40


@pytest.mark.parametrize(
    ("every", "duration", "moments"),
    [
        (60, 90, [60, 90]),
        (1, 3, [1, 2, 3]),
        (0.1, 0.5, [0.1, 0.2, 0.3, 0.4, 0.5]),
        (0.7, 0.5, [0.5]),
        (1, math.inf, [1, 2, 3, 4, 5]),
    ],
)
@pytest.mark.parametrize("begin", [0.0, 12345.678])
def test_the_moments_of_a_series(every: float, duration: float, moments: list[float], begin: float) -> None:
    due, found = begin, []
    while due < begin + duration and len(found) < 5:
        due = next_moment(due, every, begin, begin + duration)
        found.append(due - begin)
    assert found == pytest.approx(moments)


def test_a_series_that_is_late_goes_on_from_there() -> None:
    assert next_moment(10.0, 1.0, 14.5, 20.0) == 14.5
    assert next_moment(10.0, 1.0, 25.0, 20.0) == 20.0


def test_options_become_settings() -> None:
    line = "-i eth1 -i eth2 -i eth1 -q 0-1,4 -t 2 --cpus 3,5 -N -z --busy-poll --ring 4096 --max-flows 9"
    options = build_parser("").parse_args([*line.split(), "--idle-timeout", "1.5", "--active-timeout", "60"])
    assert capture_settings(options) == CaptureSettings(
        links=(LinkSettings("eth1"), LinkSettings("eth2")), queues=(0, 1, 4), threads=2, cpus=(3, 5),
        xdp="native", copy="zero", busy_poll=True, ring=4096, max_flows=9, idle_timeout=1.5, active_timeout=60.0,
    )  # fmt: skip
    assert capture_settings(build_parser("").parse_args(["-r", "-"])) == CaptureSettings(file="-")
    demo = build_parser("snapshot").parse_args(["--demo", "--seed", "7"])
    assert capture_settings(demo) == CaptureSettings(demo=True, seed=7)
