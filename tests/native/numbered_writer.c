/* SPDX-License-Identifier: BSD-2-Clause */
#include "numbered_writer.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

struct packet numbered_packet(uint32_t flow, uint8_t direction)
{
    struct packet packet = fixture_packet(flow, direction);

    packet.bytes = 100 + flow;
    packet.payload_bytes = 50 + flow;
    packet_plain(&packet);
    return packet;
}

pid_t writer_start(struct table_fixture *fixture, uint32_t updates, uint32_t flows)
{
    pid_t parent = getpid();
    pid_t child = fork();

    assert_true(child >= 0);
    if (child)
        return child;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    for (uint32_t i = 0; i < updates && getppid() == parent; i++) {
        struct packet packet = numbered_packet(i % flows, (uint8_t)(i / flows % 2));

        fixture_feed(fixture, &packet, START + i);
    }
    fixture->segment.header->state = XTOP_STATE_DONE;
    _exit(0);
}

void writer_join(pid_t child)
{
    int status;

    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

void assert_whole(const struct xtop_record *record)
{
    uint32_t flow = 0;

    for (int i = 0; i < 4; i++)
        flow = flow << 8 | record->key.address[0][i];
    flow -= 0x0a000000u;
    assert_int_equal(record->key.port[0], 1024 + flow % 60000);
    for (int i = 0; i < 2; i++) {
        const struct xtop_direction *direction = &record->direction[i];

        assert_int_equal(direction->bytes, direction->packets * (100 + flow));
        assert_int_equal(direction->payload_bytes, direction->packets * (50 + flow));
        assert_int_equal(direction->size_histogram[1], (uint32_t)direction->packets);
        assert_int_equal(direction->packets == 0, record->first_seen[i] == 0);
        assert_int_equal(direction->packets == 0, direction->ttl_min == 0);
        assert_true(record->last_seen[i] >= record->first_seen[i]);
    }
}
