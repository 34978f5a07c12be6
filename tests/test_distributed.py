"""Several processes that train as one."""

import os
import signal
import socket
import subprocess
import sys

import numpy as np
import pytest
import torch
from cases import CASES
from processes import begin

from skssl import BYOL, MaskedAutoencoder, SimCLR
from skssl._processes import _first_host, current_processes, together

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


@pytest.fixture
def run(new_process, tmp_path):
    """Start processes with what a launcher tells each; return what they wrote and returned."""

    def run(name, *launched):
        processes, outputs = [], []
        for told in launched:
            outputs.append(tmp_path / f"{len(outputs)}.txt")
            env = {key: str(value) for key, value in told.items()}
            processes.append(new_process(target=begin, args=(name, tmp_path, env, outputs[-1])))
            processes[-1].start()
        try:
            for process in processes:
                process.join(PATIENCE)
        finally:
            for process in processes:
                process.kill()
        written = [output.read_text() for output in outputs]
        return written, [process.exitcode for process in processes]

    return run


def test_every_method_learns_what_one_process_does(run, tmp_path):
    written, codes = run("every_method", {}, *torchrun(free_port()))
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


def test_what_scripts_do(run, tmp_path):
    written, codes = run("scripts", *slurm(free_port() % 20_000 + 20_000))
    assert codes == [0, 0], "\n".join(written)
    assert "SimCLR: 56 of 56 steps in" in written[0]
    assert written[1].strip() == "all done"
    first, second = (torch.load(tmp_path / f"{rank}.pt") for rank in range(2))
    for of_first, of_second in zip(first, second, strict=True):
        assert all(torch.equal(of_first[name], of_second[name]) for name in of_first)


# A process of its own: what torch imports at the first step must not have been imported before.
SCRIPT = """
import weakref
import numpy as np
import torch.distributed as dist
from skorch.callbacks import Callback
from skssl import SimCLR

class Notes(Callback):
    def on_batch_end(self, net, **kwargs):
        self.group = weakref.ref(dist.group.WORLD)

notes = Notes()
X = np.random.default_rng(0).normal(size=(32, 8, 8))
SimCLR(max_epochs=1, batch_size=16, callbacks=[notes], random_state=0).fit(X)
assert notes.group() is None, "the process group lives on"
"""


def test_scripts_end_well():
    # The threads of a process group that lives on abort the process, though not always.
    script = [sys.executable, "-c", SCRIPT]
    launched = [
        subprocess.Popen(
            script,
            env=os.environ | {key: str(value) for key, value in told.items()},
            stderr=subprocess.PIPE,
            text=True,
        )
        for told in torchrun(free_port())
    ]
    said = [process.communicate(timeout=PATIENCE)[1] for process in launched]
    assert [process.returncode for process in launched] == [0, 0], "\n".join(said)


def test_nothing_is_lost(run):
    written, codes = run("loses_one", *torchrun(free_port()))
    assert codes == [0, 7], "\n".join(written)
    written, codes = run("is_ended", *torchrun(free_port()))
    assert codes == [-signal.SIGTERM, -signal.SIGTERM], "\n".join(written)
    assert "goes on after 1 steps" in written[0]
    written, codes = run("goes_on", *torchrun(free_port()))
    assert codes == [0, 0], "\n".join(written)
    assert "goes on after 4 steps" in written[0]
    assert not written[1]


@pytest.mark.slow
def test_accuracy_is_that_of_one_process(run, tmp_path):
    written, codes = run("digits", {}, *torchrun(free_port()))
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


def test_one_process_of_a_launcher_trains_alone(monkeypatch):
    for name, value in {"RANK": 0, "WORLD_SIZE": 1, "MASTER_ADDR": "x", "MASTER_PORT": 1}.items():
        monkeypatch.setenv(name, str(value))
    with together():
        assert current_processes() is None


@pytest.mark.parametrize("estimator", [BYOL, MaskedAutoencoder, SimCLR])
def test_group_of_one_trains_as_without(estimator, tmp_path):
    settings = {"optimizer": "sgd", "precision": "float32"}
    alone, in_group = (CASES[0].make_small(estimator, **settings) for _ in range(2))
    alone.fit(CASES[0].few())
    where = f"file://{tmp_path}/group"
    torch.distributed.init_process_group("gloo", init_method=where, rank=0, world_size=1)
    try:
        in_group.fit(CASES[0].few())
    finally:
        torch.distributed.destroy_process_group()
    np.testing.assert_allclose(in_group.loss_curve_, alone.loss_curve_, rtol=1e-4)
    Z = alone.transform(CASES[0].few())
    np.testing.assert_allclose(in_group.transform(CASES[0].few()), Z, atol=1e-3 * np.abs(Z).max())
