"""Processes are watched, and none is left behind."""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from mlops_assets.errors import UserError
from mlops_assets.local.processes import (
    ProcessDiedError,
    StoppedError,
    Supervisor,
    free_port,
    listening,
    require_free,
    stop_signals_raise,
)

# A child that starts a child of its own, and writes both process ids.
FAMILY = """
import os, subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(120)"])
open(sys.argv[1], "w").write(f"{os.getpid()} {child.pid}\\n")
time.sleep(120)
"""

# An owner of such a family, to be stopped from outside.
OWNER = """
import sys
from pathlib import Path
from mlops_assets.local.processes import StoppedError, Supervisor, stop_signals_raise
folder = Path(sys.argv[1])
with stop_signals_raise():
    try:
        with Supervisor(folder, folder) as supervisor:
            command = [sys.executable, "-c", sys.argv[2], str(folder / "pids")]
            supervisor.start("family", command, {})
            supervisor.wait_until(lambda: False, "a signal", 60)
    except StoppedError as stopped:
        sys.exit(stopped.exit_code)
"""


def wait_for(condition, seconds=20):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.05)


def alive(pid):
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"  # gone, but nobody has asked for its exit code yet


def pids_of(folder):
    wait_for(lambda: (folder / "pids").exists() and (folder / "pids").read_text().endswith("\n"))
    return [int(pid) for pid in (folder / "pids").read_text().split()]


def test_leaving_ends_the_children_and_their_children(tmp_path):
    with Supervisor(tmp_path, tmp_path) as supervisor:
        supervisor.start("family", [sys.executable, "-c", FAMILY, str(tmp_path / "pids")], {})
        pids = pids_of(tmp_path)
        assert all(map(alive, pids))
    assert not any(map(alive, pids))


def test_a_child_that_ignores_being_stopped_is_killed_after_the_grace(tmp_path):
    deaf = "trap '' TERM; echo deaf; while :; do sleep 1; done"
    with Supervisor(tmp_path, tmp_path, grace=0.3) as supervisor:
        supervisor.start("deaf", ["/bin/sh", "-c", deaf], {})
        wait_for(lambda: (tmp_path / "deaf.log").read_text())
        start = time.monotonic()
    assert 0.3 <= time.monotonic() - start < 3


def test_a_child_that_misses_the_first_request_to_stop_is_asked_again(tmp_path):
    slow = (
        "trap 'n=${n}x; echo asked; [ $n = xx ] && exit' TERM; echo up; while :; do sleep 0.1; done"
    )
    with Supervisor(tmp_path, tmp_path) as supervisor:
        supervisor.start("slow", ["/bin/sh", "-c", slow], {})
        wait_for(lambda: (tmp_path / "slow.log").read_text())
        start = time.monotonic()
    assert time.monotonic() - start < 4
    assert (tmp_path / "slow.log").read_text().count("asked") == 2


def test_a_child_that_dies_is_reported_with_the_end_of_its_log(tmp_path):
    dying = "import sys; print('the disk is full'); sys.exit(7)"
    with Supervisor(tmp_path, tmp_path) as supervisor:
        supervisor.start("server", [sys.executable, "-c", dying], {})
        with pytest.raises(ProcessDiedError, match=r"(?s)server.*code 7.*the disk is full"):
            supervisor.wait_until(lambda: False, "nothing", 20)


def test_the_reason_of_a_death_is_not_hidden_by_the_frames_of_its_traceback(tmp_path):
    deep = "def f(n):\n    f(n - 1) if n else 1 / 0\ntry:\n    f(30)\n"
    deep += "except ZeroDivisionError as e:\n    raise OSError('outer') from e"
    with Supervisor(tmp_path, tmp_path) as supervisor:
        supervisor.start("server", [sys.executable, "-c", deep], {})
        with pytest.raises(ProcessDiedError, match=r"(?s)ZeroDivisionError.*outer") as died:
            supervisor.wait_until(lambda: False, "nothing", 20)
    assert "File" not in str(died.value)


