/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A window into a file, mapped: what nobody looks at is not copied. It is moved along the file, and what lies behind it is
 * let go of, so that a file takes no more memory than its window. There is one window a process.
 *
 * A file may become shorter while the window lies over it. Where whole pages of it went (or a disk cannot be read), who
 * looks there would get SIGBUS: the window then shows zeros, and is torn. In the page that the file now ends in there are
 * zeros as well. So who is about to believe in an end asks first.
 */
#ifndef XTOP_FILE_WINDOW_H
#define XTOP_FILE_WINDOW_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* Bytes mapped at a time: what is looked at of them stays in a core's second cache, beside the flow table's lines. */
#define FILE_WINDOW (UINT32_C(1) << 19)

/* Opens the window over a regular file, at nothing yet. False: it cannot be mapped. */
bool file_window_open(int fd);

/*
 * Moves the window to where it holds `offset`, which becomes the page's begin that it starts at. Returns how many bytes
 * of the file lie in it, at `*data`; 0 = none, or no window.
 */
uint32_t file_window_move(off_t *offset, const uint8_t **data);

/* Whether zeros took the place of pages since it was opened. Costs nothing. */
bool file_window_torn(void);

/* Whether it is not torn, and the file still as long as it was when the window was moved. */
bool file_window_whole(void);

/* Lets go of it. */
void file_window_close(void);

#endif
