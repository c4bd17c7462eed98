/* SPDX-License-Identifier: BSD-2-Clause */
#include "capture/option_values.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

int option_number(const char *text, uint64_t least, uint64_t most, uint64_t *number, const char *name,
                  struct failure *failure)
{
    char *end;

    errno = 0;
    *number = strtoull(text, &end, 10);
    if (errno || *text < '0' || *text > '9' || *end || *number < least || *number > most)
        return failure_set(failure, EXIT_USAGE, "bad %s %s (a whole number from %llu to %llu is needed)", name, text,
                           (unsigned long long)least, (unsigned long long)most);
    return 0;
}

int option_u32(const char *text, uint32_t least, uint32_t most, uint32_t *number, const char *name,
               struct failure *failure)
{
    uint64_t value;

    if (option_number(text, least, most, &value, name, failure) < 0)
        return -1;
    *number = (uint32_t)value;
    return 0;
}

int option_fd(const char *text, int *fd, const char *name, struct failure *failure)
{
    uint32_t value;

    if (option_u32(text, 0, 1 << 20, &value, name, failure) < 0)
        return -1;
    *fd = (int)value;
    return 0;
}

int option_seconds(const char *text, uint64_t *ns, const char *name, struct failure *failure)
{
    char *end;
    double seconds;

    errno = 0;
    seconds = strtod(text, &end);
    if (errno || end == text || *end || !(seconds > 0) || seconds > 1e9)
        return failure_set(failure, EXIT_USAGE, "bad %s %s (seconds above 0 are needed)", name, text);
    *ns = (uint64_t)(seconds * 1e9);
    return 0;
}

int option_list(const char *text, int most, int *list, int room, const char *name, struct failure *failure)
{
    const char *at = text;
    int count = 0;

    do {
        char *end;
        long from = strtol(at, &end, 10);
        long to = from;

        if (end == at)
            goto bad;
        if (*end == '-') {
            at = end + 1;
            to = strtol(at, &end, 10);
            if (end == at)
                goto bad;
        }
        if (from < 0 || to < from || to > most || (*end && *end != ','))
            goto bad;
        for (; from <= to && count < room; from++)
            list[count++] = (int)from;
        if (from <= to)
            goto bad;
        at = end + 1;
        if (!*end)
            return count;
    } while (true);
bad:
    return failure_set(failure, EXIT_USAGE, "bad %s %s (a list such as 0-3,6 is needed, %d at most)", name, text, most);
}
