# SPDX-License-Identifier: BSD-2-Clause
"""``xtop doctor``: one idea a file, each a function from what was read to findings; :mod:`examination` calls them."""
