/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Linked into a test of what is compiled for x86-64-v4: on a CPU of another level it is skipped before it begins.
 */
#include <stdio.h>
#include <stdlib.h>

#include "capture/cpu_level.h"

#define MESON_SKIP 77

__attribute__((constructor)) static void needs_v4(void)
{
    if (cpu_is_v4())
        return;
    fputs("skipped: this CPU or kernel has no AVX-512 (x86-64-v4)\n", stderr);
    exit(MESON_SKIP);
}
