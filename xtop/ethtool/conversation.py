# SPDX-License-Identifier: BSD-2-Clause
"""One generic netlink socket for one family: requests, answers, and refusals with the kernel's extended words."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from types import TracebackType
from typing import Any

from pyroute2.netlink import NLM_F_ACK, NLM_F_DUMP, NLM_F_REQUEST
from pyroute2.netlink.exceptions import NetlinkError
from pyroute2.netlink.generic import GenericNetlinkSocket

from xtop.ethtool.refusal import Refusal


class Conversation:
    """Speaks one message class of one family in the caller's network namespace. Close it, or use it in ``with``."""

    def __init__(self, family: str, version: int, message: type[Any]) -> None:
        self._version = version
        self._message = message
        # pyroute2 logs an error where the kernel lacks a family; here that is an answer.
        logging.getLogger().addFilter(_not_about_families)
        self._socket = GenericNetlinkSocket(ext_ack=True)
        try:
            self._socket.bind(family, message)
        except NetlinkError:
            self._socket.close()
            raise Refusal(0, f"this kernel has no netlink family {family}") from None
        except BaseException:
            self._socket.close()
            raise
        finally:
            logging.getLogger().removeFilter(_not_about_families)

    def __enter__(self) -> Conversation:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._socket.close()

    def ask(self, command: int, attributes: Sequence[tuple[str, Any]]) -> Any:
        """Return the one answer to ``command``; raise Refusal."""
        answers = self._request(command, attributes, NLM_F_REQUEST)
        if not answers:
            raise Refusal(0, "the kernel did not answer")
        return answers[0]

    def ask_all(self, command: int, attributes: Sequence[tuple[str, Any]]) -> list[Any]:
        """Return every answer to a dump of ``command``; raise Refusal."""
        return self._request(command, attributes, NLM_F_REQUEST | NLM_F_DUMP)

    def order(self, command: int, attributes: Sequence[tuple[str, Any]]) -> None:
        """Have ``command`` done, or raise Refusal."""
        self._request(command, attributes, NLM_F_REQUEST | NLM_F_ACK)

    def _request(self, command: int, attributes: Sequence[tuple[str, Any]], flags: int) -> list[Any]:
        message = self._message()
        message["cmd"] = command
        message["version"] = self._version
        message["attrs"] = [list(attribute) for attribute in attributes]
        try:
            return list(self._socket.nlm_request(message, msg_type=self._socket.prid, msg_flags=flags))
        except NetlinkError as error:
            words = error.args[1] if len(error.args) > 1 else None
            raise Refusal(error.code, words) from None


def _not_about_families(record: logging.LogRecord) -> bool:
    return "protocol" not in record.getMessage()
