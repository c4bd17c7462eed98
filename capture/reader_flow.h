/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One flow of a scan (reader_scan.c): it is copied whole (reader_copy.c), or a glance at its one part (reader_scan.c) or its
 * several (reader_parts.c) shows that it is not wanted, and it is counted. Nobody else includes this.
 */
#ifndef XTOP_READER_FLOW_H
#define XTOP_READER_FLOW_H

#include <string.h>

#include "capture/reader_gain.h"
#include "capture/reader_kin.h"
#include "capture/reader_scan.h"
#include "capture/reader_sums.h"
#include "capture/reader_tally.h"

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
    struct group_sums *sums; /* that are told of what becomes of flows; NULL: none are, or this look is not kept */
    bool kin;                /* there are several queues */
    bool hides;              /* the filter does not let the flow at hand through, as long as it is what it is */
    bool tied;               /* of the last flow the key was needed, too */
    struct reader_row row;   /* what of a flow was filled in at a glance */
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

static inline uint32_t *seen_of(const struct scan *scan, struct reader_place place)
{
    return &scan->reader->seen[place.queue][place.slot];
}

static inline struct before before_of(const struct scan *scan, struct reader_place place)
{
    return (struct before){*seen_of(scan, place), previous_of(scan, place), previous_of(scan, place)};
}

static inline struct reader_bits *bits_of(const struct scan *scan, struct reader_place place)
{
    return &scan->reader->bits[place.queue][place.slot / 64];
}

static inline uint64_t bit_of(struct reader_place place)
{
    return UINT64_C(1) << place.slot % 64;
}

/* What of a flow that several queues have parts of is in the tally, by the slot that stands for it. */
static inline struct counted *counted_of(const struct scan *scan, struct reader_place place)
{
    return &scan->reader->counted[place.queue][place.slot];
}

/* Counts the flow that `place` stands for, of which nothing is counted (any more). */
static inline void flow_count(const struct scan *scan, struct reader_place place, const struct xtop_record *record,
                              uint32_t lasted)
{
    struct look *look = scan->look;
    bool room = previous_has_room(record);
    struct tally *tally = scan->kin || room ? &look->tally : &look->unkept;
    uint64_t bytes = record->direction[0].bytes + record->direction[1].bytes;
    uint64_t packets = record_packets(record);

    tally_count(tally, record->key.protocol, packets, bytes, lasted, TALLY_ADD);
    if (!scan->kin || !look->kept)
        return;
    bits_of(scan, place)->counted |= bit_of(place);
    if (room && !(bits_of(scan, place)->ringed & bit_of(place)))
        return;
    *counted_of(scan, place) =
        (struct counted){packets & ((UINT64_C(1) << 48) - 1), lasted & 0xff, record->key.protocol, bytes};
    bits_of(scan, place)->stored |= bit_of(place);
}

/* The same of what came to a flow that lies in this slot alone, and is counted; it is one of `packets` packets before. */
static inline void flow_count_added(const struct scan *scan, struct reader_place place, uint8_t protocol,
                                    uint64_t packets, const struct gain *gain)
{
    tally_add(&scan->look->tally, protocol, packets, gain);
    if (!(bits_of(scan, place)->stored & bit_of(place)))
        return;
    counted_of(scan, place)->packets += gain->packets[0] + gain->packets[1];
    counted_of(scan, place)->bytes += gain->bytes[0] + gain->bytes[1];
}

/* Whether what the slot stands for is in the tally. */
static inline bool is_counted(const struct scan *scan, struct reader_place place)
{
    return scan->kin ? bits_of(scan, place)->counted & bit_of(place) : *seen_of(scan, place);
}

