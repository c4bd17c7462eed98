/* SPDX-License-Identifier: BSD-2-Clause */
#include "capture/flow_path.h"

#include "capture/flow_table.h"
#include "capture/worker_parse.h"

#ifdef __AVX512VL__
#define LEVEL "x86-64-v4"
#else
#define LEVEL "any"
#endif

const struct flow_path flow_path_any = {
    .level = LEVEL,
    .parse = worker_parse,
    .hash = flow_table_hash,
    .find = flow_table_find,
    .update = flow_table_update,
};
