# SPDX-License-Identifier: BSD-2-Clause
"""TLS to a collector: the standard library's, with its checks, and a certificate of our own where one is asked for."""

from __future__ import annotations

import ssl
from collections.abc import Iterable

from xtop.export.errors import ExportError
from xtop.ipfix.collector import Collector
from xtop.ipfix.settings import TlsSettings


def check_tls(collectors: Iterable[Collector], settings: TlsSettings) -> None:
    """Raise ExportError where certificates were given to no purpose: flows would go in the clear, or nameless."""
    options = (
        ("--ipfix-ca", settings.authorities),
        ("--ipfix-cert", settings.certificate),
        ("--ipfix-key", settings.key),
        ("--ipfix-no-verify", not settings.verify),
    )
    given = [option for option, there in options if there]
    if given and all(collector.scheme != "tls" for collector in collectors):
        raise ExportError(
            f"{given[0]} is for TLS (no collector is tls://; write --ipfix tls://HOST, or leave it out)", 2
        )
    if settings.key is not None and settings.certificate is None:
        raise ExportError("--ipfix-key is the key of a certificate (give --ipfix-cert, too)", 2)


def tls_context(settings: TlsSettings) -> ssl.SSLContext:
    """Return the context of a client (ExportError with the file at fault)."""
    try:
        context = ssl.create_default_context(cafile=settings.authorities)
    except (OSError, ValueError) as error:
        raise _unreadable(settings.authorities, error, "give the collector's CA as PEM") from None
    if not settings.verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if settings.certificate is not None:
        try:
            # An encrypted key must not make a program without a terminal ask for a password.
            context.load_cert_chain(settings.certificate, settings.key, password=lambda: "")
        except (OSError, ValueError) as error:
            what = settings.certificate if settings.key is None else f"{settings.certificate} with {settings.key}"
            raise _unreadable(what, error, "give a certificate and its unencrypted key as PEM") from None
    return context


def _unreadable(file: str | None, error: Exception, advice: str) -> ExportError:
    why = error.strerror if isinstance(error, OSError) and not isinstance(error, ssl.SSLError) else None
    return ExportError(f"cannot use {file} ({(why or 'not readable as a certificate').lower()}; {advice})", 2)


def certificate_trouble(error: BaseException) -> str | None:
    """Return why the collector's certificate is refused, a clause; None: the error is another one."""
    if not isinstance(error, ssl.SSLCertVerificationError):
        return None
    return f"its certificate is refused: {error.verify_message or error.reason}"
