/* SPDX-License-Identifier: BSD-2-Clause */
#include "capture/link_type.h"

#include <pcap/pcap.h>
#include <stdio.h>

bool link_type_of(int datalink, enum link_type *link)
{
    static const struct {
        int datalink;
        enum link_type link;
    } known[] = {
        {DLT_EN10MB, LINK_ETHERNET},       {DLT_RAW, LINK_RAW_IP},  {101 /* LINKTYPE_RAW */, LINK_RAW_IP},
        {DLT_IPV4, LINK_RAW_IP},           {DLT_IPV6, LINK_RAW_IP}, {DLT_LINUX_SLL, LINK_LINUX_SLL},
        {DLT_LINUX_SLL2, LINK_LINUX_SLL2}, {DLT_NULL, LINK_NULL},   {DLT_LOOP, LINK_NULL},
    };

    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (known[i].datalink == datalink) {
            *link = known[i].link;
            return true;
        }
    return false;
}

const char *link_type_name(int datalink, char *room, size_t size)
{
    const char *name = pcap_datalink_val_to_name(datalink);

    if (name)
        snprintf(room, size, "%s", name);
    else
        snprintf(room, size, "%d", datalink);
    return room;
}
