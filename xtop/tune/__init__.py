# SPDX-License-Identifier: BSD-2-Clause
"""``xtop tune``: what to change on a link, doing it, and putting back what was there."""
