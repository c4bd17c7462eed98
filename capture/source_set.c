/* SPDX-License-Identifier: BSD-2-Clause */
#include "capture/source_set.h"

#include <pcap/pcap.h>
#include <string.h>
#include <unistd.h>

static const struct source_operations *operations_choose(const struct options *options)
{
    static const struct source_operations *const by_kind[] = {
        [XTOP_SOURCE_FILE] = &source_file,
        [XTOP_SOURCE_DEMO] = &source_demo,
    };
    static const struct source_operations *const by_capture[] = {
        [OPTIONS_CAPTURE_AF_XDP] = &source_af_xdp,
        [OPTIONS_CAPTURE_EBPF] = &source_ebpf,
        [OPTIONS_CAPTURE_AF_PACKET] = &source_af_packet,
    };

    return options->source_kind == XTOP_SOURCE_INTERFACE ? by_capture[options->here.capture]
                                                         : by_kind[options->source_kind];
}

/* Opens the next source. */
static int source_open(struct source_set *set, struct failure *failure)
{
    struct options *options = &set->link_options[set->count];
    struct source *source = &set->source[set->count];

    *options = *set->options;
    if (options->link_count)
        options->here = options->link[set->count];
    source->operations = operations_choose(options);
    source->parting_fd = -1;
    source->datalink = DLT_EN10MB;
    if (source->operations->open(source, options, failure) < 0)
        return -1;
    set->count++;
    set->expected_queues += source->queue_count ? source->queue_count : source->queues_expected;
    return 0;
}

int source_set_open(struct source_set *set, const struct options *options, struct failure *failure)
{
    uint32_t wanted = options->link_count ? options->link_count : 1;

    memset(set, 0, sizeof *set);
    set->options = options;
    for (uint32_t i = 0; i < wanted; i++) {
        failure->link = i;
        if (source_open(set, failure) < 0) {
            source_set_close(set);
            return -1;
        }
    }
    failure->link = XTOP_MAX_LINKS;
    return 0;
}

/* The source is attached: now its frames' link type is known, which a filter is compiled for. */
static int filter_open(struct source_set *set, uint32_t number, struct failure *failure)
{
    const struct source *source = &set->source[number];

    if (!set->options->filter || source->filters)
        return 0;
    return frame_filter_open(&set->filter[number], source->datalink, set->options->filter, failure);
}

static int source_attach(struct source_set *set, uint32_t number, struct failure *failure)
{
    struct source *source = &set->source[number];

    if (source->operations->attach && source->operations->attach(source, &set->link_options[number], failure) < 0)
        return -1;
    set->queue_count += source->queue_count;
    for (uint32_t i = 0; i < source->queue_count; i++)
        source->queue[i]->source = source;
    return filter_open(set, number, failure);
}

int source_set_attach(struct source_set *set, struct failure *failure)
{
    for (uint32_t i = 0; i < set->count; i++) {
        failure->link = i;
        if (source_attach(set, i, failure) < 0)
            return -1;
    }
    if (set->queue_count > XTOP_MAX_QUEUES)
        return failure_set(failure, EXIT_USAGE,
                           "%u queues are too many for one capture (%d are possible; choose by -q)", set->queue_count,
                           XTOP_MAX_QUEUES);
    failure->link = XTOP_MAX_LINKS;
    return 0;
}

int source_set_begin(struct source_set *set, struct failure *failure)
{
    for (uint32_t i = 0; i < set->count; i++) {
        struct source *source = &set->source[i];

        failure->link = i;
        if (source->operations->begin && source->operations->begin(source, failure) < 0)
            return -1;
    }
    return 0;
}

struct source_queue *source_set_queue(const struct source_set *set, uint32_t number)
{
    const struct source *source = set->source;

    while (number >= source->queue_count) {
        number -= source->queue_count;
        source++;
    }
    return source->queue[number];
}

const struct frame_filter *source_set_filter(const struct source_set *set, const struct source_queue *queue)
{
    return set->options->filter && !queue->source->filters ? &set->filter[queue->source - set->source] : NULL;
}

uint32_t source_set_sandbox_needs(const struct source_set *set)
{
    uint32_t needs = 0;

    for (uint32_t i = 0; i < set->count; i++)
        needs |= set->source[i].sandbox_needs;
    return needs;
}

bool source_set_has_frames(const struct source_set *set)
{
    for (uint32_t i = 0; i < set->count; i++)
        if (!set->source[i].operations->take_epoch)
            return true;
    return false;
}

bool source_set_zero_copy(const struct source_set *set)
{
    for (uint32_t i = 0; i < set->count; i++)
        if (set->source[i].zero_copy)
            return true;
    return false;
}

void source_set_part(struct source_set *set, struct parting *parting)
{
    for (uint32_t i = 0; i < set->count && parting->running; i++) {
        if (set->source[i].parting_fd >= 0)
            parting->fd[parting->count++] = set->source[i].parting_fd;
        set->source[i].parting_fd = -1;
    }
    parting_begin(parting);
}

void source_set_detach(struct source_set *set)
{
    for (uint32_t i = set->count; i-- > 0;)
        if (set->source[i].operations->detach)
            set->source[i].operations->detach(&set->source[i]);
}

void source_set_close(struct source_set *set)
{
    for (uint32_t i = set->count; i-- > 0;) {
        if (set->source[i].parting_fd >= 0)
            close(set->source[i].parting_fd);
        set->source[i].operations->close(&set->source[i]);
        frame_filter_close(&set->filter[i]);
    }
    set->count = 0;
}
