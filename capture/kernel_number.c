/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "capture/kernel_number.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool kernel_number(const char *path, const char *field, uint64_t *number)
{
    FILE *file = fopen(path, "re");
    char line[256], *end;
    bool found = false;

    while (file && !found && fgets(line, sizeof line, file)) {
        if (strncmp(line, field, strlen(field)) != 0)
            continue;
        *number = strtoull(line + strlen(field), &end, 10);
        found = end != line + strlen(field);
    }
    if (file)
        fclose(file);
    return found;
}
