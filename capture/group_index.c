/* SPDX-License-Identifier: BSD-2-Clause */
#include "capture/group_index.h"

#include "capture/large_array.h"

#define LEAST_PLACES 2048u

static uint64_t places_size(uint64_t places)
{
    return places * sizeof(struct group_place);
}

static uint64_t places_of(const struct group_index *index)
{
    return index->place ? index->mask + UINT64_C(1) : 0;
}

static struct group_place *free_place(struct group_place *place, uint32_t mask, uint32_t hash)
{
    uint32_t at = hash & mask;

    while (place[at].group)
        at = (at + 1) & mask;
    return &place[at];
}

bool group_index_reserve(struct group_index *index, uint64_t count)
{
    uint64_t before = places_of(index);
    uint64_t places = before ? before * 2 : LEAST_PLACES;
    struct group_place *grown;

    if ((count + 1) * 2 <= before)
        return true;
    grown = large_array_grow(NULL, 0, places_size(places));
    if (!grown)
        return false;
    for (uint64_t i = 0; i < before; i++)
        if (index->place[i].group)
            *free_place(grown, (uint32_t)(places - 1), index->place[i].hash) = index->place[i];
    large_array_free(index->place, places_size(before));
    index->place = grown;
    index->mask = (uint32_t)(places - 1);
    return true;
}

void group_index_clear(struct group_index *index)
{
    if (index->place)
        memset(index->place, 0, places_size(places_of(index)));
}

/* Whether what belongs at `home` and lies at `at` may lie at `free` instead, which comes before it. */
static bool may_move(const struct group_index *index, uint32_t home, uint32_t at, uint32_t free)
{
    return ((at - home) & index->mask) >= ((at - free) & index->mask);
}

/* Who comes after it and would not be found beyond a gap moves up. */
void group_index_remove(struct group_index *index, uint32_t hash, uint32_t group)
{
    uint32_t free = hash & index->mask;

    while (index->place[free].group != group)
        free = (free + 1) & index->mask;
    for (uint32_t at = (free + 1) & index->mask; index->place[at].group; at = (at + 1) & index->mask) {
        if (!may_move(index, index->place[at].hash & index->mask, at, free))
            continue;
        index->place[free] = index->place[at];
        free = at;
    }
    index->place[free] = (struct group_place){0};
}

void group_index_free(struct group_index *index)
{
    large_array_free(index->place, places_size(places_of(index)));
    *index = (struct group_index){0};
}
