/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * MurmurHash3 x86_32 against the mmh3 package. tests/unit/test_hash.py holds the same vectors against the package itself.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "capture/hash.h"

/* vectors begin: {size, seed, mmh3.hash(bytes((i * 37 + 11) & 255 for i in range(size)), seed, signed=False)} */
static const struct {
    uint32_t size;
    uint32_t seed;
    uint32_t hash;
} vectors[] = {
    {0, 0x00000000, 0x00000000},  {1, 0x00000000, 0x4d79446c},  {2, 0x00000000, 0x6bfe18a9},
    {3, 0x00000000, 0x389b84e7},  {4, 0x00000000, 0x1939e63d},  {5, 0x00000000, 0xa4811fac},
    {7, 0x00000000, 0x0ea050dd},  {8, 0x00000000, 0x3ae449f2},  {13, 0x00000000, 0x6fa10f80},
    {39, 0x00000000, 0x6c1433b2}, {40, 0x00000000, 0xdbf3810c}, {41, 0x00000000, 0x5753e998},
    {0, 0x00000001, 0x514e28b7},  {1, 0x00000001, 0x3f62c9b5},  {2, 0x00000001, 0x7834fb7d},
    {3, 0x00000001, 0x36ff9222},  {4, 0x00000001, 0x75ec20b2},  {5, 0x00000001, 0xc8464bbe},
    {7, 0x00000001, 0x09dccbe0},  {8, 0x00000001, 0x17cbff95},  {13, 0x00000001, 0x6dfa9a95},
    {39, 0x00000001, 0x6e716bed}, {40, 0x00000001, 0x7ccdab48}, {41, 0x00000001, 0x9df2ed1b},
    {0, 0x9747b28c, 0xebb6c228},  {1, 0x9747b28c, 0x24cb957f},  {2, 0x9747b28c, 0x299eeeea},
    {3, 0x9747b28c, 0x3eb13daa},  {4, 0x9747b28c, 0x297b1cbc},  {5, 0x9747b28c, 0x206d4058},
    {7, 0x9747b28c, 0x7980062b},  {8, 0x9747b28c, 0xe8b63cf8},  {13, 0x9747b28c, 0x7c8e4969},
    {39, 0x9747b28c, 0x31ba7a34}, {40, 0x9747b28c, 0x193a1e64}, {41, 0x9747b28c, 0xf132a0b7},
    {0, 0xffffffff, 0x81f16f39},  {1, 0xffffffff, 0x0356425b},  {2, 0xffffffff, 0x7b9984e6},
    {3, 0xffffffff, 0x9e95b6a1},  {4, 0xffffffff, 0xde692f70},  {5, 0xffffffff, 0xf83f2e0e},
    {7, 0xffffffff, 0x5f39ccf9},  {8, 0xffffffff, 0x828dc9ac},  {13, 0xffffffff, 0x0b0191f0},
    {39, 0xffffffff, 0x37990544}, {40, 0xffffffff, 0x5071de6a}, {41, 0xffffffff, 0x9e9da155},
};
/* vectors end */

/* The input of a vector, at the end of its own heap block and `shift` bytes off alignment. */
static uint8_t *input(uint32_t size, uint32_t shift, uint8_t **block)
{
    *block = malloc(size + shift + 1);
    assert_non_null(*block);
    for (uint32_t i = 0; i < size; i++)
        (*block)[shift + 1 + i] = (uint8_t)(i * 37 + 11);
    return *block + shift + 1;
}

static void test_vectors_at_any_alignment(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof vectors / sizeof vectors[0]; i++) {
        for (uint32_t shift = 0; shift < 8; shift++) {
            uint8_t *block;
            uint8_t *bytes = input(vectors[i].size, shift, &block);

            assert_int_equal(hash_bytes(bytes, vectors[i].size, vectors[i].seed), vectors[i].hash);
            free(block);
        }
    }
}

/* The unrolled path that capture takes must be the general one. */
static void test_key_is_bytes(void **state)
{
    struct xtop_key key;

    (void)state;
    for (uint32_t round = 0; round < 1000; round++) {
        for (size_t i = 0; i < sizeof key; i++)
            ((uint8_t *)&key)[i] = (uint8_t)(round * 131 + i * 7 + (round >> 3));
        assert_int_equal(hash_key(&key, round * 2654435761u), hash_bytes(&key, sizeof key, round * 2654435761u));
    }
}

static void test_key_vector(void **state)
{
    struct xtop_key key;
    uint8_t *block;

    (void)state;
    memcpy(&key, input(sizeof key, 0, &block), sizeof key);
    free(block);
    for (size_t i = 0; i < sizeof vectors / sizeof vectors[0]; i++)
        if (vectors[i].size == sizeof key)
            assert_int_equal(hash_key(&key, vectors[i].seed), vectors[i].hash);
}

enum { KEYS_MOST = 70 };

struct apart {
    struct xtop_key key;
    uint8_t between[24];
};

/* hash_key is what the vectors above hold: it is the measure of all lanes. */
static void check_keys(const struct apart *entry, uint32_t count)
{
    uint32_t hash[KEYS_MOST + 1];

    hash[count] = 0x5a5a5a5a;
    hash_keys(&entry[0].key, sizeof *entry, count, 0x12345678, hash);
    for (uint32_t i = 0; i < count; i++)
        assert_int_equal(hash[i], hash_key(&entry[i].key, 0x12345678));
    assert_int_equal(hash[count], 0x5a5a5a5a);
}

/* Any number of keys, of IPv4 alone, of IPv6 alone and of both, each of them in each place. */
static void test_many_keys_are_one_at_a_time(void **state)
{
    static struct apart entry[KEYS_MOST];
    uint32_t noise = 1;

    (void)state;
    for (uint32_t other = 0; other <= KEYS_MOST; other++) { /* keys before this one are of the other version */
        for (uint32_t i = 0; i < KEYS_MOST; i++) {
            for (size_t at = 0; at < sizeof entry[i]; at++)
                ((uint8_t *)&entry[i])[at] = (uint8_t)((noise = noise * 1664525 + 1013904223) >> 24);
            for (int end = 0; i >= other && end < 2; end++)
                memset(entry[i].key.address[end] + 4, 0, 12);
        }
        for (uint32_t count = 0; count <= KEYS_MOST; count++)
            check_keys(entry, count);
    }
}

/* No word is taken for 0 that is not: one bit at a time, in each of eight keys. */
static void test_each_bit_counts(void **state)
{
    static struct apart entry[16];

    (void)state;
    for (uint32_t i = 0; i < 16; i++)
        for (size_t bit = 0; bit < sizeof entry[i].key * 8; bit++) {
            uint8_t *byte = (uint8_t *)&entry[i].key + bit / 8;

            *byte ^= (uint8_t)(1u << bit % 8);
            check_keys(entry, 8);
            check_keys(entry, 16);
            *byte ^= (uint8_t)(1u << bit % 8);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_vectors_at_any_alignment),
        cmocka_unit_test(test_key_is_bytes),
        cmocka_unit_test(test_key_vector),
        cmocka_unit_test(test_many_keys_are_one_at_a_time),
        cmocka_unit_test(test_each_bit_counts),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
