# SPDX-License-Identifier: BSD-2-Clause
"""What keys do to the screen, one subject a module; `xtop.app` puts them together."""
