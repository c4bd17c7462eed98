# SPDX-License-Identifier: BSD-2-Clause
"""BPF programs on an interface, by their names. Asked of libbpf, which xtop-capture is linked to anyway.

Both the list of a tcx hook and the name of a program are for CAP_SYS_ADMIN and CAP_BPF alone.
"""

from __future__ import annotations

import errno
import os
from dataclasses import dataclass
from functools import cache
from typing import Any

from cffi import FFI

_LIBRARIES = ("libbpf.so.1", "libbpf.so.0")
_TCX_HOOKS = (("tcx ingress", 46), ("tcx egress", 47))  # enum bpf_attach_type; older headers lack them
_MOST = 64
_DECLARATIONS = """
    struct program_info {  /* the beginning of struct bpf_prog_info, linux/bpf.h; the kernel takes any length of it */
        uint32_t type, id;
        uint8_t tag[8];
        uint32_t jited_len, xlated_len;
        uint64_t jited, xlated, load_time;
        uint32_t created_by_uid, nr_map_ids;
        uint64_t map_ids;
        char name[16];
    };
    int bpf_prog_get_fd_by_id(uint32_t id);
    int bpf_obj_get_info_by_fd(int fd, struct program_info *info, uint32_t *length);
    int bpf_prog_query(int target, int type, uint32_t flags, uint32_t *attach_flags, uint32_t *ids, uint32_t *count);
"""


@dataclass(frozen=True, slots=True)
class Hooked:
    """A program and where it sits; the name is empty where it could not be seen."""

    hook: str
    id: int
    name: str = ""


class NotSeen(Exception):
    """The kernel would not tell, or there is no libbpf to ask by. ``str()`` says which."""


def tcx_programs(index: int) -> list[Hooked]:
    """Return the programs on the tcx hooks of interface number ``index``; raise NotSeen."""
    ffi, library = _bpf()
    found = []
    for hook, kind in _TCX_HOOKS:
        ids, count = ffi.new("uint32_t[]", _MOST), ffi.new("uint32_t *", _MOST)
        result = library.bpf_prog_query(index, kind, 0, ffi.NULL, ids, count)
        if result < 0 and ffi.errno == errno.EINVAL:
            return []  # a kernel without tcx
        if result < 0:
            raise NotSeen(os.strerror(ffi.errno))
        found += [Hooked(hook, ids[place], program_name(ids[place])) for place in range(min(count[0], _MOST))]
    return found


def program_name(number: int) -> str:
    """Return the name of program ``number``; empty where it has none or may not be seen."""
    try:
        ffi, library = _bpf()
    except NotSeen:
        return ""
    descriptor = library.bpf_prog_get_fd_by_id(number)
    if descriptor < 0:
        return ""
    try:
        info = ffi.new("struct program_info *")
        length = ffi.new("uint32_t *", ffi.sizeof("struct program_info"))
        if library.bpf_obj_get_info_by_fd(descriptor, info, length) < 0:
            return ""
        return bytes(ffi.string(info.name, 16)).decode(errors="replace")
    finally:
        os.close(descriptor)


@cache
def _bpf() -> tuple[Any, Any]:
    ffi = FFI()
    ffi.cdef(_DECLARATIONS)
    for name in _LIBRARIES:
        try:
            return ffi, ffi.dlopen(name)
        except OSError:
            continue
    raise NotSeen(f"there is neither {' nor '.join(_LIBRARIES)}")
