# SPDX-License-Identifier: BSD-2-Clause
"""Certificates for a test, made by openssl: an authority, and what it signed."""

from __future__ import annotations

import subprocess
from pathlib import Path


def _openssl(*words: object) -> None:
    subprocess.run(["openssl", *map(str, words)], check=True, capture_output=True, timeout=60)


class Authority:
    """A CA in ``directory``; ``file`` is what to believe."""

    def __init__(self, directory: Path, name: str = "ca") -> None:
        self._directory = directory
        self.file, self._key = directory / f"{name}.pem", directory / f"{name}.key"
        curve = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
        _openssl("req", "-x509", *curve, "-keyout", self._key, "-out", self.file, "-days", 2, "-subj", f"/CN={name}")

    def sign(self, name: str, subject: str, days: int = 2) -> Path:
        """Return a file with a certificate for ``subject`` (``IP:127.0.0.1``) and its key."""
        key, request, file = (self._directory / f"{name}.{suffix}" for suffix in ("key", "csr", "pem"))
        extensions = self._directory / f"{name}.ext"
        extensions.write_text(f"subjectAltName={subject}\n")
        curve = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
        _openssl("req", "-new", *curve, "-keyout", key, "-out", request, "-subj", f"/CN={name}")
        signed = ("-CA", self.file, "-CAkey", self._key, "-CAcreateserial", "-extfile", extensions)
        _openssl("x509", "-req", "-in", request, *signed, "-days", days, "-out", file)
        file.write_text(file.read_text() + key.read_text())
        return file
