/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One flow of a scan (reader_scan.c): it is copied whole (reader_copy.c), or a glance at its one part (reader_scan.c) or its
 * several (reader_parts.c) shows that it is not wanted, and it is counted. Nobody else includes this.
 */
#ifndef XTOP_READER_FLOW_H
#define XTOP_READER_FLOW_H

#include <string.h>

#include "capture/histogram.h"
#include "capture/reader_gain.h"
#include "capture/reader_kin.h"
#include "capture/reader_scan.h"

/* Flows that wait for their rest's lines at a time. */
#define READ_AHEAD 8

/* Slots that were seen to need more than their own line, which comes meanwhile. */
struct waiting {
    struct reader_place place[READ_AHEAD]; /* a ring */
    uint32_t first;
    uint32_t count;
};

struct scan {
    struct look *look;
    struct reader *reader;
    bool kin;              /* there are several queues */
    bool tied;             /* of the last flow the key was needed, too */
    struct reader_row row; /* what of a flow was filled in at a glance */
    struct pending pending;
    struct waiting waiting;
};

static inline struct previous *previous_of(const struct scan *scan, struct reader_place place)
{
    return &scan->reader->previous[place.queue][place.slot];
}

static inline struct gain gain_of(const struct look *look, const struct previous *previous,
                                  const struct xtop_record *record)
{
    return look->between ? gain_recall(previous, record) : gain_since(previous, record, look->view->over_span);
}

static inline void rates_add(struct reader_row *row, const struct gain *gain)
{
    for (int end = 0; end < 2; end++) {
        row->rate_packets[end] += gain->packets[end];
        row->rate_bytes[end] += gain->bytes[end];
    }
}

static inline void flow_count(struct reader_result *result, const struct xtop_record *record, uint32_t lasted)
{
    struct xtop_protocol *protocol = &result->protocol[record->key.protocol];
    uint64_t packets = record_packets(record);

    result->flows_live++;
    result->duration[lasted]++;
    result->packets[histogram_packets_bin(packets)]++;
    protocol->flows++;
    protocol->packets += packets;
    protocol->bytes += record->direction[0].bytes + record->direction[1].bytes;
}

static inline bool row_is_hidden(const struct scan *scan)
{
    const struct look *look = scan->look;

    return look->view->filter && !filter_matches(look->view->filter, &look->scene, &scan->row);
}

/*
 * Whether the flow at a glance stands behind those that are wanted. Where only its key would tell it is looked at if
 * `with_key`, or else the answer is no.
 */
static inline bool row_is_behind(struct scan *scan, struct reader_place place, bool with_key)
{
    int order = ranking_place(&scan->look->rows, &scan->row);

    scan->tied = order == 0;
    if (scan->tied)
        return with_key && reader_glance_key(scan->reader, place, &scan->row.record) &&
               ranking_key_behind(&scan->look->rows, &scan->row);
    return order > 0;
}

static inline void part_keep(const struct scan *scan, struct reader_place place, const struct xtop_record *record,
                             const struct pending *pending, const struct gain *gain)
{
    if (scan->look->kept && pending)
        gain_keep(previous_of(scan, place), record, pending, gain);
    else if (scan->look->kept)
        gain_nothing(previous_of(scan, place));
}

/*
 * Counts a flow that need not be offered, or that the filter has `hidden`; what it lasted is in the bin that it was in, or
 * else `lasts` anew.
 */
static inline void row_pass(struct scan *scan, struct reader_place place, bool lasts, bool hidden)
{
    struct previous *previous = previous_of(scan, place);
    uint8_t lasted;

    if (!lasts)
        lasted = previous_duration_bin(previous);
    else if (scan->look->kept)
        lasted = previous_keep_duration(previous, &scan->row.record);
    else
        lasted = duration_bin(&scan->row.record);
    flow_count(scan->look->result, &scan->row.record, lasted);
    if (hidden) {
        scan->look->result->hidden++;
        return;
    }
    scan->look->result->matched++;
    ranking_pass(&scan->look->rows);
}

/* ---- reader_copy.c ---- */

/* Copies the flow whose first part is at `place`, counts it and offers it. */
void flow_copy(struct scan *scan, struct reader_place place);

/* ---- reader_parts.c ---- */

/*
 * Whether a glance at all parts of the flow whose first is at `place` is enough: the flow stands behind those that are
 * wanted, and was counted. False: nothing was done.
 */
bool parts_suffice(struct scan *scan, struct reader_place place);

#endif
