/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The system calls of a running capture. Each row says who makes it, so that one whose reason goes can go as well.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/sockios.h>
#include <malloc.h>
#include <seccomp.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "capture/flow_abi.h"
#include "capture/sandbox.h"

/* A sanitizer's runtime stops other threads by ptrace(2), reads files, starts a symbolizer: no list is long enough. */
#ifdef XTOP_SANITIZED
#define SANITIZED true
#else
#define SANITIZED false
#endif

#define ALL 0u /* whatever the source */
#define OWN_PROCESS UINT64_MAX

/* A call, with a condition on one argument: (argument & mask) == value. */
struct call {
    uint32_t needs; /* SANDBOX_ bits, any of which makes it allowed; ALL = always */
    int number;
    uint64_t mask; /* 0 = no condition */
    unsigned int argument;
    uint64_t value;
};

#define ANY(needs, name)               \
    {                                  \
        needs, SCMP_SYS(name), 0, 0, 0 \
    }
#define WHERE(needs, name, argument, value)                          \
    {                                                                \
        needs, SCMP_SYS(name), UINT64_C(0xffffffff), argument, value \
    }
#define WITHOUT(needs, name, argument, bits)     \
    {                                            \
        needs, SCMP_SYS(name), bits, argument, 0 \
    }

static const struct call calls[] = {
    /* workers: sleep, time, the sockets' rings and their counters */
    ANY(ALL, poll),
    WHERE(ALL, sched_setscheduler, 0, 0), /* a worker's own place */
    ANY(ALL, ppoll),
    ANY(ALL, clock_gettime), /* where the clock cannot be read without a call */
    ANY(ALL, gettimeofday),
    ANY(ALL, getsockopt),
    ANY(ALL, recvfrom), /* kicks of AF_XDP, answers of rtnetlink */
    ANY(ALL, recv),
    ANY(ALL, sendto), /* questions to rtnetlink */
    ANY(ALL, send),
    /* main thread: signalfd and eventfds, its owner and its viewers */
    ANY(ALL, read),
    ANY(ALL, write),
    ANY(ALL, sendmsg),
    ANY(ALL, recvmsg),
    ANY(ALL, accept4),
    ANY(ALL, close),
    /* stocker, table, the C library's allocator; nothing becomes executable */
    ANY(ALL, madvise),
    ANY(ALL, munmap),
    ANY(ALL, brk),
    ANY(ALL, mremap),
    WITHOUT(ALL, mmap, 2, PROT_EXEC),
    WITHOUT(ALL, mprotect, 2, PROT_EXEC),
    ANY(ALL, getrandom),
    /* threads that wait and end */
    ANY(ALL, futex),
    ANY(ALL, sched_yield),
    ANY(ALL, rt_sigprocmask),
    ANY(ALL, rt_sigreturn),
    ANY(ALL, restart_syscall),
    ANY(ALL, exit),
    ANY(ALL, exit_group),
    /* abort(3): a crash must end the process, and not look like a breach */
    ANY(ALL, getpid),
    ANY(ALL, gettid),
    {ALL, SCMP_SYS(tgkill), UINT64_C(0xffffffff), 0, OWN_PROCESS},
    /* printf of the totals */
    ANY(ALL, fstat),
    WHERE(ALL, newfstatat, 3, AT_EMPTY_PATH),
    /* file; a full ring of ended flows, which waits for its reader */
    ANY(SANDBOX_FILE, lseek),
    ANY(ALL, nanosleep),
    ANY(ALL, clock_nanosleep),
    /* eBPF counting; AF_XDP: sockets into their map, at the start, and sampling's sums */
    WHERE(SANDBOX_BPF_MAPS, bpf, 0, BPF_MAP_LOOKUP_ELEM),
    WHERE(SANDBOX_BPF_MAPS, bpf, 0, BPF_MAP_UPDATE_ELEM),
    WHERE(SANDBOX_BPF_MAPS, bpf, 0, BPF_MAP_LOOKUP_AND_DELETE_BATCH),
    ANY(SANDBOX_BPF_MAPS, sysinfo), /* qsort(3) asks how much memory there is */
    /* AF_XDP: are there still as many RX queues? */
    WHERE(SANDBOX_ETHTOOL, ioctl, 1, SIOCETHTOOL),
    /* AF_PACKET */
    WHERE(SANDBOX_PACKET, setsockopt, 1, SOL_PACKET),
    ANY(SANDBOX_PACKET, getsockname), /* libpcap: is the interface still there, and up? */
    WHERE(SANDBOX_PACKET, ioctl, 1, SIOCGIFFLAGS),
};

/* Those of the janitor of clsact filters (capture/clsact_janitor.c): it waits, and asks rtnetlink by sockets of libbpf's. */
static const struct call janitor_calls[] = {
    ANY(ALL, read),
    ANY(ALL, close),
    WHERE(ALL, socket, 0, AF_NETLINK),
    ANY(ALL, bind),
    ANY(ALL, getsockname),
    WHERE(ALL, setsockopt, 1, SOL_NETLINK),
    ANY(ALL, sendto),
    ANY(ALL, send),
    ANY(ALL, recvfrom),
    ANY(ALL, recv),
    ANY(ALL, recvmsg),
    ANY(ALL, write), /* its one answer */
    ANY(ALL, munmap),
    ANY(ALL, brk),
    ANY(ALL, mremap),
    WITHOUT(ALL, mmap, 2, PROT_EXEC),
    ANY(ALL, getrandom), /* malloc(3) */
    ANY(ALL, clock_gettime),
    ANY(ALL, time), /* numbers of netlink messages */
    ANY(ALL, rt_sigreturn),
    ANY(ALL, restart_syscall),
    ANY(ALL, exit_group),
};

