/* SPDX-License-Identifier: BSD-2-Clause */
#include "capture/reader_state.h"

uint64_t reader_take_living(const struct reader *reader, uint32_t *slot, struct xtop_record *to, uint64_t room)
{
    uint32_t last = reader_slots_used(reader, 0);
    uint64_t taken = 0;

    while (taken < room && *slot < last)
        taken += reader_copy_record(reader, (struct reader_place){.queue = 0, .slot = ++*slot}, &to[taken]);
    return taken;
}
