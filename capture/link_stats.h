/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the kernel says of one network interface: by rtnetlink (RTM_GETLINK) and the ethtool ioctl, both of which speak
 * of the calling thread's network namespace. sysfs is not read: after setns(2) it still shows the old namespace.
 */
#ifndef XTOP_LINK_STATS_H
#define XTOP_LINK_STATS_H

#include <net/if.h>
#include <stdbool.h>
#include <stdint.h>

/* Ethernet header and one VLAN tag: what a frame of full MTU has before its IP packet. */
#define LINK_FRAME_OVERHEAD 18

struct link_state {
    uint32_t ifindex;
    char name[IF_NAMESIZE]; /* as it is now: links are renamed */
    uint32_t mtu;           /* bytes of an IP packet */
    uint16_t hardware;      /* ARPHRD_ of linux/if_arp.h */
    uint32_t rx_queues;     /* IFLA_NUM_RX_QUEUES: those that exist, in use or not */
    bool up;                /* administratively */
    bool carrier;
    bool ethernet;        /* its frames begin with an Ethernet header */
    uint64_t mac;         /* its address as a number: 02:00:00:00:00:01 is 0x020000000001; 0 = none */
    uint8_t xdp_attached; /* XDP_ATTACHED_ of linux/if_link.h */
    uint32_t xdp_program; /* id of a program that is attached, 0 = none */
    uint64_t dropped;     /* frames: rx_dropped + rx_missed_errors + rx_fifo_errors */
};

/*
 * Opens the socket that link_read() asks through; it stays in the network namespace of now. Returns it, or -errno. The
 * caller closes it.
 */
int link_open(void);

/* The number of the interface with that name, 0 = there is none; by a socket that is open, where if_nametoindex(3) takes one. */
uint32_t link_index(int fd, const char *interface);

/* Fills `state` for interface `ifindex`. Returns 0, or -errno: -ENODEV when there is no such interface. */
int link_read(int netlink_fd, uint32_t ifindex, struct link_state *state);

/* Asks the driver through the ethtool ioctl (linux/ethtool.h), by any socket of the namespace. Returns 0, or -errno. */
int link_ethtool(int fd, const char *interface, void *question);

/*
 * The RX queues in use (ethtool -l: RX and combined), which grow and shrink with the driver's settings. Where the
 * driver does not tell: `otherwise`.
 */
uint32_t link_rx_queues(int netlink_fd, const char *interface, uint32_t otherwise);

/* The driver's name (ethtool -i) in `driver`; empty when it does not tell. */
void link_driver(int netlink_fd, const char *interface, char driver[32]);

#endif
