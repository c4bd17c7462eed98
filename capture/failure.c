/* SPDX-License-Identifier: BSD-2-Clause */
#include "capture/failure.h"

#include <stdarg.h>
#include <stdio.h>

int failure_set(struct failure *failure, enum exit_code exit_code, const char *format, ...)
{
    va_list arguments;

    failure->exit_code = exit_code;
    va_start(arguments, format);
    vsnprintf(failure->text, sizeof failure->text, format, arguments);
    va_end(arguments);
    return -1;
}
