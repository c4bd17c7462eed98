# SPDX-License-Identifier: BSD-2-Clause
"""The language of flow filters: ``proto tcp and port 443 and bps > 1M``.

An expression goes through ``grammar`` (text to tree), ``meaning`` (tree to tests, with ``values`` reading what they
compare with) and ``program`` (tests to the instructions of capture/filter_program.h). ``compiler`` is the front door.
Nothing of this knows where flows come from, or that there is a screen.
"""
