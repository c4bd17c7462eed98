/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Frames that a device had no buffer for and that its driver counts in statistics of its own (ethtool -S) alone, not in
 * those of the interface. Which drivers do, and what they call it, is a table of what was seen to be so.
 */
#ifndef XTOP_DRIVER_LOSSES_H
#define XTOP_DRIVER_LOSSES_H

#include <net/if.h>
#include <stdbool.h>
#include <stdint.h>

struct ethtool_stats;

struct driver_losses {
    int fd; /* any socket of the network namespace; not ours to close */
    char interface[IF_NAMESIZE];
    uint32_t statistics;          /* numbers that the driver has */
    bool *wanted;                 /* which of them; NULL = none, and nothing is ever asked */
    struct ethtool_stats *answer; /* room for all */
    uint64_t last;
    uint64_t total;
};

/* Finds the driver's counters, once, for the interface as it is now. Where it has none of the kind, nothing is kept. */
void driver_losses_open(struct driver_losses *losses, int fd, const char *interface, const char *driver);

/* True when there are any, and reading them takes the ethtool ioctl. */
bool driver_losses_there(const struct driver_losses *losses);

/* Frames lost so: a total that never falls, though a device that is reset begins anew. 0 where there are none. */
uint64_t driver_losses_read(struct driver_losses *losses);

/* Gives its memory back. */
void driver_losses_close(struct driver_losses *losses);

#endif
