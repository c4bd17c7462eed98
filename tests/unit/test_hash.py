# SPDX-License-Identifier: BSD-2-Clause
"""capture/hash.c against its oracle, the mmh3 package: a flow's id is the same wherever it is computed."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import mmh3
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

ROOT = Path(__file__).parents[2]

# Reads "SEED HEX" lines, writes hash_bytes of each and, for 40 bytes, hash_key's too.
PROGRAM = """
#include <stdio.h>
#include "capture/hash.h"
int main(void)
{
    static char hex[8192];
    static unsigned char bytes[4096];
    unsigned seed;
    while (scanf("%u %8191s", &seed, hex) == 2) {
        unsigned size = 0;
        for (const char *at = hex + 1; at[0] && at[1]; at += 2) {
            unsigned byte;
            sscanf(at, "%2x", &byte);
            bytes[size++] = (unsigned char)byte;
        }
        printf("%u", hash_bytes(bytes, size, seed));
        if (size == sizeof(struct xtop_key))
            printf(" %u", hash_key((const struct xtop_key *)(void *)bytes, seed));
        putchar(10);
        fflush(stdout);
    }
    return 0;
}
"""


@pytest.fixture(scope="module")
def hasher(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Compile a program around the C hash."""
    directory = tmp_path_factory.mktemp("hash")
    (directory / "hash_lines.c").write_text(PROGRAM, encoding="utf-8")
    command = ["cc", "-O1", f"-I{ROOT}", "-o", "hash_lines", "hash_lines.c", str(ROOT / "capture" / "hash.c")]
    subprocess.run(command, cwd=directory, check=True)
    return directory / "hash_lines"


@settings(deadline=None, max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.tuples(st.integers(0, 2**32 - 1), st.one_of(st.binary(max_size=70), st.binary(min_size=40, max_size=40))),
        min_size=1,
        max_size=50,
    )
)
def test_any_bytes_under_any_seed(hasher: Path, inputs: list[tuple[int, bytes]]) -> None:
    lines = "".join(f"{seed} x{data.hex()}\n" for seed, data in inputs)
    done = subprocess.run([hasher], input=lines, capture_output=True, text=True, check=True)
    seen = [set(map(int, line.split())) for line in done.stdout.splitlines()]
    assert seen == [{mmh3.hash(data, seed, signed=False)} for seed, data in inputs]


def test_the_native_tests_vectors_are_mmh3s() -> None:
    text = (ROOT / "tests" / "native" / "test_hash.c").read_text(encoding="utf-8")
    table = text.split("/* vectors begin:")[1].split("/* vectors end */")[0]
    rows = re.findall(r"\{(\d+), (0x[0-9a-f]+), (0x[0-9a-f]+)\}", table)
    assert len(rows) == 48
    for size, seed, value in rows:
        data = bytes((i * 37 + 11) & 255 for i in range(int(size)))
        assert mmh3.hash(data, int(seed, 16), signed=False) == int(value, 16)
