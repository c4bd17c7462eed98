/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The demo's traffic on a real link. What it consists of is the business of the source `demo`, the same that feeds
 * xtop-capture where rights are missing; here its frames go into lanes and out of the interface.
 */
#include <stdio.h>

#include "capture/source.h"
#include "capture/traffic.h"
#include "capture/traffic_lanes.h"

#define DEMO_TICK_MS 4
#define DEMO_FRAME_MAX 1518 /* what a link of MTU 1500 takes, with a VLAN tag */

/* Lays what the source has due by now. Returns the frames, or -1 with `failure`. */
static int lay_due(struct traffic_lanes *lanes, struct source *source, struct failure *failure)
{
    struct source_queue *queue = source->queue[0];
    struct burst burst;
    int laid = 0;

    while (traffic_lanes_have_room(lanes)) {
        if (source->operations->take(queue, &burst) == SOURCE_FAILED) {
            *failure = queue->failure;
            return -1;
        }
        if (burst.count == 0)
            break;
        for (uint32_t i = 0; i < burst.count; i++)
            if (burst.frame[i].length <= DEMO_FRAME_MAX)
                traffic_lanes_lay(lanes, &burst.frame[i]);
        laid += (int)burst.count;
        source->operations->recycle(queue, &burst);
    }
    return laid;
}

static int send_until_stopped(struct traffic_lanes *lanes, const struct traffic_options *options, struct source *source,
                              struct failure *failure)
{
    double start = traffic_now();
    double seconds = 0;
    bool said = false;

    while (!traffic_stopped(DEMO_TICK_MS) && (options->duration_s == 0 || seconds < options->duration_s)) {
        if (lay_due(lanes, source, failure) < 0 || traffic_lanes_send(lanes, failure) < 0)
            return -1;
        if (!said && traffic_sender_sent(lanes->sender)) {
            printf("{\"sending\": true}\n");
            fflush(stdout);
            said = true;
        }
        seconds = traffic_now() - start;
    }
    traffic_print(traffic_sender_sent(lanes->sender), seconds);
    return 0;
}

int traffic_demo_run(struct traffic_sender *sender, const struct traffic_options *options, struct failure *failure)
{
    struct options demo = {
        .source_kind = XTOP_SOURCE_DEMO,
        .netns_fd = -1,
        .demo_seed = options->seed,
        .demo_flows = options->flows,
        .demo_rate = options->rate,
        .file_fd = -1,
        .control_fd = -1,
    };
    struct source source = {.operations = &source_demo};
    struct traffic_lanes lanes;
    int result;

    if (source.operations->open(&source, &demo, failure) < 0)
        return -1;
    result = traffic_lanes_open(&lanes, sender, options->cpu, options->cpu_count, failure);
    if (result == 0) {
        result = send_until_stopped(&lanes, options, &source, failure);
        traffic_lanes_close(&lanes);
    }
    source.operations->close(&source);
    return result;
}
