# SPDX-License-Identifier: BSD-2-Clause
"""A filter's program as the reader takes it: instructions of capture/filter_program.h, one struct each."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from xtop._native import ffi, lib


@lru_cache(maxsize=8)
def native_program(text: str) -> Any:
    """Return a cffi array of ``struct filter_instruction`` for an expression; None where it is empty.

    Raises FilterError where it is wrong.
    """
    if not text.strip():
        return None
    from xtop.filter_language.compiler import compile_filter  # only who filters pays for the grammar

    program = compile_filter(text)
    if program is None:
        return None
    steps = ffi.new("struct filter_instruction[]", len(program))
    for step, instruction in zip(steps, program, strict=True):
        step.field = getattr(lib, f"FILTER_{instruction.field}")
        step.end = instruction.end
        step.if_true, step.if_false = instruction.if_true, instruction.if_false
        first, second = instruction.range
        if isinstance(first, bytes) and isinstance(second, bytes):
            step.range.address[0], step.range.address[1] = list(first), list(second)
        elif isinstance(first, float):
            step.range.real[0], step.range.real[1] = first, second
        else:
            step.range.number[0], step.range.number[1] = first, second
    return steps
