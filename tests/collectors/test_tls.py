# SPDX-License-Identifier: BSD-2-Clause
"""TLS to a collector that checks certificates, and that shows wrong ones."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.collectors.certificates import Authority
from tests.collectors.collectors import StreamCollector, free_port, tls_listen
from tests.collectors.conftest import RunXtop
from tests.collectors.seen_flows import of_snapshot, of_tshark
from tests.collectors.tshark_complaints import complaints


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="module")
def stranger(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("stranger"), "stranger")


def test_both_sides_check(
    every_kind: Path,
    run_xtop: RunXtop,
    read_json: Callable[[Path], dict[str, Any]],
    authority: Authority,
    tmp_path: Path,
) -> None:
    port = free_port()
    server = authority.sign("server", "IP:127.0.0.1")
    collector = StreamCollector(tmp_path / "stream.ipfix", port, tls_listen(server, authority, 1))
    client = authority.sign("client", "DNS:exporter")
    url = f"tls://127.0.0.1:{port}"
    done = run_xtop("record", "-r", every_kind, "--ipfix", url, "--ipfix-ca", authority.file, "--ipfix-cert", client)
    assert (done.returncode, done.stderr) == (0, b"")
    collector.wait()
    assert complaints(collector.file) == []
    assert of_tshark(collector.file) == of_snapshot(read_json(every_kind))


# What the collector shows, what we believe, and what is said then.
REFUSED = {
    "unknown authority": ("IP:127.0.0.1", 2, False, "certificate"),
    "expired": ("IP:127.0.0.1", -1, True, "certificate has expired"),
    "of another host": ("IP:127.0.0.2", 2, True, "IP address mismatch, certificate is not valid for '127.0.0.1'"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_certificate_is_refused(
    name: str, every_kind: Path, run_xtop: RunXtop, authority: Authority, stranger: Authority, tmp_path: Path
) -> None:
    subject, days, believed, said = REFUSED[name]
    port = free_port()
    server = authority.sign(name.replace(" ", "-"), subject, days)
    collector = StreamCollector(tmp_path / "stream.ipfix", port, tls_listen(server, authority, 0))
    believe = authority if believed else stranger
    done = run_xtop("record", "-r", every_kind, "--ipfix", f"tls://127.0.0.1:{port}", "--ipfix-ca", believe.file)
    collector.wait()
    lines = done.stderr.decode().splitlines()
    assert (done.returncode, len(lines)) == (1, 1), lines
    assert lines[0].startswith(f"xtop: error: cannot export to tls://127.0.0.1:{port} (its certificate is refused: ")
    assert said in lines[0]
    assert not collector.file.exists() or collector.file.read_bytes() == b""


def test_unchecked_where_it_is_asked_for(
    every_kind: Path, run_xtop: RunXtop, authority: Authority, tmp_path: Path
) -> None:
    port = free_port()
    server = authority.sign("whoever", "DNS:whoever")
    collector = StreamCollector(tmp_path / "stream.ipfix", port, tls_listen(server, authority, 0))
    done = run_xtop("record", "-r", every_kind, "--ipfix", f"tls://127.0.0.1:{port}", "--ipfix-no-verify")
    assert (done.returncode, done.stderr) == (0, b"")
    collector.wait()
    assert of_tshark(collector.file).total() > 0


def test_the_collector_refuses_us(every_kind: Path, run_xtop: RunXtop, authority: Authority, tmp_path: Path) -> None:
    """It wants a certificate, and we have none: that is said, and no flow counts as delivered."""
    port = free_port()
    server = authority.sign("strict", "IP:127.0.0.1")
    collector = StreamCollector(tmp_path / "stream.ipfix", port, tls_listen(server, authority, 1))
    done = run_xtop("record", "-r", every_kind, "--ipfix", f"tls://127.0.0.1:{port}", "--ipfix-ca", authority.file)
    collector.wait()
    lines = done.stderr.decode().splitlines()
    assert (done.returncode, len(lines)) == (1, 1), lines
    assert "certificate required" in lines[0]
