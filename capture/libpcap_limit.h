/* SPDX-License-Identifier: BSD-2-Clause */
/* Whole files of which libpcap reads no more: it says so as it says that a file is damaged, in words alone. */
#ifndef XTOP_LIBPCAP_LIMIT_H
#define XTOP_LIBPCAP_LIMIT_H

/* What to do about a file that libpcap stopped reading with the words `why`; NULL where it is damaged. */
const char *libpcap_limit_remedy(const char *why);

#endif
