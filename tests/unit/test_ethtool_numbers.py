# SPDX-License-Identifier: BSD-2-Clause
"""Numbers of messages, attributes and structures against the kernel's own headers, which a C compiler reads."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest

from xtop.ethtool import ioctl, messages

PREFIXES: dict[str, Any] = {
    "ETHTOOL_A_CHANNELS_": messages.ChannelsMessage,
    "ETHTOOL_A_RINGS_": messages.RingsMessage,
    "ETHTOOL_A_COALESCE_": messages.CoalesceMessage,
    "ETHTOOL_A_FEATURES_": messages.FeaturesMessage,
}
NUMBERS = {
    "ETHTOOL_MSG_FEATURES_GET": messages.FEATURES_GET,
    "ETHTOOL_MSG_FEATURES_SET": messages.FEATURES_SET,
    "ETHTOOL_MSG_RINGS_GET": messages.RINGS_GET,
    "ETHTOOL_MSG_RINGS_SET": messages.RINGS_SET,
    "ETHTOOL_MSG_CHANNELS_GET": messages.CHANNELS_GET,
    "ETHTOOL_MSG_CHANNELS_SET": messages.CHANNELS_SET,
    "ETHTOOL_MSG_COALESCE_GET": messages.COALESCE_GET,
    "ETHTOOL_MSG_COALESCE_SET": messages.COALESCE_SET,
    "ETHTOOL_FLAG_OMIT_REPLY": messages.FLAG_OMIT_REPLY,
    "ETHTOOL_GENL_VERSION": messages.ETHTOOL_VERSION,
    "ETHTOOL_GRSSH": ioctl._GRSSH,
    "ETHTOOL_SRSSH": ioctl._SRSSH,
    "ETHTOOL_GDRVINFO": ioctl._GDRVINFO,
    "ETH_RXFH_INDIR_NO_CHANGE": ioctl._TABLE_KEEP,
    "SIOCETHTOOL": ioctl._SIOCETHTOOL,
    "sizeof(struct ethtool_drvinfo)": ioctl._DRVINFO_SIZE,
    "offsetof(struct ethtool_drvinfo, driver)": 4,
    "offsetof(struct ethtool_drvinfo, bus_info)": 100,
    "sizeof(struct ethtool_rxfh)": ioctl._RXFH.size,
    "offsetof(struct ethtool_rxfh, indir_size)": 8,
    "offsetof(struct ethtool_rxfh, key_size)": 12,
    "offsetof(struct ethtool_rxfh, hfunc)": 16,
    "offsetof(struct ethtool_rxfh, rss_config)": ioctl._RXFH.size,
}
HEADERS = ("stddef.h", "stdio.h", "sys/types.h", "linux/ethtool.h", "linux/ethtool_netlink.h", "linux/sockios.h")


def test_every_number_is_the_headers(tmp_path: Path) -> None:
    expected = dict(NUMBERS)
    for prefix, message in PREFIXES.items():
        expected.update({prefix + name: place for place, (name, _) in enumerate(message.nla_map)})
    lines = [f"#include <{header}>" for header in HEADERS] + ["int main(void) {"]
    lines += [f'printf("%s %lld\\n", "{name.replace(" ", "")}", (long long)({name}));' for name in expected]
    source = tmp_path / "numbers.c"
    source.write_text("\n".join([*lines, "return 0; }"]))
    built = subprocess.run(["gcc", "-o", str(tmp_path / "numbers"), str(source)], capture_output=True, text=True)
    if "ethtool_netlink.h: No such file" in built.stderr:
        pytest.skip("the kernel's headers have no ethtool netlink (install a newer linux-libc-dev)")
    assert built.returncode == 0, built.stderr
    printed = subprocess.run([str(tmp_path / "numbers")], capture_output=True, text=True, check=True).stdout
    found = {name: int(number) for name, number in (line.rsplit(" ", 1) for line in printed.splitlines())}
    assert found == {name.replace(" ", ""): number for name, number in expected.items()}
