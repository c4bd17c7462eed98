/* SPDX-License-Identifier: BSD-2-Clause */
#include "capture/parse_options.h"

uint64_t parse_options(const uint8_t *at, const uint8_t *end, uint8_t numbered)
{
    uint64_t seen = 0;

    while (at < end) {
        uint8_t number = *at & numbered;

        if (number < 64)
            seen |= UINT64_C(1) << number;
        if (*at == 0)
            break;
        if (*at == 1) {
            at++;
            continue;
        }
        if (end - at < 2 || at[1] < 2)
            break;
        at += at[1];
    }
    return seen;
}
