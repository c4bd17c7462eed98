/* SPDX-License-Identifier: BSD-2-Clause */
/* Arrays that grow together: all have room then, or all have what they had. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>
#include <sys/mman.h>

#include "capture/large_array.h"

#define PAGE UINT64_C(4096)
#define MEGABYTE (UINT64_C(1) << 20)
#define SHORT (8 * MEGABYTE)
#define BEYOND (UINT64_C(1) << 60) /* no address space has as much */

static void fill(uint8_t *array, uint64_t size, uint8_t with)
{
    memset(array, with, size);
}

static void assert_filled(const uint8_t *array, uint64_t size, uint8_t with)
{
    for (uint64_t i = 0; i < size; i++)
        assert_int_equal(array[i], with);
}

static void test_grown_arrays_keep_what_they_had_and_are_zero_behind(void **state)
{
    struct large_array arrays[] = {{NULL, 0, PAGE}, {NULL, 0, 2 * PAGE}};

    (void)state;
    assert_true(large_arrays_grow(arrays, 2));
    fill(arrays[0].at, PAGE, 1);
    fill(arrays[1].at, 2 * PAGE, 2);
    arrays[0] = (struct large_array){arrays[0].at, PAGE, 8 * MEGABYTE};
    arrays[1] = (struct large_array){arrays[1].at, 2 * PAGE, MEGABYTE};
    assert_true(large_arrays_grow(arrays, 2));
    assert_filled(arrays[0].at, PAGE, 1);
    assert_filled((uint8_t *)arrays[0].at + PAGE, 8 * MEGABYTE - PAGE, 0);
    assert_filled(arrays[1].at, 2 * PAGE, 2);
    assert_filled((uint8_t *)arrays[1].at + 2 * PAGE, MEGABYTE - 2 * PAGE, 0);
    large_array_free(arrays[0].at, 8 * MEGABYTE);
    large_array_free(arrays[1].at, MEGABYTE);
}

/* The first has grown when the second finds no memory, and is to be as it was: it can grow again, and be freed by its old size. */
static void test_where_one_finds_no_memory_none_grows(void **state)
{
    struct large_array arrays[] = {{NULL, 0, PAGE}, {NULL, 0, PAGE}, {NULL, 0, PAGE}};

    (void)state;
    assert_true(large_arrays_grow(arrays, 2));
    fill(arrays[0].at, PAGE, 1);
    fill(arrays[1].at, PAGE, 2);
    for (int round = 0; round < 3; round++) {
        arrays[0] = (struct large_array){arrays[0].at, PAGE, 8 * MEGABYTE};
        arrays[1] = (struct large_array){arrays[1].at, PAGE, 8 * MEGABYTE};
        arrays[2] = (struct large_array){NULL, 0, BEYOND};
        assert_false(large_arrays_grow(arrays, 3));
        assert_filled(arrays[0].at, PAGE, 1);
        assert_filled(arrays[1].at, PAGE, 2);
        assert_null(arrays[2].at);
    }
    large_array_free(arrays[0].at, PAGE);
    large_array_free(arrays[1].at, PAGE);
}

/* The first had nothing, and has nothing again. */
static void test_one_that_was_new_is_given_back(void **state)
{
    struct large_array arrays[] = {{NULL, 0, MEGABYTE}, {NULL, 0, BEYOND}};

    (void)state;
    assert_false(large_arrays_grow(arrays, 2));
    assert_null(arrays[0].at);
    assert_null(arrays[1].at);
}

/* Pages of an array of `size` bytes that the kernel has in memory. */
static uint64_t resident_pages(void *array, uint64_t size)
{
    unsigned char resident[SHORT / PAGE];
    uint64_t pages = 0;

    assert_true(size <= SHORT);
    assert_int_equal(mincore(array, size, resident), 0);
    for (uint64_t i = 0; i < size / PAGE; i++)
        pages += resident[i] & 1;
    return pages;
}

/* Where huge pages are to be had for the asking, or without, one of them would be all of it. */
static void test_of_a_short_one_is_resident_what_was_written(void **state)
{
    uint8_t *array = large_array_grow(NULL, 0, SHORT);

    (void)state;
    assert_non_null(array);
    array[0] = 1;
    array[MEGABYTE] = 1;
    assert_int_equal(resident_pages(array, SHORT), 2);
    large_array_free(array, SHORT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_grown_arrays_keep_what_they_had_and_are_zero_behind),
        cmocka_unit_test(test_where_one_finds_no_memory_none_grows),
        cmocka_unit_test(test_one_that_was_new_is_given_back),
        cmocka_unit_test(test_of_a_short_one_is_resident_what_was_written),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
