# SPDX-License-Identifier: BSD-2-Clause
"""Ended flows on their way to IPFIX collectors, while a capture runs."""
