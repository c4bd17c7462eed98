# SPDX-License-Identifier: BSD-2-Clause
"""The regions of the screen, one a file. Each draws from a :class:`xtop.picture.Picture` and knows no source."""
