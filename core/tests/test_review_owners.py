"""A lease's owner is dead only when its process surely is."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from svahub.owners import UNKNOWN, Owner, dead, start_ticks

ON_LINUX = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="the kernel tells ticks only in /proc")


def test_this_process_lives_under_its_name_as_the_store_keeps_it() -> None:
    owner = Owner.parse(str(Owner.this_process()))
    assert owner is not None
    assert owner.pid == os.getpid()
    assert dead([str(owner)]) == []
    assert len(str(owner)) <= 200


def test_an_ended_process_of_this_host_is_dead_and_of_another_not_known_to_be() -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    here = replace(Owner.this_process(), pid=ended.pid)
    assert here.dead
    assert not replace(here, host="elsewhere").dead


def test_an_ended_process_that_nobody_has_asked_for_is_dead() -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    os.waitid(os.P_PID, ended.pid, os.WEXITED | os.WNOWAIT)
    assert replace(Owner.this_process(), pid=ended.pid).dead
    ended.wait()


def test_a_process_id_used_again_is_not_mistaken_for_the_owner() -> None:
    assert replace(Owner.this_process(), started="1").dead


def test_a_process_whose_start_was_not_readable_is_not_taken_for_dead() -> None:
    assert not replace(Owner.this_process(), started=UNKNOWN).dead


@ON_LINUX
def test_the_start_does_not_move_with_the_machines_clock() -> None:
    assert Owner.this_process().started == start_ticks(Path("/proc/self/stat").read_bytes())
    assert "." not in Owner.this_process().started


@ON_LINUX
def test_the_hosts_name_tells_this_boot_from_every_other() -> None:
    assert Path("/proc/sys/kernel/random/boot_id").read_text().strip() in Owner.this_process().host


def test_a_programs_name_may_look_like_the_end_of_its_field() -> None:
    fields = " ".join(str(n) for n in range(4, 40))
    assert start_ticks(f"7 (a) R (b)) S {fields}".encode()) == "22"