/* Takes off what was counted of the slot in the look before; before what is kept of that is overwritten. */
static inline void flow_uncount(const struct scan *scan, struct reader_place place)
{
    const struct previous *previous = previous_of(scan, place);
    struct tally *tally = &scan->look->tally;

    if (!is_counted(scan, place))
        return;
    if (!(bits_of(scan, place)->stored & bit_of(place)))
        tally_count(tally, previous->protocol, previous_total(previous, false), previous_total(previous, true),
                    previous_duration_bin(previous), TALLY_TAKE_OFF);
    else
        tally_count(tally, counted_of(scan, place)->protocol, counted_of(scan, place)->packets,
                    counted_of(scan, place)->bytes, counted_of(scan, place)->lasts, TALLY_TAKE_OFF);
    if (!scan->kin || !scan->look->kept)
        return;
    bits_of(scan, place)->counted &= ~bit_of(place);
    bits_of(scan, place)->stored &= ~bit_of(place);
}

/* What the slot has brought to groups leaves them; before what is kept of it is overwritten. */
static inline void shares_leave(const struct scan *scan, struct reader_place place)
{
    if (scan->sums)
        group_sums_forget(scan->sums, group_sums_slot(scan->sums, place), previous_of(scan, place));
}

/* The slot is free; what was counted of it is taken off by now. */
static inline void part_forget(struct scan *scan, struct reader_place place)
{
    shares_leave(scan, place);
    if (scan->look->kept && *seen_of(scan, place))
        *seen_of(scan, place) = 0;
}

