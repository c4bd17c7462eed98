/* SPDX-License-Identifier: BSD-2-Clause */
#include "capture/xdp_program.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/if_link.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "bpf/kept_frame.h"
#include "capture/flow_abi.h"
#include "capture/sampling.h"
#include "xsk_redirect.skel.h"

/* libbpf up to 0.8 returns -1 and sets errno where 1.x returns -errno and sets it too. */
static int libbpf_error(int result)
{
    return errno > 0 ? -errno : result;
}

int xdp_program_load(struct xdp_program *program, bool fragments, bool keep_host, struct sampling sampling)
{
    struct xsk_redirect *skeleton;
    int error;

    *program = (struct xdp_program){.program_fd = -1, .link_fd = -1};
    error = libbpf_num_possible_cpus();
    if (error < 0)
        return error;
    program->cpus = (uint32_t)error;
    skeleton = xsk_redirect__open();
    if (!skeleton)
        return libbpf_error(-ENOMEM);
    skeleton->rodata->keep_host = keep_host;
    skeleton->rodata->sample_interval = sampling.interval;
    skeleton->rodata->sample_threshold = sampling.random ? sampling_threshold(sampling.interval) : 0;
    if (!keep_host)
        bpf_map__set_max_entries(skeleton->maps.kept_frames, (uint32_t)sysconf(_SC_PAGESIZE));
    bpf_program__set_autoload(skeleton->progs.xsk_redirect, !fragments);
    bpf_program__set_autoload(skeleton->progs.xsk_redirect_fragments, fragments);
    error = xsk_redirect__load(skeleton);
    if (error) {
        xsk_redirect__destroy(skeleton);
        return error;
    }
    program->skeleton = skeleton;
    program->program_fd =
        bpf_program__fd(fragments ? skeleton->progs.xsk_redirect_fragments : skeleton->progs.xsk_redirect);
    return 0;
}

void xdp_program_set_host(struct xdp_program *program, const uint64_t *mac, uint32_t count)
{
    struct kept_host *host = &program->skeleton->bss->host;

    /* The program reads on meanwhile: an address first, then that there is one. */
    for (uint32_t i = 0; i < count && i < KEPT_FRAME_MACS; i++)
        __atomic_store_n(&host->mac[i], mac[i], __ATOMIC_RELEASE);
    __atomic_store_n(&host->mac_count, count < KEPT_FRAME_MACS ? count : KEPT_FRAME_MACS, __ATOMIC_RELEASE);
}

int xdp_program_kept_fd(const struct xdp_program *program)
{
    return bpf_map__fd(program->skeleton->maps.kept_frames);
}

uint64_t xdp_program_kept_lost(const struct xdp_program *program)
{
    return __atomic_load_n(&program->skeleton->bss->kept_lost, __ATOMIC_RELAXED);
}

uint64_t xdp_program_kept_unheard(const struct xdp_program *program)
{
    return __atomic_load_n(&program->skeleton->bss->kept_unheard, __ATOMIC_RELAXED);
}

int xdp_program_sampled_out(const struct xdp_program *program, uint32_t queue, struct sampling_state *sum)
{
    struct sampling_state *each = calloc(program->cpus, sizeof *each);
    int result = -ENOMEM;

    *sum = (struct sampling_state){0};
    if (!each)
        return result;
    result = bpf_map_lookup_elem(bpf_map__fd(program->skeleton->maps.queue_sampling), &queue, each);
    for (uint32_t i = 0; i < program->cpus && result == 0; i++) {
        sum->packets += each[i].packets;
        sum->bytes += each[i].bytes;
        sum->dropped += each[i].dropped;
    }
    free(each);
    return result < 0 ? libbpf_error(result) : 0;
}

int xdp_program_attach(struct xdp_program *program, uint32_t ifindex, uint32_t mode)
{
    DECLARE_LIBBPF_OPTS(bpf_link_create_opts, options,
                        .flags = mode == XTOP_XDP_NATIVE ? XDP_FLAGS_DRV_MODE : XDP_FLAGS_SKB_MODE);
    int link_fd = bpf_link_create(program->program_fd, (int)ifindex, BPF_XDP, &options);

    if (link_fd < 0)
        return libbpf_error(link_fd);
    program->link_fd = link_fd;
    program->mode = mode;
    return 0;
}

int xdp_program_redirect(struct xdp_program *program, uint32_t queue, int socket_fd)
{
    int result = bpf_map_update_elem(bpf_map__fd(program->skeleton->maps.xsk_sockets), &queue, &socket_fd, BPF_ANY);

    return result < 0 ? libbpf_error(result) : 0;
}

void xdp_program_detach(struct xdp_program *program)
{
    if (program->link_fd >= 0)
        close(program->link_fd);
    program->link_fd = -1;
    program->mode = XTOP_XDP_NONE;
}

void xdp_program_unload(struct xdp_program *program)
{
    if (!program->skeleton)
        return;
    xdp_program_detach(program);
    xsk_redirect__destroy(program->skeleton);
    program->skeleton = NULL;
}

void xdp_program_name(uint32_t id, char *name, size_t size)
{
    struct bpf_prog_info information = {0};
    uint32_t information_size = sizeof information;
    int fd = bpf_prog_get_fd_by_id(id);

    snprintf(name, size, "?");
    if (fd < 0)
        return;
    if (bpf_obj_get_info_by_fd(fd, &information, &information_size) == 0 && information.name[0])
        snprintf(name, size, "%s", information.name);
    close(fd);
}
