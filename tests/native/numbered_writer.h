/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A process that writes a table at full speed, for readers to look on. Each packet of flow n carries 100 + n bytes and
 * 50 + n of payload, so in every whole record the sums are multiples of the packet count: a copy with a field of
 * another moment, or of another flow in the same slot, cannot agree.
 */
#ifndef XTOP_NUMBERED_WRITER_H
#define XTOP_NUMBERED_WRITER_H

#include <sys/types.h>

#include "table_fixture.h"

struct packet numbered_packet(uint32_t flow, uint8_t direction);

/*
 * Runs `updates` packets over `flows` flows in a child process, which a parent that fails takes with it; then sets the
 * segment's state to XTOP_STATE_DONE.
 */
pid_t writer_start(struct table_fixture *fixture, uint32_t updates, uint32_t flows);
void writer_join(pid_t child);

/* Fails the test unless the copy is of one moment and of one flow. */
void assert_whole(const struct xtop_record *record);

#endif