/*
 * malloc(3) of the GNU C library opens a file of /sys when the ninth thread wants memory, to count CPUs, and one of /proc
 * when a thread's own arena shrinks. With one arena for all it does neither; workers seldom allocate.
 */
static void allocator_settle(void)
{
#ifdef M_ARENA_MAX
    mallopt(M_ARENA_MAX, 1);
#endif
}

/* For the signal handler. */
static int breach_fd = -1;

/* Within a signal handler: no printf. Ends at the start of the number's digits. */
static const char *digits(unsigned int number, char *end)
{
    do
        *--end = (char)('0' + number % 10);
    while (number /= 10);
    return end;
}

static char *append(char *at, const char *text)
{
    while (*text)
        *at++ = *text++;
    return at;
}

/* The kernel did not do what was asked for, and the rest of the process can no longer be trusted. */
static void breach_report(int signal, siginfo_t *information, void *context)
{
    char number[16] = "";
    char text[160];
    char *at = text;

    (void)signal;
    (void)context;
    at = append(at, breach_fd >= 0 ? "failed 1 0 " : "xtop: error: ");
    at = append(at, "xtop-capture was ended by its sandbox (system call ");
    at = append(at, digits((unsigned int)information->si_syscall, number + sizeof number - 1));
    at = append(at, " is not on its list; a fault of xtop, please report it)");
    if (breach_fd < 0) {
        *at++ = '\n';
        (void)!write(STDERR_FILENO, text, (size_t)(at - text));
    } else {
        (void)send(breach_fd, text, (size_t)(at - text), MSG_NOSIGNAL | MSG_DONTWAIT);
    }
    _exit(EXIT_FAILED);
}

static int breach_watch(int report_fd)
{
    struct sigaction action = {.sa_sigaction = breach_report, .sa_flags = SA_SIGINFO};

    breach_fd = report_fd;
    return sigaction(SIGSYS, &action, NULL);
}

static int call_allow(scmp_filter_ctx filter, const struct call *call)
{
    uint64_t value = call->value == OWN_PROCESS ? (uint64_t)getpid() : call->value;

    if (!call->mask)
        return seccomp_rule_add(filter, SCMP_ACT_ALLOW, call->number, 0);
    return seccomp_rule_add(filter, SCMP_ACT_ALLOW, call->number, 1,
                            SCMP_CMP64(call->argument, SCMP_CMP_MASKED_EQ, call->mask, value));
}

static int calls_allow(scmp_filter_ctx filter, const struct call *list, size_t count, uint32_t needs)
{
    int error = 0;

    for (size_t i = 0; i < count && error == 0; i++)
        if (list[i].needs == ALL || list[i].needs & needs)
            error = call_allow(filter, &list[i]);
    return error;
}

static int filter_load(scmp_filter_ctx filter, uint32_t needs)
{
    int error = seccomp_attr_set(filter, SCMP_FLTATR_CTL_TSYNC, 1);

    /* The kernel's own words rather than ECANCELED. */
    if (error == 0)
        error = seccomp_attr_set(filter, SCMP_FLTATR_API_SYSRAWRC, 1);
    /* Before Linux 5.16 a filter slowed the process down by mitigations for sandboxed code, which this does not run. */
    if (error == 0)
        (void)seccomp_attr_set(filter, SCMP_FLTATR_CTL_SSB, 1);
    if (error == 0)
        (void)seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2);
    if (error == 0)
        error = calls_allow(filter, calls, sizeof calls / sizeof calls[0], needs);
    return error ? error : seccomp_load(filter);
}

int sandbox_limit_calls(uint32_t needs, int report_fd, uint32_t *entered, struct failure *failure)
{
    scmp_filter_ctx filter;
    int error;

    if (SANITIZED)
        return 0;
    allocator_settle();
    filter = breach_watch(report_fd) == 0 ? seccomp_init(SCMP_ACT_TRAP) : NULL;
    error = filter ? filter_load(filter, needs) : -ENOMEM;

    if (filter)
        seccomp_release(filter);
    if (error == -ENOSYS || error == -EINVAL) /* a kernel without seccomp filters */
        return 0;
    if (error)
        return failure_set(failure, EXIT_FAILED, "cannot limit system calls (seccomp: %s; please report it)",
                           strerror(-error));
    *entered |= XTOP_SANDBOX_CALLS;
    return 0;
}

int sandbox_limit_janitor(void)
{
    scmp_filter_ctx filter;
    int error;

    if (SANITIZED)
        return 0;
    filter = seccomp_init(SCMP_ACT_ERRNO(EPERM));
    if (!filter)
        return -ENOMEM;
    error = calls_allow(filter, janitor_calls, sizeof janitor_calls / sizeof janitor_calls[0], ALL);
    if (error == 0)
        error = seccomp_load(filter);
    seccomp_release(filter);
    return error == -ENOSYS || error == -EINVAL ? 0 : error; /* a kernel without seccomp filters */
}
