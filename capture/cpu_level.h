/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which of the levels of x86-64 (psABI) this CPU and this kernel are. Compilers as old as gcc 11 do not know the levels'
 * names, so what a level adds is asked for by itself.
 */
#ifndef XTOP_CPU_LEVEL_H
#define XTOP_CPU_LEVEL_H

#ifdef __x86_64__
#include <cpuid.h>
#include <stdbool.h>

/* What compilers ask of no CPU by name: LZCNT would be taken for another instruction where it is missing. */
static inline bool cpu_has_v3_words(void)
{
    const unsigned movbe = 1u << 22, f16c = 1u << 29, lzcnt = 1u << 5;
    unsigned a, b, c, d;

    return __get_cpuid(1, &a, &b, &c, &d) && (c & movbe) && (c & f16c) && __get_cpuid(0x80000001, &a, &b, &c, &d) &&
           (c & lzcnt);
}

/*
 * x86-64-v3 and the five parts of AVX-512 that Skylake brought, with a kernel that keeps their registers. Ask
 * once: a virtual machine leaves its guest for every CPUID.
 */
static inline bool cpu_is_v4(void)
{
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2") &&
           __builtin_cpu_supports("fma") && __builtin_cpu_supports("popcnt") && cpu_has_v3_words() &&
           __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512cd") && __builtin_cpu_supports("avx512dq") &&
           __builtin_cpu_supports("avx512vl");
}
#endif

#endif
