# SPDX-License-Identifier: BSD-2-Clause
"""Debian's and Ubuntu's kernels: the vmlinux that QEMU starts without a boot loader, and the modules of the NICs."""

from __future__ import annotations

import lzma
import re
import shutil
import struct
import subprocess
import zlib
from dataclasses import dataclass
from pathlib import Path

from .apt_view import DEBIAN, AptView, Archive, unpack
from .emulator import Emulator

UBUNTU = "http://archive.ubuntu.com/ubuntu"
UBUNTU_KEYRING = "usr/share/keyrings/ubuntu-archive-keyring.gpg"  # of Debian's package ubuntu-keyring
# series, suite, packages: the first names the version, the others follow it.
SERIES: dict[str, tuple[str, tuple[str, ...]]] = {
    "7": ("trixie-backports", (r"linux-binary-(7\.[\d.]+\+deb13-amd64)", "linux-modules-{}")),
    "6.12": ("trixie", (r"linux-image-(6\.12\.\d+\+deb13-amd64)",)),
    "6.1": ("bookworm", (r"linux-image-(6\.1\.0-\d+-amd64)",)),
    "5.15": ("jammy-updates", (r"linux-image-(5\.15\.0-\d+-generic)", "linux-modules-{}")),  # Ubuntu 22.04's
    "5.10": ("bullseye", (r"linux-image-(5\.10\.0-\d+-amd64)",)),
}
MODULES = (
    "virtio_pci",
    "virtio_net",
    "igb",
    "e1000e",
    "8139cp",
    "vmxnet3",
    "veth",
    "af_packet",
    "sch_ingress",
    "cls_bpf",
    "pktgen",
)
ZSTD_MAGIC, XZ_MAGIC = b"\x28\xb5\x2f\xfd", b"\xfd7zXZ"


@dataclass
class GuestKernel:
    """An unpacked kernel."""

    directory: Path

    @property
    def version(self) -> str:
        """As uname -r says it."""
        return self.directory.joinpath("version").read_text()

    @property
    def image(self) -> Path:
        return self.directory / "vmlinux"

    @property
    def zero_copy_drivers(self) -> list[str]:
        """Drivers of this kernel that take buffers from an AF_XDP socket's memory."""
        return self.directory.joinpath("zero-copy-drivers").read_text().split()

    def modules(self) -> list[Path]:
        """Module files, each after those that it needs."""
        return sorted(self.directory.glob("modules/*.ko"))


def fetch_kernel(cache: Path, series: str, emulator: Emulator) -> GuestKernel:
    """The newest kernel of ``series`` (a key of SERIES) under ``cache``; made there the first time."""
    wanted = zlib.crc32(" ".join((*MODULES, "zero-copy-drivers")).encode())  # what is kept of a kernel
    directory = cache / f"kernel-{series}-{wanted:08x}"
    if not directory.exists():
        suite, (pattern, *followers) = SERIES[series]
        view = AptView(cache / f"apt-kernel-{series}", (suite,), _archive(cache, suite))
        view.update()
        first = view.newest(pattern)
        version = re.fullmatch(pattern, first)[1]  # type: ignore[index]
        making = cache / f"kernel-{series}.new"
        shutil.rmtree(making, ignore_errors=True)
        for package in view.alone(first, *(name.format(version) for name in followers)):
            unpack(package, making / "all")
        _keep_needed(making, version, emulator)
        making.rename(directory)
        shutil.rmtree(view.directory)
    return GuestKernel(directory)


def _archive(cache: Path, suite: str) -> Archive:
    """Debian, or Ubuntu by the keyring that Debian has of it."""
    if not suite.startswith("jammy"):
        return DEBIAN
    root = cache / "ubuntu-keyring"
    if not root.exists():
        view = AptView(cache / "apt-ubuntu-keyring", ("trixie",))
        view.update()
        unpack(*view.alone("ubuntu-keyring"), root)
        shutil.rmtree(view.directory)
    return Archive(UBUNTU, root / UBUNTU_KEYRING)


def _keep_needed(directory: Path, version: str, emulator: Emulator) -> None:
    everything = directory / "all"
    image = next(everything.rglob("vmlinuz*"))
    directory.joinpath("vmlinux").write_bytes(_payload(image.read_bytes(), emulator))
    directory.joinpath("version").write_text(version)
    directory.joinpath("modules").mkdir()
    found = {path.name.split(".")[0].replace("-", "_"): path for path in everything.rglob("*.ko*")}
    directory.joinpath("zero-copy-drivers").write_text(" ".join(_zero_copy_drivers(everything)))
    for number, name in enumerate(_in_order(MODULES, found)):
        directory.joinpath("modules", f"{number:02}-{name}.ko").write_bytes(_module(found[name]))
    shutil.rmtree(everything)


def _zero_copy_drivers(everything: Path) -> list[str]:
    """Return the network drivers that call xp_alloc() or xp_alloc_batch() (net/xdp/xsk_buff_pool.c)."""
    calls = (b"\0xp_alloc\0", b"\0xp_alloc_batch\0")
    drivers = (path for path in everything.rglob("*.ko*") if "drivers/net/" in str(path))
    return sorted(path.name.split(".")[0] for path in drivers if any(call in _module(path) for call in calls))


def _module(path: Path) -> bytes:
    content = path.read_bytes()
    return lzma.decompress(content) if path.suffix == ".xz" else content


def _in_order(wanted: tuple[str, ...], found: dict[str, Path]) -> list[str]:
    """Names of modules, what each depends on before it; what is not a module is built in."""
    order: list[str] = []

    def add(name: str) -> None:
        if name in order or name not in found:
            return
        depends = re.search(rb"(?:^|\0)depends=([^\0]*)\0", _module(found[name]))
        for other in depends[1].decode().split(",") if depends else []:
            add(other.replace("-", "_"))
        order.append(name)

    for name in wanted:
        add(name)
    return order


def _payload(image: bytes, emulator: Emulator) -> bytes:
    """The ELF file within a bzImage (Documentation/arch/x86/boot.rst: setup_sects, payload_offset, payload_length).

    QEMU starts it by its PVH entry: an emulated processor needs seconds to unpack what this one unpacks at once.
    """
    setup_sectors = image[0x1F1] or 4
    offset, length = struct.unpack_from("<II", image, 0x248)
    start = (setup_sectors + 1) * 512 + offset
    payload = image[start : start + length]
    if payload.startswith(ZSTD_MAGIC):
        command = [*emulator.program("zstd"), "-dcq"]
        return subprocess.run(command, input=payload[:-4], capture_output=True, check=True).stdout  # 4: its size
    if payload.startswith(XZ_MAGIC):
        return lzma.LZMADecompressor().decompress(payload)
    raise ValueError(f"a kernel image packed in an unknown way ({payload[:6].hex()})")
