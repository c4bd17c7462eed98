/* SPDX-License-Identifier: BSD-2-Clause */
#include "capture/frame_filter.h"

#include <string.h>

#define FILTER_LENGTH_MOST 262144 /* bytes of a frame that a filter would keep: all */

int frame_filter_compile(pcap_t *pcap, const char *expression, struct bpf_program *program, struct failure *failure)
{
    if (pcap_compile(pcap, program, expression, 1, PCAP_NETMASK_UNKNOWN) == 0)
        return 0;
    return failure_set(failure, EXIT_USAGE, "bad --filter '%.80s' (%.120s; see: man pcap-filter)", expression,
                       pcap_geterr(pcap));
}

int frame_filter_open(struct frame_filter *filter, int datalink, const char *expression, struct failure *failure)
{
    pcap_t *pcap = pcap_open_dead(datalink, FILTER_LENGTH_MOST);
    int result;

    if (!pcap)
        return failure_set(failure, EXIT_FAILED, "out of memory");
    result = frame_filter_compile(pcap, expression, &filter->program, failure);
    pcap_close(pcap);
    return result;
}

void frame_filter_close(struct frame_filter *filter)
{
    pcap_freecode(&filter->program);
}

uint32_t frame_filter_partition(const struct frame_filter *filter, struct burst *burst, uint32_t count)
{
    struct frame rejected[SOURCE_BURST];
    uint32_t kept = 0;

    for (uint32_t i = 0; i < count; i++) {
        const struct frame *frame = &burst->frame[i];

        if (bpf_filter(filter->program.bf_insns, frame->data, frame->length, frame->captured))
            burst->frame[kept++] = *frame;
        else
            rejected[i - kept] = *frame;
    }
    memcpy(&burst->frame[kept], rejected, (count - kept) * sizeof rejected[0]);
    return kept;
}
