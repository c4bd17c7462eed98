# SPDX-License-Identifier: BSD-2-Clause
"""What a network driver lets one see and set, asked of the kernel itself: ethtool's netlink, its ioctl, netdev-genl.

``ethtool(8)`` is never called: it is what the tests compare with.
"""
