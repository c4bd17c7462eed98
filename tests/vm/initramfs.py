# SPDX-License-Identifier: BSD-2-Clause
"""The guest's file system: busybox, the kernel's modules, and xtop as it was built here with all that it needs to run.

Everything of this machine keeps its path, so .venv/bin/xtop is .venv/bin/xtop in the guest, too. The archive is cpio's
"newc" format as Documentation/driver-api/early-userspace/buffer-format.rst has it, not compressed: unpacking it would
cost the emulated processor more than copying.
"""

from __future__ import annotations

import compileall
import os
import re
import shutil
import stat
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

from .emulator import Emulator
from .guest_kernel import GuestKernel

ROOT = Path(__file__).resolve().parents[2]
GUEST = Path(__file__).resolve().parent / "guest"
PROGRAMS = ("xtop", "xtop-capture", "xtop-traffic")
TOOLS = ("ethtool",)
BUILD_ONLY = {"meson", "meson-python", "ninja"}
LEFT_OUT = {"test", "tests", "idlelib", "tkinter", "turtledemo", "ensurepip", "lib2to3", "site-packages", "pydoc_data"}


class Archive:
    """A cpio archive in the making; each path once."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._known: set[str] = set()

    def _add(self, name: str, mode: int, content: bytes, changed: int = 0) -> None:
        fields = (len(self._known), mode, 0, 0, 1, changed, len(content), 0, 0, 0, 0, len(name) + 1, 0)
        header = b"070701" + b"".join(b"%08x" % field for field in fields) + name.encode() + b"\0"
        self._parts += [header, b"\0" * (-len(header) % 4), content, b"\0" * (-len(content) % 4)]

    def directory(self, path: Path) -> None:
        """A directory and those above it."""
        for part in [*reversed(path.parents), path]:
            name = str(part).lstrip("/")
            if name and name not in self._known:
                self._known.add(name)
                self._add(name, stat.S_IFDIR | 0o755, b"")

    def content(self, path: Path, content: bytes, mode: int = stat.S_IFREG | 0o755, changed: int = 0) -> None:
        """A file of this content (of a symbolic link: where it points), last changed then."""
        self.directory(path.parent)
        name = str(path).lstrip("/")
        if name not in self._known:
            self._known.add(name)
            self._add(name, mode, content, changed)

    def file(self, path: Path) -> None:
        """A file of this machine, and what its symbolic links lead to."""
        self._links_above(path)
        path = path.parent.resolve() / path.name
        if path.is_symlink():
            target = os.readlink(path)
            self.content(path, target.encode(), stat.S_IFLNK | 0o777)
            self.file(Path(os.path.normpath(path.parent / target)))
        else:
            # With its time, or Python would not believe the .pyc files and compile all anew.
            self.content(path, path.read_bytes(), changed=int(path.stat().st_mtime))

    def _links_above(self, path: Path) -> None:
        """/lib is a link to usr/lib: say so before something is put below it."""
        for part in reversed(path.parents):
            if part.is_symlink():
                self.content(part, os.readlink(part).encode(), stat.S_IFLNK | 0o777)

    def tree(self, directory: Path) -> None:
        """All files below a directory of this machine."""
        for path in files_below(directory):
            self.file(path)

    def shared_objects(self) -> list[Path]:
        """Extension modules that are in it."""
        return [Path("/", name) for name in self._known if name.endswith(".so")]

    def write(self, path: Path) -> None:
        """Put it all into a file."""
        self._add("TRAILER!!!", 0, b"")
        path.write_bytes(b"".join(self._parts))


def files_below(directory: Path) -> Iterator[Path]:
    """Files, without what no program of ours imports."""
    for above, directories, files in os.walk(directory):
        directories[:] = [name for name in directories if name not in LEFT_OUT and not name.startswith("config-")]
        yield from (Path(above, name) for name in files if not name.endswith((".a", ".opt-1.pyc", ".opt-2.pyc")))


def requirements(name: str = "xtop", seen: set[str] | None = None) -> set[str]:
    """Names of the distributions that xtop needs to run, those that these need included."""
    seen = set() if seen is None else seen
    if name == "xtop":
        command = [sys.executable, str(ROOT / ".ci/requirements.py")]
        needed = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    else:
        needed = [line for line in metadata.requires(name) or [] if "extra ==" not in line]
    for line in needed:
        other = re.match(r"[\w.-]+", line.strip())
        if not other or other[0] in seen or other[0] in BUILD_ONLY:
            continue
        try:
            metadata.distribution(other[0])
        except metadata.PackageNotFoundError:
            continue  # for another Python or another system
        seen.add(other[0])
        requirements(other[0], seen)
    return seen


def libraries(program: Path) -> list[Path]:
    """Shared libraries that the loader would take, itself included."""
    said = subprocess.run(["ldd", str(program)], capture_output=True, text=True).stdout
    return [Path(path) for path in re.findall(r"(/\S+) \(0x", said)]


def _add_python(archive: Archive) -> None:
    archive.file(Path(sys.executable))
    archive.file(Path(sys.prefix, "pyvenv.cfg"))
    for part in {sysconfig.get_path("stdlib"), sysconfig.get_path("platstdlib")}:
        base = Path(sys.base_prefix, Path(part).relative_to(sys.prefix) if part.startswith(sys.prefix) else part)
        archive.tree(base)
    for name in sorted(requirements()):
        for path in metadata.distribution(name).files or []:
            found = Path(str(path.locate()))
            if found.is_file():
                archive.file(found.parent.resolve() / found.name)


def _add_xtop(archive: Archive) -> None:
    compileall.compile_dir(ROOT / "xtop", quiet=1)
    compileall.compile_dir(GUEST, quiet=1)
    site = Path(sysconfig.get_path("purelib"))
    archive.file(site / "xtop.pth")
    for program in PROGRAMS:
        archive.file(Path(sys.executable).parent / program)
    archive.tree(ROOT / "xtop")
    archive.tree(GUEST)
    archive.file(ROOT / "pyproject.toml")
    for path in (ROOT / "build/native-tests/tests/native/xsk_drain",):
        if path.exists():
            archive.file(path)


def _add_libraries(archive: Archive) -> None:
    programs = [Path(sys.executable), *(Path(sys.executable).parent / name for name in PROGRAMS[1:])]
    programs += [path for tool in TOOLS if (path := Path(shutil.which(tool) or "/usr/sbin/" + tool)).exists()]
    for tool in programs[len(PROGRAMS) :]:
        archive.file(tool)
    programs += archive.shared_objects()
    for library in sorted({library for program in programs for library in libraries(program)}):
        archive.file(library)


def build_initramfs(path: Path, emulator: Emulator, kernel: GuestKernel) -> None:
    """Write it; xtop must be built."""
    archive = Archive()
    for name in ("proc", "sys", "dev", "tmp", "run", "root", "var/lib"):
        archive.directory(Path("/", name))
    archive.content(Path("/bin/busybox"), emulator.busybox.read_bytes())
    archive.content(Path("/init"), (GUEST / "init").read_bytes())
    archive.content(Path("/python"), sys.executable.encode())
    archive.content(Path("/guest"), str(GUEST.parent).encode())
    for module in kernel.modules():
        archive.content(Path("/modules", module.name), module.read_bytes())
    _add_python(archive)
    _add_xtop(archive)
    _add_libraries(archive)
    archive.write(path)
