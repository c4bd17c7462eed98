/* SPDX-License-Identifier: BSD-2-Clause */
/* Taps by themselves: what goes into one message. What viewers may ask for is in tests/integration/test_flow_packets.py. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "capture/flow_tap.h"

#define LARGE 60000 /* bytes; as offloads put frames together */

/* The frames of all messages that are there. */
static uint32_t frames_take(int fd)
{
    static uint8_t room[TAP_BATCH * (LARGE + sizeof(struct tap_frame)) + sizeof(struct tap_head)];
    uint32_t frames = 0;

    while (recv(fd, room, sizeof room, MSG_DONTWAIT) > 0) {
        struct tap_head head;

        memcpy(&head, room, sizeof head);
        assert_int_equal(head.lost, 0);
        frames += head.count;
    }
    return frames;
}

/* Sixteen frames make up a message; of large ones four are more than a socket has room for at once. */
static void test_large_frames(void **state)
{
    static uint8_t bytes[LARGE] = {0x45, 0, LARGE >> 8, LARGE & 0xff, 0, 0, 0, 0, 64, 17, 0, 0, 10,
                                   0,    0, 1,          10,           0, 0, 2};
    const struct source_queue queue = {.link = LINK_RAW_IP};
    const struct tap_bounds bounds = {.packets = 1000, .bytes = UINT32_MAX, .nanoseconds = UINT32_MAX};
    struct burst burst = {.timed = true};
    struct flow_taps taps;
    struct packet packet;
    int pair[2];

    (void)state;
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair), 0);
    flow_taps_init(&taps);
    assert_int_equal(parse_frame(bytes, LARGE, LARGE, LINK_RAW_IP, true, &packet), PARSE_FLOW);
    flow_taps_set(&taps, 1, pair[1], &packet.key, &bounds, 0, TAP_GOES_ON);
    assert_int_equal(frames_take(pair[0]), 0);
    for (uint32_t i = 0; i < 4; i++)
        burst.frame[i] = (struct frame){.data = bytes, .captured = LARGE, .length = LARGE};
    flow_taps_burst(&taps, &queue, &burst, 4, true, 0);
    assert_true(frames_take(pair[0]) >= 2);
    flow_taps_end(&taps, 1, TAP_ASKED);
    close(pair[0]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_large_frames),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
