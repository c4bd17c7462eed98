/* SPDX-License-Identifier: BSD-2-Clause */
/* Blocks that malloc(3) gives back to the kernel, by its own account (mallinfo2(3)). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <malloc.h>
#include <stdlib.h>

#include "capture/process_heap.h"

#define BLOCK (100 << 10)
#define BLOCKS 16

/* How many of so many blocks lie apart from the heap, after a greater one was freed: from that glibc learns to keep such. */
static size_t apart(void)
{
    void *volatile great = malloc(8 * BLOCK);
    void *block[BLOCKS];
    size_t before, after;

    free(great);
    before = mallinfo2().hblks;
    for (int i = 0; i < BLOCKS; i++)
        block[i] = malloc(BLOCK);
    after = mallinfo2().hblks;
    for (int i = 0; i < BLOCKS; i++)
        free(block[i]);
    return after - before;
}

static void test_great_blocks_lie_apart(void **state)
{
    (void)state;
#ifdef __SANITIZE_ADDRESS__
    skip(); /* its malloc is another */
#endif
    assert_int_equal(apart(), 0);
    process_heap_give_back();
    assert_true(apart() >= BLOCKS / 2); /* what the heap has free is taken first */
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_great_blocks_lie_apart)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
