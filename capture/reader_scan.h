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

/* One look at all flows. */
struct look {
    struct reader *reader;
    const struct reader_view *view;
    struct reader_result *result;
    struct filter_scene scene;
    struct ranking rows;
    struct ranking groups;
    struct reader_groups group;
    struct reader_activity *activity; /* NULL: nobody asked */
    bool few;                         /* of most flows a glance is enough: nobody asks for more than their totals */
    bool over;    /* the capture has ended: rates are measured from the last look before that, for good */
    bool between; /* rates are those of the look before */
    bool failed;  /* memory ran out */
};

/* Counts every live flow, and gives each that may be wanted to look_consider. */
void reader_scan(struct look *look);

/* ---- reader_look.c ---- */

/* Filters, ranks and groups a row. */
void look_consider(struct look *look, struct reader_row *row);

#endif
