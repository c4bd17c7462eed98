# SPDX-License-Identifier: BSD-2-Clause
"""Writes the C of the extension module ``xtop._native`` (a build step, not part of the package).

The declarations come from the headers' own text, between their ``cdef`` marks, so there is no second copy to go stale;
what C compiles is checked against them field by field.
"""

from __future__ import annotations

import sys
from pathlib import Path

from cffi import FFI

BEGIN = "/* cdef begin */"
END = "/* cdef end */"


def declarations(header: Path) -> str:
    """Return what lies between the ``cdef`` marks of ``header``."""
    text = header.read_text(encoding="utf-8")
    if text.count(BEGIN) != 1 or text.count(END) != 1:
        raise SystemExit(f"{header}: expected one '{BEGIN}' and one '{END}'")
    return text.split(BEGIN)[1].split(END)[0]


def main(arguments: list[str]) -> None:
    """Write ``arguments[-1]`` from the headers before it."""
    *headers, output = (Path(argument) for argument in arguments)
    ffi = FFI()
    for header in headers:
        ffi.cdef(declarations(header))
    ffi.set_source("xtop._native", "".join(f'#include "{header.parent.name}/{header.name}"\n' for header in headers))
    ffi.emit_c_code(str(output))


if __name__ == "__main__":
    main(sys.argv[1:])
