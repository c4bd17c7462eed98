/* SPDX-License-Identifier: BSD-2-Clause */
/* Each case runs in a child of its own, since a sandbox has no way out. The kernel is the witness. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <semaphore.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "capture/flow_abi.h"
#include "capture/sandbox.h"

#define SURVIVED 7 /* exit code of a child that was not stopped */
#define THREADS 40 /* more than malloc's first arenas, and than this machine has CPUs */

static uint32_t entered;
static sem_t started;
static int holding; /* threads that have got their first memory */

static void enter(uint32_t needs, int report_fd)
{
    struct failure failure;

    if (sandbox_drop_rights(needs, &entered, &failure) < 0 || sandbox_limit_calls(needs, report_fd, &entered, &failure))
        _exit(99);
}

/* What /proc/self/status says behind `name`, or UINT64_MAX. */
static uint64_t status_read(FILE *status, const char *name)
{
    char line[128];
    size_t length = strlen(name);

    rewind(status);
    while (fgets(line, sizeof line, status))
        if (strncmp(line, name, length) == 0 && line[length] == ':')
            return strtoull(line + length + 1, NULL, 16);
    return UINT64_MAX;
}

static void child_drops_rights(void)
{
    FILE *status = fopen("/proc/self/status", "r");
    struct failure failure;

    if (sandbox_drop_rights(0, &entered, &failure) < 0)
        _exit(1);
    if (status_read(status, "CapEff") || status_read(status, "CapPrm") || status_read(status, "CapInh"))
        _exit(2);
    if (status_read(status, "NoNewPrivs") != 1)
        _exit(3);
    if (entered & XTOP_SANDBOX_FILES && (open("/etc/passwd", O_RDONLY) >= 0 || errno != EACCES))
        _exit(4);
    _exit(SURVIVED);
}

static void open_file(void)
{
    (void)!open("/etc/passwd", O_RDONLY);
}

static void execute(void)
{
    execl("/bin/true", "true", NULL);
}

static void divide(void)
{
    (void)!fork();
}

static void internet(void)
{
    socket(AF_INET, SOCK_STREAM, 0);
}

static void map_code(void)
{
    mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

static void load_program(void)
{
    syscall(SYS_bpf, 5 /* BPF_PROG_LOAD */, NULL, 0);
}

static void map_data(void)
{
    char *data = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    munmap(data, 4096);
}

/* The number of the call and what makes it; 0 = it is allowed. */
static const struct {
    long number;
    void (*act)(void);
} acts[] = {
    {SYS_openat, open_file}, {SYS_execve, execute},   {SYS_clone, divide}, {SYS_socket, internet},
    {SYS_mmap, map_code},    {SYS_bpf, load_program}, {0, map_data},
};

static void *thread_run(void *act)
{
    sem_post(&started);
    for (volatile uint32_t *in = &entered; !(__atomic_load_n(in, __ATOMIC_ACQUIRE) & XTOP_SANDBOX_CALLS);)
        sched_yield();
    (*(void (**)(void))act)();
    _exit(SURVIVED);
}

static void child_acts(size_t which, bool in_thread, int report_fd)
{
    pthread_t thread;

    if (in_thread) { /* which was there before the sandbox was shut */
        sem_init(&started, 0, 0);
        pthread_create(&thread, NULL, thread_run, (void *)(uintptr_t)&acts[which].act);
        sem_wait(&started);
    }
    enter(SANDBOX_BPF_MAPS, report_fd);
    if (in_thread)
        for (;;)
            sched_yield();
    acts[which].act();
    _exit(SURVIVED);
}

static void *thread_allocate(void *unused)
{
    (void)unused;
    sem_post(&started);
    while (!(__atomic_load_n(&entered, __ATOMIC_ACQUIRE) & XTOP_SANDBOX_CALLS))
        sched_yield();
    for (size_t size = 1; size < 1 << 22; size *= 2) {
        char *room = malloc(size);

        if (!room)
            _exit(98);
        memset(room, 1, size);
        free(room);
        if (size == 1) { /* all hold an arena at once */
            __atomic_add_fetch(&holding, 1, __ATOMIC_ACQ_REL);
            while (__atomic_load_n(&holding, __ATOMIC_ACQUIRE) < THREADS)
                sched_yield();
        }
    }
    return NULL;
}

/* The C library asks the kernel this and that when many threads want memory. */
static void child_allocates(int report_fd)
{
    pthread_t thread[THREADS];

    sem_init(&started, 0, 0);
    for (size_t i = 0; i < THREADS; i++) {
        pthread_create(&thread[i], NULL, thread_allocate, NULL);
        sem_wait(&started);
    }
    enter(0, report_fd);
    for (size_t i = 0; i < THREADS; i++)
        pthread_join(thread[i], NULL);
    _exit(SURVIVED);
}

static int exit_code_of(pid_t child)
{
    int status;

    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void rights_go(void **state)
{
    pid_t child = fork();

    (void)state;
    if (child == 0)
        child_drops_rights();
    assert_int_equal(exit_code_of(child), SURVIVED);
}

/* Under a sanitizer the list is another: it lets through what the runtime needs. */
static void need_the_true_list(void)
{
#ifdef XTOP_SANITIZED
    print_message("sandbox: skipped under a sanitizer, whose runtime needs more system calls\n");
    skip();
#endif
}

static void breaches_are_told(void **state)
{
    (void)state;
    need_the_true_list();
    for (size_t i = 0; i < 2 * sizeof acts / sizeof acts[0]; i++) {
        char said[256] = "";
        char expected[64];
        pid_t child;
        int ends[2];

        assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends), 0);
        child = fork();
        if (child == 0)
            child_acts(i / 2, i % 2, ends[1]);
        close(ends[1]);
        assert_true(recv(ends[0], said, sizeof said - 1, 0) >= 0);
        close(ends[0]);
        snprintf(expected, sizeof expected, "(system call %ld is not on its list", acts[i / 2].number);
        if (acts[i / 2].number) {
            assert_int_equal(exit_code_of(child), EXIT_FAILED);
            assert_non_null(strstr(said, expected));
            assert_int_equal(strncmp(said, "failed 1 0 ", 11), 0);
        } else {
            assert_int_equal(exit_code_of(child), SURVIVED);
            assert_string_equal(said, "");
        }
    }
}

static void threads_may_allocate(void **state)
{
    pid_t child;

    (void)state;
    need_the_true_list();
    child = fork();
    if (child == 0)
        child_allocates(-1);
    assert_int_equal(exit_code_of(child), SURVIVED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rights_go),
        cmocka_unit_test(breaches_are_told),
        cmocka_unit_test(threads_may_allocate),
    };

    return cmocka_run_group_tests_name("sandbox", tests, NULL, NULL);
}
