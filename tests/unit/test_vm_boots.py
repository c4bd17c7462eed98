# SPDX-License-Identifier: BSD-2-Clause
"""Which guests of tests.vm are booted again: for QEMU stands a script that dies when and as it is told."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from tests.vm import machine
from tests.vm.emulator import Emulator
from tests.vm.guest_kernel import GuestKernel

# As Linux writes it (arch/x86/kernel/dumpstack.c), and QEMU after it.
PANIC = """\
init: file systems
[    1.402311] BUG: unable to handle page fault for address: ffffc90000134fe8
[    1.402688] Oops: Oops: 0002 [#1] SMP NOPTI
[    1.403145] RIP: 0010:asm_sysvec_apic_timer_interrupt+0x1a/0x20
[    1.409717] Kernel panic - not syncing: Fatal exception in interrupt
[    1.409717] Shutting down cpus with NMI
"""
BEGUN = '{"check": "one", "outcome": "begun", "deadline": 5}\n'
DONE = '{"check": "one", "outcome": "pass", "words": "", "seconds": 1}\n{"check": "end"}\n'
GUEST = """
import json, re, sys
attempts, log, results = json.load(open(sys.argv[1])), None, None
for word in sys.argv:
    log = (re.search("id=log,path=(.*)", word) or [0, log])[1]
    results = (re.search("id=results,path=(.*)", word) or [0, results])[1]
(said, results_said), *rest = attempts
json.dump(rest, open(sys.argv[1], "w"))
open(log, "w").write(said)
open(results, "w").write(results_said)
"""


class ScriptedEmulator(Emulator):
    """Its guests say in turn what ``attempts`` has, to the log and as results, and are gone."""

    def __init__(self, root: Path, attempts: list[tuple[str, str]]) -> None:
        super().__init__(root)
        root.joinpath("attempts").write_text(json.dumps(attempts))
        root.joinpath("guest.py").write_text(GUEST)

    def qemu(self) -> list[str]:
        """Begin the command line of a guest."""
        return [sys.executable, str(self.root / "guest.py"), str(self.root / "attempts")]


def booted(directory: Path, *attempts: tuple[str, str]) -> tuple[machine.Outcome, list[str]]:
    """What came of a guest with one check, and what was said meanwhile."""
    directory.joinpath("version").write_text("7.0")
    boot = machine.Boot(GuestKernel(directory), directory / "initramfs", "igb", ("one",), directory / "guest.log")
    said: list[str] = []
    return machine.run(boot, ScriptedEmulator(directory, list(attempts)), said.append), said


def test_a_kernel_that_dies_before_the_guests_first_word_is_booted_again(tmp_path: Path) -> None:
    outcome, said = booted(tmp_path, (PANIC, ""), (PANIC, ""), ("init: checks\n", BEGUN + DONE))
    assert outcome.results["one"]["outcome"] == "pass"
    again = [line for line in said if "did not come up" in line]
    assert len(again) == 2 == outcome.stalls
    assert "RIP: 0010:asm_sysvec_apic_timer_interrupt+0x1a/0x20" in again[0]
    assert "page fault for address" in again[0]
    assert [tmp_path.joinpath(f"guest.{number}.log").read_text() for number in (1, 2)] == [PANIC, PANIC]


def test_one_that_always_dies_fails(tmp_path: Path) -> None:
    outcome, said = booted(tmp_path, *[(PANIC, "")] * machine.TRIES, ("init: checks\n", BEGUN + DONE))
    assert outcome.results == {}
    assert len(said) == machine.TRIES - 1
    assert outcome.missing("one").startswith(
        "the guest died; its kernel's last words: BUG: unable to handle page fault"
    )


def test_one_that_dies_in_a_check_is_not(tmp_path: Path) -> None:
    outcome, said = booted(tmp_path, (PANIC, BEGUN), ("init: checks\n", BEGUN + DONE))
    assert outcome.results == {}
    assert said == []
    assert "Kernel panic - not syncing: Fatal exception in interrupt" in outcome.missing("one")


def test_one_that_stalls_in_a_check_is_booted_again(tmp_path: Path) -> None:
    stall = "[   21.1] rcu: INFO: rcu_preempt detected stalls on CPUs/tasks:\n"
    outcome, said = booted(tmp_path, (stall, BEGUN), ("init: checks\n", BEGUN + DONE))
    assert outcome.results["one"]["outcome"] == "pass"
    assert len([line for line in said if "stalled (rcu)" in line]) == 1
