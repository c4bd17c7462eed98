/* SPDX-License-Identifier: BSD-2-Clause */
/* What may be run: everything that a step of reader_filter.c relies on is made sure of here, once a look. */
#include "capture/filter_program.h"

#include <stdbool.h>
#include <stddef.h>

enum ends {
    ENDS_NONE,   /* the flow has one such value */
    ENDS_ONE,    /* each end has its own, and which must be said */
    ENDS_EITHER, /* both together have one as well */
};

static const enum ends field_ends[FILTER_FIELD_COUNT] = {
    [FILTER_ADDRESS_V4] = ENDS_ONE,
    [FILTER_ADDRESS_V6] = ENDS_ONE,
    [FILTER_PORT] = ENDS_ONE,
    [FILTER_PACKETS] = ENDS_EITHER,
    [FILTER_BYTES] = ENDS_EITHER,
    [FILTER_PAYLOAD_BYTES] = ENDS_EITHER,
    [FILTER_OUT_OF_ORDER] = ENDS_EITHER,
    [FILTER_RETRANSMISSIONS] = ENDS_EITHER,
    [FILTER_TTL] = ENDS_ONE,
    [FILTER_DSCP] = ENDS_ONE,
    [FILTER_TCP_FLAGS] = ENDS_EITHER,
};

static bool end_fits(const struct filter_instruction *step)
{
    switch (field_ends[step->field]) {
    case ENDS_ONE:
        return step->end == FILTER_END_SOURCE || step->end == FILTER_END_DESTINATION;
    case ENDS_EITHER:
        return step->end <= FILTER_END_DESTINATION;
    default:
        return step->end == FILTER_END_BOTH;
    }
}

static bool is_real(uint8_t field)
{
    return field >= FILTER_BITS_PER_SECOND;
}

static const char *step_refusal(const struct filter_instruction *step, uint64_t at, uint64_t count)
{
    if (step->field >= FILTER_FIELD_COUNT)
        return "an instruction asks for a field that there is not";
    if (step->padding)
        return "an instruction's padding is not zero";
    if (!end_fits(step))
        return "an instruction asks an end for what it has not";
    if (step->field == FILTER_ACCEPT || step->field == FILTER_REJECT)
        return step->if_true || step->if_false ? "nothing comes after an end" : NULL;
    if (step->if_true <= at || step->if_false <= at)
        return "an instruction goes backward";
    if (step->if_true >= count || step->if_false >= count)
        return "an instruction leaves the program";
    if (is_real(step->field) &&
        (step->range.real[0] != step->range.real[0] || step->range.real[1] != step->range.real[1]))
        return "an instruction compares with what is no number";
    return NULL;
}

const char *filter_refusal(const struct filter_instruction *program, uint64_t count)
{
    if (!program || count == 0)
        return "there is no instruction";
    if (count > FILTER_MOST_INSTRUCTIONS)
        return "there are too many instructions";
    for (uint64_t at = 0; at < count; at++) {
        const char *refusal = step_refusal(&program[at], at, count);

        if (refusal)
            return refusal;
    }
    return NULL;
}
