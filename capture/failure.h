/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How a part of xtop-capture says that it cannot go on: one line for a person and the process's exit code.
 */
#ifndef XTOP_FAILURE_H
#define XTOP_FAILURE_H

/* Exit codes of the contract (section 2). */
enum exit_code {
    EXIT_DONE = 0,
    EXIT_FAILED = 1, /* failed while running: file damaged, interface gone */
    EXIT_USAGE = 2,  /* usage, or a request that cannot be met */
    EXIT_RIGHTS = 3, /* rights missing: the text names the capability */
};

struct failure {
    enum exit_code exit_code;
    unsigned int link; /* of several interfaces, which it is about, from 0; more than there are = none of them */
    char text[512];    /* "WHAT (WHY; WHAT TO DO)", no newline, no "xtop: error:" before it */
};

/* Fills `failure` (printf style; cut to fit) and returns -1, so that callers can `return failure_set(...)`. */
int failure_set(struct failure *failure, enum exit_code exit_code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
