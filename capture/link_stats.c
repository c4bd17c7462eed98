/* SPDX-License-Identifier: BSD-2-Clause */
#include "capture/link_stats.h"

#include <errno.h>
#include <linux/ethtool.h>
#include <linux/if_arp.h>
#include <linux/if_link.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sockios.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#define LINK_REPLY_SIZE 32768 /* the kernel's largest RTM_NEWLINK without VF details is a few KiB */
#define LINK_REPLY_SECONDS 2

int link_open(void)
{
    struct timeval patience = {.tv_sec = LINK_REPLY_SECONDS};
    int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);

    if (fd < 0)
        return -errno;
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    return fd;
}

static int link_request(int netlink_fd, uint32_t ifindex, uint32_t sequence)
{
    struct {
        struct nlmsghdr header;
        struct ifinfomsg link;
    } request = {
        .header = {.nlmsg_len = sizeof request,
                   .nlmsg_type = RTM_GETLINK,
                   .nlmsg_flags = NLM_F_REQUEST,
                   .nlmsg_seq = sequence},
        .link = {.ifi_family = AF_UNSPEC, .ifi_index = (int)ifindex},
    };

    return send(netlink_fd, &request, sizeof request, 0) == (ssize_t)sizeof request ? 0 : -errno;
}

static void link_read_xdp(const struct rtattr *nest, struct link_state *state)
{
    int left = (int)RTA_PAYLOAD(nest);
    const struct rtattr *attribute = RTA_DATA(nest);

    for (; RTA_OK(attribute, left); attribute = RTA_NEXT(attribute, left)) {
        switch (attribute->rta_type) {
        case IFLA_XDP_ATTACHED:
            memcpy(&state->xdp_attached, RTA_DATA(attribute), sizeof state->xdp_attached);
            break;
        case IFLA_XDP_PROG_ID:
        case IFLA_XDP_DRV_PROG_ID:
        case IFLA_XDP_SKB_PROG_ID:
        case IFLA_XDP_HW_PROG_ID:
            memcpy(&state->xdp_program, RTA_DATA(attribute), sizeof state->xdp_program);
            break;
        }
    }
}

static void link_read_statistics(const struct rtattr *attribute, struct link_state *state)
{
    struct rtnl_link_stats64 statistics = {0};
    size_t size = RTA_PAYLOAD(attribute);

    /* Older kernels send a shorter structure, newer a longer one. */
    memcpy(&statistics, RTA_DATA(attribute), size < sizeof statistics ? size : sizeof statistics);
    state->dropped = statistics.rx_dropped + statistics.rx_missed_errors + statistics.rx_fifo_errors;
}

static void link_read_mac(const struct rtattr *attribute, struct link_state *state)
{
    const uint8_t *byte = RTA_DATA(attribute);

    state->mac = 0;
    for (size_t i = 0; i < RTA_PAYLOAD(attribute) && i < 6; i++)
        state->mac = state->mac << 8 | byte[i];
}

static void link_read_message(const struct nlmsghdr *header, struct link_state *state)
{
    const struct ifinfomsg *link = NLMSG_DATA(header);
    const struct rtattr *attribute = IFLA_RTA(link);
    int left = (int)IFLA_PAYLOAD(header);

    *state = (struct link_state){
        .ifindex = (uint32_t)link->ifi_index,
        .hardware = link->ifi_type,
        .up = link->ifi_flags & IFF_UP,
        .carrier = link->ifi_flags & IFF_RUNNING,
        .ethernet = link->ifi_type == ARPHRD_ETHER || link->ifi_type == ARPHRD_LOOPBACK,
    };
    for (; RTA_OK(attribute, left); attribute = RTA_NEXT(attribute, left)) {
        switch (attribute->rta_type & NLA_TYPE_MASK) {
        case IFLA_IFNAME:
            snprintf(state->name, sizeof state->name, "%s", (const char *)RTA_DATA(attribute));
            break;
        case IFLA_MTU:
            memcpy(&state->mtu, RTA_DATA(attribute), sizeof state->mtu);
            break;
        case IFLA_ADDRESS:
            link_read_mac(attribute, state);
            break;
        case IFLA_NUM_RX_QUEUES:
            memcpy(&state->rx_queues, RTA_DATA(attribute), sizeof state->rx_queues);
            break;
        case IFLA_STATS64:
            link_read_statistics(attribute, state);
            break;
        case IFLA_XDP:
            link_read_xdp(attribute, state);
            break;
        }
    }
}

int link_read(int netlink_fd, uint32_t ifindex, struct link_state *state)
{
    static _Thread_local uint32_t sequence;
    _Alignas(struct nlmsghdr) char reply[LINK_REPLY_SIZE];
    int error = link_request(netlink_fd, ifindex, ++sequence);

    while (error == 0) {
        const struct nlmsghdr *header = (const struct nlmsghdr *)reply;
        ssize_t size = recv(netlink_fd, reply, sizeof reply, 0);

        if (size < 0)
            return errno == EAGAIN ? -ETIMEDOUT : -errno;
        if (!NLMSG_OK(header, (size_t)size))
            return -EPROTO;
        if (header->nlmsg_seq != sequence)
            continue; /* the late answer to a question that was given up */
        if (header->nlmsg_type == NLMSG_ERROR)
            return ((const struct nlmsgerr *)NLMSG_DATA(header))->error;
        if (header->nlmsg_type != RTM_NEWLINK)
            return -EPROTO;
        link_read_message(header, state);
        return 0;
    }
    return error;
}

uint32_t link_index(int fd, const char *interface)
{
    struct ifreq request = {.ifr_ifindex = 0};

    if (strlen(interface) >= sizeof request.ifr_name)
        return 0;
    snprintf(request.ifr_name, sizeof request.ifr_name, "%s", interface);
    return ioctl(fd, SIOCGIFINDEX, &request) < 0 ? 0 : (uint32_t)request.ifr_ifindex;
}

int link_ethtool(int fd, const char *interface, void *question)
{
    struct ifreq request = {.ifr_data = question};

    snprintf(request.ifr_name, sizeof request.ifr_name, "%s", interface);
    return ioctl(fd, SIOCETHTOOL, &request) < 0 ? -errno : 0;
}

uint32_t link_rx_queues(int netlink_fd, const char *interface, uint32_t otherwise)
{
    struct ethtool_channels channels = {.cmd = ETHTOOL_GCHANNELS};

    if (link_ethtool(netlink_fd, interface, &channels) < 0 || channels.rx_count + channels.combined_count == 0)
        return otherwise;
    return channels.rx_count + channels.combined_count;
}

void link_driver(int netlink_fd, const char *interface, char driver[32])
{
    struct ethtool_drvinfo information = {.cmd = ETHTOOL_GDRVINFO};

    driver[0] = '\0';
    if (link_ethtool(netlink_fd, interface, &information) == 0)
        snprintf(driver, 32, "%.31s", information.driver);
}
