"""Freed memory stays with the process, so that the next step need not ask for it again."""

import platform
import subprocess
import sys

import pytest

PROGRAM = """
import resource, sys
import torch
from pspmodel.heap import keep_freed_memory

def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    torch.empty(48 * 2**20, dtype=torch.uint8).fill_(1)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

if sys.argv[1] == "keep":
    keep_freed_memory()
faults()
print(faults())
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="another C library keeps as it likes")
def test_a_second_large_tensor_costs_no_pages():
    pages = {
        how: int(subprocess.run(
            [sys.executable, "-c", PROGRAM, how], capture_output=True, text=True, check=True
        ).stdout)
        for how in ("keep", "plain")
    }  # fmt: skip
    # Where pages are 2 MB large there are few either way.
    assert pages["keep"] < max(24, pages["plain"] / 20)
