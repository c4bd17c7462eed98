/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The sentences that source_af_xdp says when the kernel refuses something: each fills a failure and returns -1.
 */
#ifndef XTOP_XDP_REFUSAL_H
#define XTOP_XDP_REFUSAL_H

#include <stdbool.h>
#include <stdint.h>

#include "capture/failure.h"

/* Whether the kernel refused to load a program for want of a right; its verifier's -EACCES may be one, too. */
bool refusal_of_program_is_rights(int error);

/* Rights are missing to do `what` ("attach to v1"): names the capabilities that this process has not. */
int refusal_rights(struct failure *failure, const char *what);

/* CAP_NET_RAW is missing, which is all that a packet socket needs. */
int refusal_packet_rights(struct failure *failure, const char *interface);

/* Somebody else's program `id` is on the interface. */
int refusal_foreign_program(struct failure *failure, const char *interface, uint32_t id);

/* The UMEM of a queue, `bytes` long, could not be had (-errno `error`). */
int refusal_memory(struct failure *failure, const char *interface, uint64_t bytes, int error);

/* Bytes of memory that this process may still lock for UMEM; UINT64_MAX = no limit (CAP_IPC_LOCK). */
uint64_t refusal_memory_limit(void);

#endif