def test_what_dies_is_started_again_and_nothing_of_it_is_left(tmp_path):
    """Also what has lost its parent by then; but nothing of another process."""
    with Supervisor(tmp_path, tmp_path) as supervisor:
        for name in ("dying", "other"):
            folder = tmp_path / name
            folder.mkdir()
            command = [sys.executable, "-c", FAMILY, str(folder / "pids")]
            supervisor.start(name, command, {})
        dying, others = pids_of(tmp_path / "dying"), pids_of(tmp_path / "other")
        os.kill(dying[0], signal.SIGKILL)
        wait_for(lambda: supervisor.ended() == "dying")
        (tmp_path / "dying" / "pids").unlink()
        supervisor.revive("dying")
        again = pids_of(tmp_path / "dying")
        assert not any(map(alive, dying))
        assert all(map(alive, (*again, *others)))
        assert supervisor.ended() is None


def test_what_dies_too_often_is_an_error_with_the_end_of_its_log(tmp_path):
    dying = "import sys; print('the disk is full'); sys.exit(7)"
    with Supervisor(tmp_path, tmp_path) as supervisor:
        supervisor.start("server", [sys.executable, "-c", dying], {})
        for _ in range(3):
            wait_for(supervisor.ended)
            supervisor.revive("server")
        wait_for(supervisor.ended)
        with pytest.raises(ProcessDiedError, match=r"(?s)4 times in 10 minutes.*disk is full"):
            supervisor.revive("server")
    assert (tmp_path / "server.log").read_text().count("the disk is full") == 4


def test_waiting_in_vain_says_for_what_and_where_the_logs_are(tmp_path):
    with Supervisor(tmp_path, tmp_path) as supervisor, pytest.raises(UserError) as waited:
        supervisor.wait_until(lambda: False, "the moon to rise", 0.1, poll=0.02)
    assert "the moon to rise" in str(waited.value)
    assert str(tmp_path) in str(waited.value)


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)]
)
def test_a_signal_to_an_owner_in_the_background_of_a_shell_leaves_nothing(tmp_path, number, code):
    # A shell without job control starts background jobs with SIGINT ignored.
    script = '"$@" & echo $!; wait $!; echo $?'
    owner = [sys.executable, "-c", OWNER, str(tmp_path), FAMILY]
    command = ["/bin/sh", "-c", script, "sh", *owner]

    def hang_up_counts():  # also where these tests run under nohup
        signal.signal(signal.SIGHUP, signal.SIG_DFL)

    with subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, preexec_fn=hang_up_counts
    ) as shell:
        pid = int(shell.stdout.readline())
        pids = pids_of(tmp_path)
        os.kill(pid, number)
        assert int(shell.stdout.readline()) == code
    assert not any(map(alive, pids))


def test_an_owner_that_is_killed_leaves_nothing_either(tmp_path):
    command = [sys.executable, "-c", OWNER, str(tmp_path), FAMILY]
    with subprocess.Popen(command) as owner:
        pids = pids_of(tmp_path)
        owner.kill()
    wait_for(lambda: not any(map(alive, pids)))


def test_children_do_not_inherit_ignored_interrupts(tmp_path):
    probe = "import signal; print(signal.getsignal(signal.SIGINT) is signal.default_int_handler)"
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with stop_signals_raise(), Supervisor(tmp_path, tmp_path) as supervisor:
            supervisor.start("probe", [sys.executable, "-c", probe], {})
            wait_for(lambda: (tmp_path / "probe.log").read_text())
            assert (tmp_path / "probe.log").read_text() == "True\n"
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)


def test_a_hangup_that_nohup_wants_ignored_stays_ignored():
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with stop_signals_raise():
            os.kill(os.getpid(), signal.SIGHUP)
    finally:
        signal.signal(signal.SIGHUP, before)


def test_a_second_signal_does_not_cut_the_orderly_end_short():
    with stop_signals_raise():
        with pytest.raises(StoppedError, match="SIGTERM") as stopped:
            os.kill(os.getpid(), signal.SIGTERM)
        os.kill(os.getpid(), signal.SIGINT)
    assert stopped.value.exit_code == 143


def test_a_taken_port_is_an_error_that_names_it_and_the_variable_that_changes_it():
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        port = server.getsockname()[1]
        assert listening(port)
        with pytest.raises(UserError, match=rf"Port {port} .*for Dagster.*DAGSTER_PORT={port + 1}"):
            require_free(port, "Dagster", "DAGSTER_PORT")


def test_a_free_port_can_be_served_on():
    port = free_port()
    assert not listening(port)
    require_free(port, "Dagster", "DAGSTER_PORT")
