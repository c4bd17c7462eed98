/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The flow-counting BPF programs (bpf/flow_count.bpf.c) and their maps: loaded, and read epoch by epoch. Where they are
 * attached is not known here.
 *
 *   program ── counts into ──► epoch e          turn: e becomes 1 - e
 *                              epoch 1 - e  ◄── wait until no program runs that saw the old e
 *                                           ──► counters read and set to zero, flows taken out in one batch
 */
#ifndef XTOP_FLOW_COUNTER_H
#define XTOP_FLOW_COUNTER_H

#include <stdbool.h>
#include <stdint.h>

#include "capture/flow_epoch.h"
#include "capture/options.h"

struct flow_count;

struct flow_counter {
    struct flow_count *skeleton; /* NULL = not loaded */
    uint32_t entries;            /* of each epoch's flow map */
    int turn_fd;                 /* map in a map: an update waits for running programs */
    int turn_inner_fd;
    uint32_t cpus; /* possible ones, as the kernel numbers them */

    /* One epoch, as it was read. */
    struct flow_counts *cpu_counts; /* `cpus` */
    struct flow_sum_key *key;       /* `entries` */
    struct flow_sum *sum;
    struct flow_epoch_entry *entry;
};

/*
 * Loads the programs for links whose packets have `link_header` bytes before the IP header, 14 or 0, and maps of
 * `entries` flows an epoch, for the packets that `sampling` takes. Returns 0, or -errno with nothing left behind.
 */
int flow_counter_load(struct flow_counter *counter, uint32_t link_header, uint32_t entries, struct sampling sampling);

/* File descriptors of the two programs. */
int flow_counter_in_fd(const struct flow_counter *counter);
int flow_counter_out_fd(const struct flow_counter *counter);

/* Packets of the present epoch so far. Returns 0, or -errno. */
int flow_counter_received(struct flow_counter *counter, uint64_t *received);

/*
 * Turns the epoch over and fills `epoch` with the old one. Waits for the kernel's grace period, some milliseconds.
 * Returns 0, or -errno, which is final: part of what was counted may be gone.
 */
int flow_counter_turn(struct flow_counter *counter, struct flow_epoch *epoch);

/* Gives programs, maps and memory back. */
void flow_counter_unload(struct flow_counter *counter);

#endif
