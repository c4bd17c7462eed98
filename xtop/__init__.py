# SPDX-License-Identifier: BSD-2-Clause
"""xtop: what crosses a link, live in a terminal."""

__version__ = "0.1.0"
