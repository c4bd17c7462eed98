# SPDX-License-Identifier: BSD-2-Clause
"""What is read out of /proc, /sys and a file's capabilities, from texts as kernels write them."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest

from tests.unit.fake_machine import machine, two_sockets
from xtop.capabilities import CAP_NET_RAW, decode_file_capabilities
from xtop.cpu_topology import read_nearness
from xtop.doctor.memory import chosen
from xtop.doctor.processors import processor_times, stolen_finding
from xtop.ethtool.netdev import decode_xdp_features
from xtop.link_state import in_use
from xtop.nic_irqs import QueueIrq, read_queue_irqs


def test_a_nic_on_a_node_gets_that_nodes_cores_one_thread_each(tmp_path: Path) -> None:
    near = read_nearness(machine(tmp_path, two_sockets()), "0000:81:00.0")
    assert (near.node, near.nodes) == (1, 2)
    assert near.cpus == (4, 5, 6, 7, 12, 13, 14, 15)
    assert near.cores == (4, 5, 6, 7)


@pytest.mark.parametrize("bus", ["", "0000:01:00.0", "0000:99:00.0"])
def test_a_device_without_a_node_is_near_every_cpu(tmp_path: Path, bus: str) -> None:
    near = read_nearness(machine(tmp_path, two_sockets()), bus)
    assert near.node is None
    assert near.cores == tuple(range(8))


def test_a_machine_that_tells_nothing_has_one_cpu(tmp_path: Path) -> None:
    assert read_nearness(machine(tmp_path, {}), "").cores == (0,)


INTERRUPTS = """\
            CPU0       CPU1
  24:          1          0  IO-APIC   5-edge      ACPI:Ged
  38:          0       5694 PCI-MSIX-0000:00:03.0   1-edge      virtio2-input.0
  39:       4651          0 PCI-MSIX-0000:00:03.0   2-edge      virtio2-output.0
  40:          0          0 PCI-MSIX-0000:00:03.0   3-edge      virtio2-input.1
  60:          0          0 PCI-MSIX-0000:81:00.0   0-edge      eth1-TxRx-0
  61:          0          0 PCI-MSIX-0000:81:00.0   1-edge      eth1-TxRx-1
  62:          0          0 PCI-MSIX-0000:81:00.0   2-edge      eth1
  70:          0          0 PCI-MSIX-0000:03:00.0   0-edge      mlx5_async0@pci:0000:03:00.0
  71:          0          0 PCI-MSIX-0000:03:00.0   1-edge      mlx5_comp0@pci:0000:03:00.0
  72:          0          0 PCI-MSIX-0000:03:00.0   2-edge      mlx5_comp1@pci:0000:03:00.0
  80:          0          0 PCI-MSIX-0000:04:00.0   0-edge      eth2-TxRx-0
 NMI:          0          0   Non-maskable interrupts
"""


@pytest.mark.parametrize(
    ("bus", "own", "expected"),
    [
        ("0000:00:03.0", (38, 39, 40), {0: 38, 1: 40}),
        ("0000:81:00.0", (60, 61, 62), {0: 60, 1: 61}),
        ("0000:03:00.0", (70, 71, 72), {0: 71, 1: 72}),
        ("", (), {}),
    ],
)
def test_the_interrupts_of_receive_queues(tmp_path: Path, bus: str, own: tuple[int, ...], expected: object) -> None:
    files = {"proc/interrupts": INTERRUPTS}
    for irq in own:
        files[f"sys/bus/pci/devices/{bus}/msi_irqs/{irq}"] = "msix"
    for irq in range(24, 90):
        files[f"proc/irq/{irq}/smp_affinity_list"] = "0-1\n"
    irqs = read_queue_irqs(machine(tmp_path, files), bus, {})
    assert {irq.queue: irq.irq for irq in irqs} == expected
    assert all(irq.cpus == (0, 1) for irq in irqs)


def test_what_the_driver_tells_goes_before_names(tmp_path: Path) -> None:
    files = machine(tmp_path, {"proc/irq/99/smp_affinity_list": "3\n", "proc/interrupts": INTERRUPTS})
    (irq,) = read_queue_irqs(files, "0000:00:03.0", {5: 99})
    assert (irq.queue, irq.irq, irq.cpus) == (5, 99, (3,))


# user nice system idle iowait irq softirq steal guest guest_nice: guest time is in user already (proc(5))
BEFORE = "cpu  100 0 100 700 0 0 0 0 50 0\ncpu0 50 0 50 400 0 0 0 0 50 0\ncpu1 50 0 50 300 0 0 0 0 0 0\nintr 1\n"
AFTER = "cpu  150 0 100 745 0 0 0 5 90 0\ncpu0 95 0 50 400 0 0 0 5 90 0\ncpu1 55 0 50 345 0 0 0 0 0 0\nintr 1\n"


def test_stolen_time_is_a_share_of_all_time() -> None:
    assert processor_times(AFTER)["cpu"] == (5, 1000)
    finding = stolen_finding(processor_times(BEFORE), processor_times(AFTER), 0.5)
    assert "0.50% since the start" in finding.found
    assert "10.0% of cpu0 in the last 0.5 s" in finding.found  # 5 of 50 ticks
    assert finding.verdict.value == "problem"


def test_no_stolen_time_is_good_and_no_proc_is_unknown() -> None:
    assert stolen_finding(processor_times(BEFORE), processor_times(BEFORE), 0.5).verdict.value == "ok"
    assert stolen_finding({}, {}, 0.5).verdict.value == "unknown"


def test_the_capabilities_of_a_file() -> None:
    # What getfattr(1) shows of ping on Debian: cap_net_raw=ep.
    ping = decode_file_capabilities(base64.b64decode("AQAAAgAgAAAAAAAAAAAAAAAAAAA="))
    assert ping.permitted == {CAP_NET_RAW}
    assert ping.effective


@pytest.mark.parametrize("data", [b"", b"\1", b"\1\0\0\2", b"\1\0\0\2" + bytes(12), b"\0\0\0\x09" + bytes(16)])
def test_damaged_capabilities_grant_nothing(data: bytes) -> None:
    assert not decode_file_capabilities(data).permitted


def test_xdp_features_by_the_numbers_of_netdev_h() -> None:
    # virtio_net: BASIC 1 | REDIRECT 2 | XSK_ZEROCOPY 8 | RX_SG 32; loopback: none.
    virtio = decode_xdp_features(43, 1)
    assert (virtio.native, virtio.redirect, virtio.zero_copy, virtio.fragments) == (True, True, True, True)
    veth = decode_xdp_features(1 | 2 | 32, None)
    assert not veth.zero_copy
    assert veth.zero_copy_buffers == 1
    assert not decode_xdp_features(0, None).native


def test_the_chosen_word() -> None:
    assert chosen("always [madvise] never") == "madvise"
    assert chosen("always madvise never") is None


def test_interrupts_of_queues_that_are_switched_off_do_not_count() -> None:
    """virtio_net with two of four queues in use keeps the interrupts of all."""
    irqs = tuple(QueueIrq(queue, 25 + 2 * queue, (queue,)) for queue in range(4))
    assert [irq.queue for irq in in_use(irqs, {"channels.combined": 2})] == [0, 1]
    assert in_use(irqs, {}) == irqs  # a driver that does not tell how many there are
