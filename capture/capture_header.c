/* SPDX-License-Identifier: BSD-2-Clause */
#include "capture/capture_header.h"

#include <stdio.h>
#include <time.h>

static uint64_t clock_realtime(void)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

/* What is watched, in a word: its interfaces, a comma between two. */
static void name_write(char *name, size_t size, const struct options *options)
{
    size_t used = 0;

    if (options->source_kind != XTOP_SOURCE_INTERFACE)
        snprintf(name, size, "%s", options->source_kind == XTOP_SOURCE_FILE ? options->file_name : "demo");
    for (uint32_t i = 0; i < options->link_count && used < size; i++)
        used += (size_t)snprintf(name + used, size - used, "%s%s", i ? "," : "", options->link[i].interface);
}

static void link_fill(struct xtop_link *link, const struct source *source, const struct options *options)
{
    link->xdp_mode = source->xdp_mode;
    link->zero_copy = source->zero_copy;
    link->ring_size = source->ring_size;
    link->ifindex = source->ifindex;
    link->queue_count = source->queue_count;
    if (options->here.interface)
        snprintf(link->name, sizeof link->name, "%s", options->here.interface);
    snprintf(link->capture, sizeof link->capture, "%s", source->operations->name);
    snprintf(link->driver, sizeof link->driver, "%s", source->driver);
    snprintf(link->notes, sizeof link->notes, "%s", source->notes);
    snprintf(link->reason, sizeof link->reason, "%s", options->here.reason);
}

void capture_header_fill(struct xtop_header *header, const struct source_set *sources, uint64_t clock_base)
{
    const struct options *options = sources->options;

    header->source_kind = options->source_kind;
    header->started_at = clock_realtime();
    if (options->source_kind != XTOP_SOURCE_FILE)
        header->clock_base = clock_base;
    header->idle_timeout = options->idle_timeout;
    header->active_timeout = options->active_timeout;
    header->dedup_window = options->dedup_window;
    header->sampling = options->sampling.interval;
    if (options->sampling.interval > 1)
        header->sampling_method = options->sampling.random ? XTOP_SAMPLING_RANDOM : XTOP_SAMPLING_SYSTEMATIC;
    name_write(header->source_name, sizeof header->source_name, options);
    snprintf(header->filter, sizeof header->filter, "%s", options->filter ? options->filter : "");
    header->link_count = sources->count;
    for (uint32_t i = 0; i < sources->count; i++)
        link_fill(&header->link[i], &sources->source[i], &sources->link_options[i]);
}
