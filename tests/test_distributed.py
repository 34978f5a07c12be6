"""Several processes that train as one."""

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from skssl._processes import _first_host

SCRIPT = Path(__file__).with_name("processes.py")
PATIENCE = 300


def free_port():
    with socket.socket() as found:
        found.bind(("localhost", 0))
        return found.getsockname()[1]


def torchrun(port):
    known = {"WORLD_SIZE": 2, "MASTER_ADDR": "localhost", "MASTER_PORT": port}
    return [known | {"RANK": rank, "LOCAL_RANK": rank} for rank in range(2)]


def slurm(port):
    known = {
        "SLURM_JOB_ID": port - 20_000,
        "SLURM_STEP_ID": 0,
        "SLURM_STEP_NUM_TASKS": 2,
        "SLURM_STEP_NODELIST": "localhost",
    }
    return [known | {"SLURM_PROCID": rank, "SLURM_LOCALID": rank} for rank in range(2)]


def run(name, folder, *launched):
    """Start processes with what a launcher tells each, and return what they wrote and returned."""
    root = str(SCRIPT.parent.parent)
    processes = []
    for told in launched:
        env = os.environ | {"PYTHONPATH": root} | {key: str(value) for key, value in told.items()}
        command = [sys.executable, str(SCRIPT), name, str(folder)]
        pipe = subprocess.PIPE
        processes.append(
            subprocess.Popen(command, env=env, stdout=pipe, stderr=subprocess.STDOUT, text=True)
        )
    try:
        written = [process.communicate(timeout=PATIENCE)[0] for process in processes]
    finally:
        for process in processes:
            process.kill()
    return written, [process.returncode for process in processes]


def test_every_method_learns_what_one_process_does(tmp_path):
    written, codes = run("every_method", tmp_path, {}, *torchrun(free_port()))
    assert codes == [0, 0, 0], "\n".join(written)
    alone, first, second = (torch.load(tmp_path / f"{rank}.pt") for rank in (-1, 0, 1))
    assert alone.keys() == first.keys() == second.keys()
    for what, learned in alone.items():
        assert learned.keys() == first[what].keys()
        for name, tensor in learned.items():
            of_both, its_twin = first[what][name], second[what][name]
            assert torch.equal(of_both, its_twin), (what, name)
            torch.testing.assert_close(
                of_both,
                tensor,
                rtol=0,
                atol=1e-9,
                msg=lambda text, at=(what, name): f"{at}: {text}",
            )


def test_what_scripts_do(tmp_path):
    written, codes = run("scripts", tmp_path, *slurm(free_port() % 20_000 + 20_000))
    assert codes == [0, 0], "\n".join(written)
    assert "SimCLR: 56 of 56 steps in" in written[0]
    assert written[1].strip() == "all done"
    first, second = (torch.load(tmp_path / f"{rank}.pt") for rank in range(2))
    for of_first, of_second in zip(first, second, strict=True):
        assert all(torch.equal(of_first[name], of_second[name]) for name in of_first)


def test_nothing_is_lost(tmp_path):
    written, codes = run("loses_one", tmp_path, *torchrun(free_port()))
    assert codes == [0, 7], "\n".join(written)
    written, codes = run("is_ended", tmp_path, *torchrun(free_port()))
    assert codes == [-signal.SIGTERM, -signal.SIGTERM], "\n".join(written)
    assert "goes on after 1 steps" in written[0]
    written, codes = run("goes_on", tmp_path, *torchrun(free_port()))
    assert codes == [0, 0], "\n".join(written)
    assert "goes on after 4 steps" in written[0]
    assert not written[1]


@pytest.mark.slow
def test_accuracy_is_that_of_one_process(tmp_path):
    written, codes = run("digits", tmp_path, {}, *torchrun(free_port()))
    assert codes == [0, 0, 0], "\n".join(written)
    alone, first, second = (np.load(tmp_path / f"scores{rank}.npy") for rank in (-1, 0, 1))
    assert first.tolist() == second.tolist()
    assert abs(alone.mean() - first.mean()) < max(0.01, 2 * np.ptp(alone))


@pytest.mark.parametrize(
    "hosts", ["node07", "node07,node09", "node[07-09,12],other[1-2]", "node[07,09]"]
)
def test_first_host_of_slurm(hosts):
    assert _first_host(hosts) == "node07"


def test_first_host_of_several_names():
    assert _first_host("login,node[07-09]") == "login"
    assert _first_host("rack[3-4]n") == "rack3n"
