/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The stages of the flow path as compiled for this CPU.
 *
 * DESIGN
 *   worker_parse.c, parse_lanes.c, hash.c and flow_table.c are compiled once for every CPU of the architecture (where eight
 *   frames are looked at side by side, for AVX2, asked at run time) and once more for x86-64-v4, the psABI's level with
 *   AVX-512: vectors are rotated, selected and compared in one instruction each. In that second compilation every function
 *   that they share bears the suffix _v4 (capture/meson.build), so nothing of it runs but by way of flow_path_any_v4. A
 *   worker asks once which path is its own.
 */
#ifndef XTOP_FLOW_PATH_H
#define XTOP_FLOW_PATH_H

#include <stdint.h>

struct burst;
struct flow_table;
struct lookup;
struct worker_queue;

struct flow_path {
    const char *level; /* the instructions that it may use */
    uint32_t (*parse)(struct worker_queue *queue, const struct burst *burst, uint32_t from, uint32_t to, uint64_t now,
                      struct lookup *lookup);                                        /* worker_parse */
    void (*hash)(struct flow_table *table, struct lookup *lookup, uint32_t count);   /* flow_table_hash */
    void (*find)(struct flow_table *table, struct lookup *lookup, uint32_t count);   /* flow_table_find */
    void (*update)(struct flow_table *table, struct lookup *lookup, uint32_t count); /* flow_table_update */
};

/* For every CPU of the architecture. */
extern const struct flow_path flow_path_any;

/* The best one for this CPU; never NULL, and always the same. */
const struct flow_path *flow_path_choose(void);

#endif
