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
from pyroute2 import IPRoute
from pyroute2.netlink.exceptions import NetlinkError

_LIBRARIES = ("libbpf.so.1", "libbpf.so.0")
_TCX_HOOKS = (("tcx ingress", 46), ("tcx egress", 47))  # enum bpf_attach_type; older headers lack them
# TC_H_CLSACT with TC_H_MIN_INGRESS, _EGRESS, as the kernel calls them; enum bpf_tc_attach_point, as libbpf does.
_CLSACT_HOOKS = (("clsact ingress", 0xFFFFFFF2, 1), ("clsact egress", 0xFFFFFFF3, 2))
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
    struct bpf_tc_hook { size_t sz; int ifindex; int attach_point; uint32_t parent; };
    struct bpf_tc_opts { size_t sz; int prog_fd; uint32_t flags, prog_id, handle, priority; };
    int bpf_tc_query(const struct bpf_tc_hook *hook, struct bpf_tc_opts *opts);
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


def clsact_programs(index: int) -> list[Hooked]:
    """Return the BPF filters of tc(8) on interface number ``index``; raise NotSeen."""
    found = []
    with IPRoute() as route:
        for hook, parent, point in _CLSACT_HOOKS:
            try:
                filters = list(route.get_filters(index=index, parent=parent))
            except NetlinkError as error:
                if error.code in {errno.EINVAL, errno.ENOENT}:
                    continue  # there is no such qdisc
                raise NotSeen(str(error)) from None
            for one in filters:
                if one.get("TCA_KIND") == "bpf" and one["handle"]:
                    number = _filter_program(index, point, one["handle"], one["info"] >> 16)
                    label = one.get(("TCA_OPTIONS", "TCA_BPF_NAME")) or ""  # what tc(8) calls it: file and section
                    found.append(Hooked(hook, number, program_name(number) or label))
    return found


def _filter_program(index: int, point: int, handle: int, priority: int) -> int:
    """The program of a filter; pyroute2 reads all of a filter but this. 0 = not told."""
    ffi, library = _bpf()
    hook = ffi.new("struct bpf_tc_hook *", (ffi.sizeof("struct bpf_tc_hook"), index, point, 0))
    options = ffi.new("struct bpf_tc_opts *", {"sz": ffi.sizeof("struct bpf_tc_opts"), "handle": handle})
    options.priority = priority
    return options.prog_id if library.bpf_tc_query(hook, options) == 0 else 0


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
