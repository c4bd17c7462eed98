# SPDX-License-Identifier: BSD-2-Clause
"""Debian packages without installing any: an apt of our own, that knows nothing of this machine's packages.

Lists, cache and the (empty) status of installed packages lie in one directory, so no root is needed, nothing on the
machine is upgraded, and what comes is the same on any machine: a program with every library down to libc.
"""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

PATIENCE_S = 900


class Unavailable(Exception):
    """Packages cannot be had here; says why."""


@dataclass(frozen=True)
class Archive:
    """Where packages are, and who signs for them."""

    address: str
    keyring: Path


DEBIAN = Archive("http://deb.debian.org/debian", Path("/usr/share/keyrings/debian-archive-keyring.gpg"))


@dataclass
class AptView:
    """What apt sees of ``suites`` (the first is the one to prefer)."""

    directory: Path
    suites: tuple[str, ...]
    archive: Archive = DEBIAN

    def update(self) -> None:
        """Fetch the lists of packages."""
        keyring = self.archive.keyring
        if not keyring.exists():
            raise Unavailable(f"{keyring} is missing (install {keyring.stem})")
        for part in ("lists/partial", "cache/archives/partial"):
            (self.directory / part).mkdir(parents=True, exist_ok=True)
        (self.directory / "status").touch()
        lines = [f"deb [signed-by={keyring}] {self.archive.address} {suite} main\n" for suite in self.suites]
        (self.directory / "sources.list").write_text("".join(lines))
        self._run("apt-get", "update", "--error-on=any")

    def newest(self, pattern: str) -> str:
        """The package of the highest version number whose name matches ``pattern`` wholly."""
        names = self._run("apt-cache", "pkgnames").split()
        found = [name for name in names if re.fullmatch(pattern, name)]
        if not found:
            raise Unavailable(f"no package {pattern} in {', '.join(self.suites)}")
        return max(found, key=lambda name: [int(number) for number in re.findall(r"\d+", name)])

    def with_dependencies(self, *packages: str) -> list[Path]:
        """Files of the packages and of everything that they need."""
        self._run("apt-get", "install", "-y", "--download-only", "--no-install-recommends", *packages)
        return sorted((self.directory / "cache/archives").glob("*.deb"))

    def alone(self, *packages: str) -> list[Path]:
        """Files of these packages and no other."""
        archives = self.directory / "cache/archives"
        self._run("apt-get", "download", *packages, directory=archives)
        return [next(archives.glob(f"{package}_*.deb")) for package in packages]

    def _run(self, program: str, *words: str, directory: Path | None = None) -> str:
        own = {
            "Dir::Etc::sourcelist": self.directory / "sources.list",
            "Dir::Etc::sourceparts": "/dev/null",
            "Dir::Etc::preferences": "/dev/null",
            "Dir::Etc::preferencesparts": "/dev/null",
            "Dir::State::lists": self.directory / "lists",
            "Dir::State::status": self.directory / "status",
            "Dir::Cache": self.directory / "cache",
            "Debug::NoLocking": "1",
            "APT::Architecture": "amd64",
            "APT::Sandbox::User": "",
            "APT::Default-Release": self.suites[0] if "backports" in self.suites[0] else "",
            "Acquire::Languages": "none",
            "Acquire::Retries": "3",
        }
        options = [part for name, value in own.items() for part in ("-o", f"{name}={value}")]
        try:
            done = subprocess.run(
                [program, *options, *words],
                cwd=directory or self.directory,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=PATIENCE_S,
            )
        except FileNotFoundError:
            raise Unavailable(f"{program} is missing (this needs Debian or Ubuntu)") from None
        except subprocess.TimeoutExpired:
            raise Unavailable(f"{program} {words[0]} took longer than {PATIENCE_S} s") from None
        if done.returncode:
            raise Unavailable(f"{program} {words[0]}: {' '.join(done.stderr.split()) or done.returncode}")
        return done.stdout


def unpack(package: Path, directory: Path) -> None:
    """Put the files of a package under ``directory``."""
    directory.mkdir(parents=True, exist_ok=True)
    subprocess.run(["dpkg-deb", "-x", str(package), str(directory)], check=True)
