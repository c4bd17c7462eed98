/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the XDP program xsk_redirect tells user space of a frame that it left to the host. */
#ifndef XTOP_KEPT_FRAME_H
#define XTOP_KEPT_FRAME_H

#include <linux/types.h>

#define KEPT_FRAME_BYTES 256 /* a multiple of 8: enough for every header chain that the parser walks */
#define KEPT_FRAME_MACS 8    /* addresses of the host's that the program knows at most */

#define KEPT_RING_BYTES (4 << 20) /* user space makes it small where nothing is kept */

/* One record of the ring buffer `kept_frames`. */
struct kept_frame {
    __u32 length;   /* bytes of the frame, without FCS */
    __u32 captured; /* bytes of it in `data`; what lies behind them was never written */
    union {
        __u8 data[KEPT_FRAME_BYTES];
        __u64 word[KEPT_FRAME_BYTES / 8];
    };
};

/* Whose frames the host keeps. A MAC address is a number here: 02:00:00:00:00:01 is 0x020000000001. */
struct kept_host {
    __u64 mac[KEPT_FRAME_MACS];
    __u32 mac_count;
    __u32 padding;
};

#endif