/* The slot is free. */
static inline void flow_forget(struct scan *scan, struct reader_place place)
{
    flow_uncount(scan, place);
    part_forget(scan, place);
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

/* Of a look that is kept: from now on what the slot has is measured from here. */
static inline void part_keep(const struct scan *scan, struct reader_place place, const struct xtop_record *record,
                             const struct pending *pending, const struct gain *gain)
{
    struct reader_bits *bits = bits_of(scan, place);

    *seen_of(scan, place) = gain_keep(previous_of(scan, place), record, pending, gain);
    if (gain->packets[0] | gain->packets[1])
        bits->gained |= bit_of(place);
    else
        bits->gained &= ~bit_of(place);
}

/* The same where it stood still: mostly its rates were 0, too, and no line is written. */
static inline void part_keep_still(const struct scan *scan, struct reader_place place)
{
    struct reader_bits *bits = bits_of(scan, place);

    if (!(bits->gained & bit_of(place)))
        return;
    gain_nothing(previous_of(scan, place));
    bits->gained &= ~bit_of(place);
}

/* Something new may be known of the flow, or it is another. */
static inline void ends_forget(const struct scan *scan, struct reader_place place)
{
    bits_of(scan, place)->ends_known &= ~bit_of(place);
}

/*
 * After that, where hosts that stand out are looked for: what the ends are is the same as long as nothing is new of the flow;
 * so they are where they are `known`.
 */
static inline void ends_keep(const struct scan *scan, struct reader_place place, const struct xtop_record *record,
                             bool known)
{
    struct reader_bits *bits = bits_of(scan, place);
    bool began;

    bits->ends_known |= bit_of(place);
    if (known)
        return;
    began = reader_activity_ends(scan->look->activity, record, &scan->reader->ends[place.queue][place.slot]);
    bits->began = began ? bits->began | bit_of(place) : bits->began & ~bit_of(place);
}

/* What the filter says of the flow is kept. */
static inline void judge_keep(const struct scan *scan, struct reader_place place, bool hidden)
{
    struct reader_bits *bits = bits_of(scan, place);

    if (!scan->look->kept || scan->look->stands == FILTER_STANDS_NOT)
        return;
    bits->judged |= bit_of(place);
    bits->hidden = hidden ? bits->hidden | bit_of(place) : bits->hidden & ~bit_of(place);
}

/* 64 flows of which it is known what the filter says, a bit each; where there is none they all are. */
struct judged {
    uint64_t still;  /* if they stood still */
    uint64_t added;  /* if they were added to */
    uint64_t hidden; /* of both: it does not let them through */
};

static inline struct judged slots_judged(const struct scan *scan, struct reader_place first)
{
    const struct reader_bits *bits = bits_of(scan, first);
    enum filter_stands stands = scan->look->stands;

    if (stands == FILTER_STANDS_NOT)
        return (struct judged){UINT64_MAX, UINT64_MAX, 0};
    return (struct judged){bits->judged, stands == FILTER_STANDS_ADDED ? bits->judged : 0, bits->judged & bits->hidden};
}

/* How long a flow has lasted; where `moved` is false it is in the bin that it was in. */
static inline uint8_t row_lasts(const struct scan *scan, struct reader_place place, bool moved)
{
    if (!moved)
        return previous_duration_bin(previous_of(scan, place));
    if (scan->look->kept)
        return previous_keep_duration(previous_of(scan, place), &scan->row.record);
    return duration_bin(&scan->row.record);
}

/* Counts a flow that stands `still`, or is another than it was; before what is kept of it is overwritten. */
static inline void row_count(struct scan *scan, struct reader_place place, bool still, bool moved)
{
    if (still && is_counted(scan, place))
        return;
    flow_uncount(scan, place);
    flow_count(scan, place, &scan->row.record, row_lasts(scan, place, moved));
}

/* The same of a flow that was added to. */
static inline void row_count_added(struct scan *scan, struct reader_place place, const struct gain *gain)
{
    const struct previous *previous = previous_of(scan, place);

    if (is_counted(scan, place) && scan->look->kept && previous_has_room(&scan->row.record))
        flow_count_added(scan, place, previous->protocol, previous_total(previous, false), gain);
    else
        row_count(scan, place, false, false);
}

/* Passes over a flow that need not be offered, or that the filter has `hidden`. */
static inline void row_pass(struct scan *scan, bool hidden)
{
    if (hidden) {
        scan->look->result->hidden++;
        return;
    }
    scan->look->result->matched++;
    ranking_pass(&scan->look->rows, 1);
}

/* ---- reader_copy.c ---- */

/* Copies the flow whose first part is at `place`, counts it and offers it. */
void flow_copy(struct scan *scan, struct reader_place place);

/* Whether `place` stands for a flow, of which nothing was done yet. */
static inline bool stands_for_flow(const struct scan *scan, struct reader_place place)
{
    if (!scan->kin)
        return true;
    return reader_kin_at(scan->reader, place)->generation && reader_kin_is_first(scan->reader, place);
}

/* The slot stands for no flow: there is none, or it is on its way out, or another slot of its ring does. */
static inline void slot_stands_back(const struct scan *scan, struct reader_place place)
{
    flow_uncount(scan, place);
    if (!(bits_of(scan, place)->ringed & bit_of(place)))
        shares_leave(scan, place);
}

/* Of flows that stood still those whose ends are known and enough, where hosts that stand out are looked for. */
static inline uint64_t slots_ends(const struct scan *scan, struct reader_place first, uint64_t still)
{
    const struct reader_bits *bits = bits_of(scan, first);
    const struct reader_ends *ends = &scan->reader->ends[first.queue][first.slot];

    if (!scan->look->activity)
        return still;
    still &= bits->ends_known;
    return still & ~reader_activity_add_still(scan->look->activity, ends, still & bits->began);
}

/* Counts flows that need not be offered, a bit each, some of which the filter has `hidden`. */
static inline void slots_count(const struct scan *scan, uint64_t slots, uint64_t hidden)
{
    uint64_t matched = (uint64_t)__builtin_popcountll(slots & ~hidden);

    scan->look->result->hidden += (uint64_t)__builtin_popcountll(slots & hidden);
    scan->look->result->matched += matched;
    ranking_pass(&scan->look->rows, matched);
}

/* Of 64 slots those that stood still, a bit each: their rates are 0 now. */
static inline void slots_fade(const struct scan *scan, struct reader_place first, uint64_t still)
{
    struct reader_bits *bits = bits_of(scan, first);
    uint64_t faded = bits->gained & still;

    for (bits->gained &= ~faded; faded; faded &= faded - 1)
        gain_nothing(previous_of(scan, first) + __builtin_ctzll(faded));
}

/* Does what is to be done of the flow that `place` stands for, whose lines have come. */
void flow_finish(struct scan *scan, struct reader_place place);

/* ---- reader_parts.c ---- */

/*
 * Whether a glance at all parts of the flow whose first is at `place` is enough: the flow stands behind those that are
 * wanted, and was counted. False: nothing was done.
 */
bool parts_suffice(struct scan *scan, struct reader_place place);

#endif
