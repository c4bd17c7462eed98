/* SPDX-License-Identifier: BSD-2-Clause */
#include "capture/libpcap_limit.h"

#include <byteswap.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

/* The head of a section: without options, and with more of them than anybody writes. */
#define SECTION_LEAST 28u
#define SECTION_MOST 65536u

/*
 * libpcap reads the length of a block before it learns the byte order of the section that the block begins: of the
 * other order it is huge, and of a few bytes the other way round.
 */
static bool section_is_swapped(const char *why)
{
    unsigned int size;

    if (strstr(why, "different byte orders"))
        return true;
    if (sscanf(why, "pcapng block size %u > maximum", &size) != 1)
        return false;
    size = bswap_32(size);
    return size >= SECTION_LEAST && size <= SECTION_MOST && size % sizeof(uint32_t) == 0;
}

static const char *remedy_for(const char *why)
{
    if (strstr(why, "different from the type of the first interface"))
        return "to take Ethernet out: tshark -F pcap -Y frame.encap_type==1 -r FILE -w NEW";
    if (strstr(why, "different from the snapshot length of the first interface"))
        return "to make it one: editcap -F pcap FILE NEW";
    if (section_is_swapped(why))
        return "a section of another byte order; to make it one: editcap -F pcap FILE NEW";
    return NULL;
}

bool libpcap_limit_tell(struct failure *failure, const char *name, uint64_t packets, const char *why)
{
    const char *remedy = remedy_for(why);

    if (remedy)
        failure_set(failure, EXIT_FAILED, "%.50s cannot be read after packet %" PRIu64 " (libpcap: %.100s; %s)", name,
                    packets, why, remedy);
    return remedy;
}
