/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * On a link that carries both versions of IP, frames of each side by side: eight that are parsed at once (parse_lanes.h)
 * are of one version.
 */
#ifndef XTOP_IP_VERSIONS_H
#define XTOP_IP_VERSIONS_H

#include <stdint.h>

#include "capture/source.h"

/*
 * Moves those of the first `count` frames of `burst`, which are Ethernet, that carry IPv6 behind the others. Each sort
 * keeps its order, so the packets of a flow do. Returns how many there are.
 */
uint32_t ip_versions_partition(struct burst *burst, uint32_t count);

#endif
