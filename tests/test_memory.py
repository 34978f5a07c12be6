"""What is said when memory runs out."""

import gc
import weakref

import numpy as np
import pytest
import torch

from skssl.training._memory import ran_out_of_memory, with_memory_advice

CPU = torch.device("cpu")
# 2**60 bytes are more than there is, and not too many to be asked for.
HUGE = 2**58


def advised(run, **params):
    settings = {"title": "SimCLR", "doing": "training", "batch_size": 256, "device": CPU}
    return with_memory_advice(run, **{**settings, **params})


def fails(error):
    def run():
        raise error

    return run


@pytest.mark.parametrize(
    "run", [lambda: torch.empty(HUGE, dtype=torch.float32), lambda: np.empty(HUGE, dtype="f4")]
)
def test_real_errors_are_recognised(run):
    with pytest.raises(MemoryError, match=r"SimCLR: memory on 'cpu' .*training.*batch_size=128"):
        advised(run)


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has"),
        RuntimeError("CUDA error: out of memory"),
        RuntimeError("MPS backend out of memory (MPS allocated: 8.00 GB)"),
        RuntimeError("cuDNN error: CUDNN_STATUS_ALLOC_FAILED"),
        RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate`"),
    ],
)
def test_all_kinds_are_recognised(error):
    assert ran_out_of_memory(error)
    with pytest.raises(MemoryError, match="batch_size=128, which should fit"):
        advised(fails(error))


def test_other_errors_pass():
    for error in (RuntimeError("shapes cannot be multiplied"), ValueError("out of memory")):
        assert not ran_out_of_memory(error)
        with pytest.raises(type(error), match=str(error)) as raised:
            advised(fails(error))
        assert raised.value is error
    assert advised(lambda: 3) == 3


def test_what_would_fit():
    gib = torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.50 GiB. GPU 0 has")
    with pytest.raises(MemoryError, match=r"2.5 GiB more .* batch_size=32, .*or less"):
        advised(fails(gib), batch_size=100)
    with pytest.raises(MemoryError, match=r"batch_size=2, which"):
        advised(fails(gib), batch_size=4)
    with pytest.raises(MemoryError, match=r"No smaller batch_size would help: Smaller samples"):
        advised(fails(gib), batch_size=3)
    with pytest.raises(MemoryError, match=r"embedding with 1024 .* at most 512 samples at a time"):
        advised(fails(gib), doing="embedding", batch_size=1024)
    with pytest.raises(MemoryError, match=r"No smaller batch_size would help"):
        advised(fails(gib), doing="embedding", batch_size=1)


def test_the_error_does_not_hold_what_was_in_memory():
    references = []

    def run():
        large = torch.zeros(1000)
        references.append(weakref.ref(large))
        torch.empty(HUGE)

    try:
        advised(run)
    except MemoryError as error:
        gc.collect()
        assert error.__context__ is None and error.__cause__ is None
        assert references[0]() is None
