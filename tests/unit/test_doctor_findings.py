# SPDX-License-Identifier: BSD-2-Clause
"""The verdicts, on machines and NICs that the test machine is not."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from pathlib import Path

import pytest

from tests.unit.fake_machine import machine
from tests.unit.sample_link import ixgbe
from xtop.capabilities import CAP_BPF, CAP_NET_ADMIN, CAP_NET_RAW, CAP_PERFMON, FileCapabilities
from xtop.doctor.bpf_programs import Hooked
from xtop.doctor.examination import Examination, LinkExamination
from xtop.doctor.finding import Finding, Verdict
from xtop.doctor.kernel import kernel_findings, kernel_version
from xtop.doctor.link_identity import xdp_finding
from xtop.doctor.link_modes import mode_findings, size_finding
from xtop.doctor.link_offloads import offload_findings
from xtop.doctor.link_queues import queue_findings
from xtop.doctor.memory import memory_findings
from xtop.doctor.processors import governor_finding, idle_finding
from xtop.doctor.report import examination_json, examination_lines
from xtop.doctor.rights import capture_rights, memlock_finding
from xtop.doctor.sandbox import sandbox_finding
from xtop.ethtool.ioctl import Rss
from xtop.ethtool.netdev import XdpFeatures
from xtop.link_state import LinkState
from xtop.nic_irqs import QueueIrq

NEEDED = frozenset({CAP_NET_RAW, CAP_NET_ADMIN, CAP_BPF, CAP_PERFMON})
NOTHING = FileCapabilities(frozenset(), False)


def verdicts(findings: list[Finding]) -> dict[str, str]:
    return {finding.name: finding.verdict.value for finding in findings}


def test_an_old_kernel_without_type_information_is_judged_by_its_version(tmp_path: Path) -> None:
    files = machine(tmp_path, {"proc/sys/net/core/bpf_jit_enable": "0\n"})
    found = {finding.name: finding for finding in kernel_findings(files, "6.1.0-18-amd64")}
    assert found["kernel"].verdict is Verdict.OK
    assert found["tcx"].verdict is Verdict.BETTER  # 6.6
    assert "by the version" in found["tcx"].found
    assert found["XDP multi-buffer"].verdict is Verdict.OK  # 5.18
    assert found["BPF JIT"].verdict is Verdict.PROBLEM
    assert found["BPF JIT"].command == "sudo sysctl net.core.bpf_jit_enable=1"
    assert found["BTF"].verdict is Verdict.BETTER


def test_a_feature_that_a_distribution_brought_back_is_found(tmp_path: Path) -> None:
    files = machine(tmp_path, {"sys/kernel/btf/vmlinux": "\0BPF_TCX_INGRESS\0"})
    found = {finding.name: finding for finding in kernel_findings(files, "5.14.0-427.el9.x86_64")}
    assert found["tcx"].verdict is Verdict.OK
    assert found["AF_XDP multi-buffer"].verdict is Verdict.BETTER
    assert found["BPF JIT"].verdict is Verdict.UNKNOWN  # no such file in a network namespace


@pytest.mark.parametrize(("release", "version"), [("6.18.44-fc", (6, 18)), ("5.15", (5, 15)), ("strange", (0, 0))])
def test_versions(release: str, version: tuple[int, int]) -> None:
    assert kernel_version(release) == version


def test_rights() -> None:
    program = Path("/opt/xtop/xtop-capture")
    missing = capture_rights(frozenset({CAP_NET_RAW}), NOTHING, program)
    assert missing.verdict is Verdict.PROBLEM
    assert missing.found == "cap_net_admin, cap_bpf, cap_perfmon missing"
    assert (
        missing.command
        == "sudo setcap cap_net_raw,cap_net_admin,cap_bpf,cap_perfmon,cap_ipc_lock+ep /opt/xtop/xtop-capture"
    )
    assert capture_rights(NEEDED, NOTHING, program).verdict is Verdict.OK
    assert capture_rights(frozenset(), FileCapabilities(NEEDED, True), program).verdict is Verdict.OK
    # Permitted alone (setcap ...+p) is not in force when the program starts.
    assert capture_rights(frozenset(), FileCapabilities(NEEDED, False), program).verdict is Verdict.PROBLEM
    assert capture_rights(NEEDED, NOTHING, None).verdict is Verdict.UNKNOWN


@pytest.mark.parametrize(
    ("rights", "seccomp", "files", "verdict", "found"),
    [
        ("0", "2", True, Verdict.OK, "capabilities dropped, no_new_privs, seccomp, Landlock"),
        ("0", "2", False, Verdict.BETTER, "capabilities dropped, no_new_privs, seccomp; not: Landlock"),
        ("3000", "0", True, Verdict.PROBLEM, "no_new_privs, Landlock; not: capabilities dropped, seccomp"),
    ],
)
def test_sandbox(rights: str, seccomp: str, files: bool, verdict: Verdict, found: str) -> None:
    status = f"Name:\txtop-capture\nCapPrm:\t{rights}\nCapEff:\t{rights}\nNoNewPrivs:\t1\nSeccomp:\t{seccomp}\n"
    finding = sandbox_finding(status, files)
    assert (finding.verdict, finding.found) == (verdict, found)
    assert sandbox_finding(None, True).verdict is Verdict.UNKNOWN


def test_locked_memory() -> None:
    assert memlock_finding(True, 0).verdict is Verdict.OK
    assert memlock_finding(False, None).verdict is Verdict.OK
    assert memlock_finding(False, 8 << 20).verdict is Verdict.BETTER  # a queue is 32 MiB
    assert "enough for 3 queues" in memlock_finding(False, 100 << 20).found


def test_huge_pages(tmp_path: Path) -> None:
    pool, thp = "sys/kernel/mm/hugepages/hugepages-2048kB", "sys/kernel/mm/transparent_hugepage/enabled"
    none = machine(tmp_path / "none", {f"{pool}/free_hugepages": "0\n", thp: "always madvise [never]\n"})
    assert set(verdicts([*memory_findings(none)]).values()) == {"could be better"}
    good = machine(tmp_path / "good", {f"{pool}/free_hugepages": "64\n", thp: "always [madvise] never\n"})
    assert set(verdicts([*memory_findings(good)]).values()) == {"ok"}
    assert set(verdicts([*memory_findings(machine(tmp_path / "bare", {}))]).values()) == {"unknown"}


def test_clock_and_sleep(tmp_path: Path) -> None:
    cpu = "sys/devices/system/cpu"
    files = machine(
        tmp_path,
        {
            f"{cpu}/cpu0/cpufreq/scaling_governor": "powersave\n",
            f"{cpu}/cpu1/cpufreq/scaling_governor": "performance\n",
            f"{cpu}/cpuidle/current_driver": "intel_idle\n",
            f"{cpu}/cpu0/cpuidle/state0/latency": "2\n",
            f"{cpu}/cpu0/cpuidle/state0/name": "C1\n",
            f"{cpu}/cpu0/cpuidle/state0/disable": "0\n",
            f"{cpu}/cpu0/cpuidle/state1/latency": "133\n",
            f"{cpu}/cpu0/cpuidle/state1/name": "C6\n",
            f"{cpu}/cpu0/cpuidle/state1/disable": "0\n",
        },
    )
    assert governor_finding(files, (0, 1)).found == "performance, powersave"
    assert governor_finding(files, (0, 1)).verdict is Verdict.BETTER
    assert governor_finding(files, (1,)).verdict is Verdict.OK
    assert "C6, 133 µs" in idle_finding(files).found
    assert idle_finding(files).verdict is Verdict.BETTER
    (tmp_path / f"{cpu}/cpu0/cpuidle/state1/disable").write_text("1\n")
    assert "C1, 2 µs" in idle_finding(files).found
    assert idle_finding(files).verdict is Verdict.OK


def test_the_untuned_nic_of_the_thesis() -> None:
    found = verdicts([*queue_findings(ixgbe()), *offload_findings(ixgbe()), *mode_findings(ixgbe())])
    assert found == {
        "queues": "could be better",
        "NUMA": "ok",
        "RSS symmetry": "could be better",
        "RSS table": "ok",
        "RX ring": "could be better",
        "coalescing": "could be better",
        "interrupts": "could be better",
        "merging": "problem",
        "VLAN stripping": "could be better",
        "GRO": "ok",
        "XDP modes": "ok",
        "zero copy": "ok",
        "MTU": "ok",
    }


def tuned() -> LinkState:
    state = ixgbe()
    table = tuple(entry % 4 for entry in range(128))
    values = {
        **state.values,
        "channels.combined": 4,
        "rings.rx": 4096,
        "coalesce.adaptive-rx": "off",
        "coalesce.rx-usecs": 8,
        "features.rx-lro": "off",
        "features.rx-vlan-hw-parse": "off",
        "rss.table": ",".join(map(str, table)),
    }
    irqs = tuple(QueueIrq(queue, 60 + queue, (4 + queue,)) for queue in range(4))
    return replace(state, values=values, rss=Rss("toeplitz", None, b"\x6d\x5a" * 20, table), irqs=irqs)


def test_the_tuned_nic_of_the_thesis() -> None:
    found = verdicts([*queue_findings(tuned()), *offload_findings(tuned())])
    assert set(found.values()) == {"ok"}


def test_two_interrupts_on_one_cpu_or_on_a_far_one_could_be_better() -> None:
    for cpus in ((4, 4, 5, 6), (0, 5, 6, 7)):
        irqs = tuple(QueueIrq(queue, 60 + queue, (cpu,)) for queue, cpu in enumerate(cpus))
        assert verdicts([*queue_findings(replace(tuned(), irqs=irqs))])["interrupts"] == "could be better"


def test_a_table_that_leaves_a_queue_out_could_be_better() -> None:
    state = tuned()
    table = (0, 1, 2, 2) * 32
    assert state.rss is not None
    uneven = replace(
        state, rss=replace(state.rss, table=table), values={**state.values, "rss.table": ",".join(map(str, table))}
    )
    finding = next(one for one in queue_findings(uneven) if one.name == "RSS table")
    assert (finding.verdict, finding.found) == (Verdict.BETTER, "128 entries, 0 to 64 a queue")


@pytest.mark.parametrize(
    ("mtu", "fragments", "verdict", "found"),
    [
        (1500, False, Verdict.OK, "2048 bytes"),
        (1774, False, Verdict.OK, "2048 bytes"),  # + 18 + 256 = 2048
        (1775, False, Verdict.OK, "4096 bytes"),
        (3822, False, Verdict.OK, "4096 bytes"),  # + 18 + 256 = 4096
        (3823, False, Verdict.PROBLEM, "one chunk holds 3822"),
        (9000, True, Verdict.OK, "3 chunks"),
    ],
)
def test_mtu_against_the_chunks_of_the_umem(mtu: int, fragments: bool, verdict: Verdict, found: str) -> None:
    xdp = XdpFeatures(native=True, redirect=True, zero_copy=False, fragments=fragments, zero_copy_buffers=1)
    finding = size_finding(ixgbe(mtu=mtu, xdp=xdp))
    assert finding.verdict is verdict
    assert found in finding.found


def test_a_kernel_that_does_not_tell_the_modes_is_not_guessed_at() -> None:
    silent = ixgbe(xdp=None, unseen={"xdp": "this kernel has no netlink family netdev"})
    assert verdicts([*mode_findings(silent)])["XDP modes"] == "unknown"
    assert verdicts([*mode_findings(silent)])["zero copy"] == "unknown"


def test_a_foreign_xdp_program_is_a_problem_and_xtops_own_is_none() -> None:
    assert xdp_finding("eth1", []).verdict is Verdict.OK
    assert xdp_finding("eth1", [Hooked("XDP native", 7, "xsk_redirect_fr")]).verdict is Verdict.OK
    foreign = xdp_finding("eth1", [Hooked("XDP native", 7, "cilium_xdp")])
    assert foreign.verdict is Verdict.PROBLEM
    assert foreign.found == "XDP native: cilium_xdp (id 7)"


EXAMINATION = Examination(
    machine=(Finding("kernel", Verdict.OK, "Linux 6.1", "why it matters"),),
    links=(
        LinkExamination(
            "eth1",
            (
                Finding(
                    "RX ring", Verdict.BETTER, "256 of 4096", "bursts wait there", "sudo xtop tune -i eth1 --apply"
                ),
                Finding("merging", Verdict.PROBLEM, "on: rx-lro", "counts are wrong"),
                Finding("NUMA", Verdict.UNKNOWN, "could not be seen: evil \x1b[31m\n name", "trips"),
            ),
        ),
    ),
    short=False,
)


def test_the_text_has_word_and_mark_for_each_line_and_a_summary() -> None:
    lines = [line.plain for line in examination_lines(EXAMINATION, None, unicode=True)]
    assert any(line.startswith("  ✓ ok ") and line.endswith("Linux 6.1") for line in lines)
    assert any(line.startswith("  ~ could be better ") for line in lines)
    assert any(line.startswith("  ✗ problem ") for line in lines)
    assert any(line.strip() == "→ sudo xtop tune -i eth1 --apply" for line in lines)
    assert lines[-1] == "1 ok, 1 could be better, 1 problem, 1 unknown"
    assert "\x1b" not in "".join(lines)
    assert all(line.isascii() for line in (one.plain for one in examination_lines(EXAMINATION, None, unicode=False)))


def test_lines_are_wrapped_to_the_terminal() -> None:
    wide = Finding("GRO", Verdict.OK, "on", "word " * 60)
    lines = [line.plain for line in examination_lines(replace(EXAMINATION, machine=(wide,)), 80, unicode=True)]
    assert max(map(len, lines)) <= 80


def test_the_json() -> None:
    content = json.loads(io.StringIO(examination_json(EXAMINATION)).read())
    assert content["schema"] == "xtop.doctor/1"
    assert content["summary"] == {"ok": 1, "better": 1, "problem": 1, "unknown": 1}
    assert content["interfaces"][0]["findings"][0]["command"] == "sudo xtop tune -i eth1 --apply"
    assert content["machine"][0]["command"] is None
