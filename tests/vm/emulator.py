# SPDX-License-Identifier: BSD-2-Clause
"""QEMU out of Debian's packages, run from where they were unpacked, by their own libc. And busybox, for the guest."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from .apt_view import AptView, unpack

SUITES = ("bookworm-backports", "bookworm")  # igb came with QEMU 8; later suites would bring nothing but more to load
PACKAGES = ("qemu-system-x86", "busybox-static", "zstd")


@dataclass
class Emulator:
    """An unpacked QEMU."""

    root: Path

    @property
    def busybox(self) -> Path:
        return self.root / "bin/busybox"

    def program(self, name: str) -> list[str]:
        """Begins a command line of an unpacked program."""
        libraries = [str(self.root / part) for part in ("lib/x86_64-linux-gnu", "usr/lib/x86_64-linux-gnu")]
        loader = str(self.root / "lib64/ld-linux-x86-64.so.2")
        return [loader, "--library-path", ":".join(libraries), str(self.root / "usr/bin" / name)]

    def qemu(self) -> list[str]:
        """Begins a command line of qemu-system-x86_64."""
        command = self.program("qemu-system-x86_64")
        for data in ("qemu", "seabios"):
            command += ["-L", str(self.root / "usr/share" / data)]
        return command


def fetch_emulator(cache: Path) -> Emulator:
    """QEMU under ``cache``; made there the first time."""
    root = cache / "emulator"
    if not root.exists():
        view = AptView(cache / "apt-emulator", SUITES)
        view.update()
        making = cache / "emulator.new"
        shutil.rmtree(making, ignore_errors=True)
        for package in view.with_dependencies(*PACKAGES):
            unpack(package, making)
        making.rename(root)
        shutil.rmtree(view.directory)
    return Emulator(root)
