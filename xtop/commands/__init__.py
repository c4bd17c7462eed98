# SPDX-License-Identifier: BSD-2-Clause
"""What xtop does, one command a file. Each has ``run(options) -> int`` and is imported when it is asked for."""
