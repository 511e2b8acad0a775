"""What the C library is told about freed memory, and that another library is left alone."""

import ctypes
import platform

import pytest

from pspmodel.heap import keep_freed_memory


class Library:
    def __init__(self):
        self.told = {}

    def mallopt(self, setting, value):
        self.told[setting] = value
        return 1


def test_nothing_is_mapped_apart_or_given_back(monkeypatch):
    library = Library()
    monkeypatch.setattr(ctypes, "CDLL", lambda _: library)
    keep_freed_memory()
    m_trim_threshold, m_mmap_max = -1, -4  # as in glibc's malloc.h
    assert library.told[m_mmap_max] == 0
    assert library.told[m_trim_threshold] == 2**31 - 1


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="another C library has no mallopt")
def test_glibc_takes_every_setting(monkeypatch):
    taken, real = [], ctypes.CDLL(None).mallopt

    class Watched:
        def mallopt(self, setting, value):
            taken.append(real(setting, value))

    monkeypatch.setattr(ctypes, "CDLL", lambda _: Watched())
    keep_freed_memory()
    assert taken == [1, 1, 1]


def test_another_library_is_left_alone(monkeypatch):
    monkeypatch.setattr(ctypes, "CDLL", lambda _: object())
    keep_freed_memory()
