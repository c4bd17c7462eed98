# SPDX-License-Identifier: BSD-2-Clause
"""A skip is loud: where the build machine runs (CI=true) it fails the session, with its reason."""

from __future__ import annotations

import os
import signal

import pytest
from hypothesis import settings

# A machine that takes the CPU away for a moment is no finding.
settings.register_profile("no deadline", deadline=None)
settings.load_profile("no deadline")

# A shell that runs the suite in the background leaves SIGINT ignored, in every program that a test starts, too.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

_skipped: list[str] = []


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    if report.skipped and not hasattr(report, "wasxfail"):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        _skipped.append(f"{report.nodeid}: {reason}")


def pytest_collectreport(report: pytest.CollectReport) -> None:
    if report.skipped:
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        _skipped.append(f"{report.nodeid}: {reason}")


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    if _skipped and os.environ.get("CI") == "true" and exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if _skipped and os.environ.get("CI") == "true":
        terminalreporter.section("skipped, which is a failure here (CI=true)", sep="=", red=True)
        for line in _skipped:
            terminalreporter.line(line)
