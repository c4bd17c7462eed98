/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Going through all live flows: who needs more than totals is copied, of the others a glance is enough
 * (reader_glance.c); parts that several queues saw are one flow (reader_kin.c). Both are measured against the look before.
 */
#ifndef XTOP_READER_SCAN_H
#define XTOP_READER_SCAN_H

#include "capture/reader_activity.h"
#include "capture/reader_group.h"
#include "capture/reader_rank.h"
#include "capture/reader_state.h"
#include "capture/reader_tally.h"

struct group_sums; /* reader_sums.h */

/* One look at all flows. */
struct look {
    struct reader *reader;
    const struct reader_view *view;
    struct reader_result *result;
    struct filter_scene scene;
    struct ranking rows;
    struct ranking groups;
    struct reader_groups group; /* that every flow is added to; of no kind where nobody asks, or `sums` have them */
    struct group_sums *sums;    /* that have the groups; NULL: none do */
    struct reader_activity *activity; /* NULL: nobody asked */
    enum filter_stands stands;        /* for how long what the filter says of a flow is kept; NOT: it is not */
    bool judged;                      /* flows were judged by this filter in the look before */
    bool plain;                       /* 64 slots at a time: reader_slots.h */
    bool few;    /* of most flows a glance is enough: nobody asks for more than their totals, and by_key their key */
    bool by_key; /* of every flow the key is asked */
    bool by_new_key; /* but only of those of which something is new, or whose hosts stand out */
    bool by_glance;  /* what the filter says of a flow its totals tell */
    bool by_record;  /* of every flow all is asked of which it is not known what the filter says */
    bool over;       /* the capture has ended: rates are measured from the last look before that, for good */
    bool between;    /* rates are those of the look before: between two intervals, or the capture was killed */
    bool kept;       /* what is seen now is what the next look is measured against */
    bool failed;     /* memory ran out */
    uint32_t slots[XTOP_MAX_QUEUES]; /* 1 .. that of each queue are gone through */
    struct tally tally;              /* of live flows: how they differ from the look before */
    struct tally unkept;             /* of those that previous has no room for */
};

/* Makes room for what is kept of flows; where there is none the look has failed. */
void reader_scan_reserve(struct look *look);

/* Counts every live flow, and gives each that may be wanted to look_consider. */
void reader_scan(struct look *look);

/* A share of it: of each queue's slots the part `number` of `of`. Writes nothing but `look` when nothing is kept. */
void reader_scan_share(struct look *look, uint32_t number, uint32_t of);

/* ---- reader_together.c ---- */

/* Goes through all flows in several threads; false: nothing was done, for this look is one thread's. */
bool reader_scan_together(struct look *look);

/* ---- reader_plan.c ------------------------------------------------------------------------------------------- */

/* Settles how the look is gone about, and begins with its groups. There is room for what is kept (reader_scan_reserve). */
void look_plan(struct look *look);

/* Ranks the groups of a look that is over. */
void look_end_groups(struct look *look);

/* ---- reader_look.c ---- */

/* A look that has not begun. */
struct look look_of(struct reader *reader, const struct reader_view *view, struct reader_result *result);

/* Filters, ranks and groups a row; false: the filter does not let it through. */
bool look_consider(struct look *look, struct reader_row *row);

/* The same of all ended flows in the reader's store. */
void look_consider_ended(struct look *look);

#endif
