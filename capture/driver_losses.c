/* SPDX-License-Identifier: BSD-2-Clause */
#include "capture/driver_losses.h"

#include <linux/ethtool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "capture/link_stats.h"

/*
 * The kernel writes as many statistics as the driver has by then, whatever we have room for. So there is room for more
 * than a driver of the table has with all its queues (vmxnet3: 32 of each, some 20 numbers a queue).
 */
#define STATISTICS_MOST 8192

static const struct {
    const char *driver;
    const char *counter; /* without the blanks that indent it */
} known[] = {
    {"vmxnet3", "pkts rx OOB"}, /* out of buffers */
};

static const char *counter_of(const char *driver)
{
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (strcmp(driver, known[i].driver) == 0)
            return known[i].counter;
    return NULL;
}

static uint32_t statistics_count(const struct driver_losses *losses)
{
    union {
        struct ethtool_sset_info set;
        uint8_t room[sizeof(struct ethtool_sset_info) + sizeof(uint32_t)];
    } question = {.set = {.cmd = ETHTOOL_GSSET_INFO, .sset_mask = UINT64_C(1) << ETH_SS_STATS}};

    if (link_ethtool(losses->fd, losses->interface, &question) < 0 || !question.set.sset_mask)
        return 0;
    return question.set.data[0] <= STATISTICS_MOST / 2 ? question.set.data[0] : 0;
}

/* Marks the statistics called `counter`; how many. */
static uint32_t mark(struct driver_losses *losses, const char *counter)
{
    struct ethtool_gstrings *names = calloc(1, sizeof *names + (size_t)STATISTICS_MOST * ETH_GSTRING_LEN);
    uint32_t found = 0;

    if (!names)
        return 0;
    *names = (struct ethtool_gstrings){.cmd = ETHTOOL_GSTRINGS, .string_set = ETH_SS_STATS, .len = losses->statistics};
    if (link_ethtool(losses->fd, losses->interface, names) == 0 && names->len == losses->statistics)
        for (uint32_t i = 0; i < names->len; i++) {
            char name[ETH_GSTRING_LEN + 1] = "";

            memcpy(name, names->data + (size_t)i * ETH_GSTRING_LEN, ETH_GSTRING_LEN);
            losses->wanted[i] = strcmp(name + strspn(name, " "), counter) == 0;
            found += losses->wanted[i];
        }
    free(names);
    return found;
}

void driver_losses_open(struct driver_losses *losses, int fd, const char *interface, const char *driver)
{
    const char *counter = counter_of(driver);

    *losses = (struct driver_losses){.fd = fd};
    if (!counter)
        return;
    snprintf(losses->interface, sizeof losses->interface, "%s", interface);
    losses->statistics = statistics_count(losses);
    losses->wanted = calloc(STATISTICS_MOST, sizeof *losses->wanted);
    losses->answer = calloc(1, sizeof *losses->answer + STATISTICS_MOST * sizeof(uint64_t));
    if (!losses->wanted || !losses->answer || mark(losses, counter) == 0)
        driver_losses_close(losses);
}

bool driver_losses_there(const struct driver_losses *losses)
{
    return losses->wanted;
}

uint64_t driver_losses_read(struct driver_losses *losses)
{
    uint64_t now = 0;

    if (!losses->wanted)
        return 0;
    losses->answer->cmd = ETHTOOL_GSTATS;
    losses->answer->n_stats = losses->statistics;
    /* Other statistics than at the start, of more or fewer queues, are not those that were marked. */
    if (link_ethtool(losses->fd, losses->interface, losses->answer) < 0 ||
        losses->answer->n_stats != losses->statistics)
        return losses->total;
    for (uint32_t i = 0; i < losses->statistics; i++)
        now += losses->wanted[i] ? losses->answer->data[i] : 0;
    losses->total += now >= losses->last ? now - losses->last : now;
    losses->last = now;
    return losses->total;
}

void driver_losses_close(struct driver_losses *losses)
{
    free(losses->wanted);
    free(losses->answer);
    losses->wanted = NULL;
    losses->answer = NULL;
}
