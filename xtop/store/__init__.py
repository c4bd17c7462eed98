# SPDX-License-Identifier: BSD-2-Clause
"""Moments of a capture kept on disk, for ``xtop record --store`` to write and ``xtop replay`` to go through."""
