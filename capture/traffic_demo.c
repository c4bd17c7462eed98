/* SPDX-License-Identifier: BSD-2-Clause */
#include "capture/traffic.h"

int traffic_demo_run(struct traffic_sender *sender, const struct traffic_options *options, struct failure *failure)
{
    (void)sender;
    (void)options;
    return failure_set(failure, EXIT_USAGE, "not yet");
}
