import numpy as np
import pytest
import torch

from pspmodel.errors import NonFiniteLossError, OutOfMemoryError
from pspmodel.recipe import load_config
from pspmodel.train.memory import lower_batches, memory_advice

CPU = torch.device("cpu")


def advised(action):
    with pytest.raises(OutOfMemoryError) as caught, memory_advice("training", CPU, "lower it"):
        action()
    return str(caught.value)


def test_pytorchs_allocator_on_the_cpu():
    message = advised(lambda: torch.empty(2**50))
    assert message == (
        "training ran out of memory on cpu (4,194,304.0 GiB more were asked for); lower it"
    )


def test_cuda_in_its_own_words():
    def full():
        raise torch.OutOfMemoryError(
            "CUDA out of memory. Tried to allocate 2.25 GiB. GPU 0 has a total capacity of 139.81 GiB"
        )

    assert "(2.25 GiB more were asked for)" in advised(full)


def test_libraries_without_a_type_of_their_own_and_numpy():
    def library():
        raise RuntimeError("cuBLAS error: CUBLAS_STATUS_ALLOC_FAILED when calling cublasCreate")

    assert advised(library) == "training ran out of memory on cpu; lower it"
    assert advised(lambda: np.empty(2**60, dtype=np.uint8)).startswith("training ran out of memory")


def test_other_errors_and_earlier_advice_pass_unchanged():
    for error in (
        RuntimeError("mat1 and mat2 shapes cannot be multiplied"),
        NonFiniteLossError(3, "contrast/body", float("nan")),
        OutOfMemoryError("evaluation ran out of memory on cpu; use another"),
    ):
        with pytest.raises(type(error)) as caught, memory_advice("training", CPU, "lower it"):
            raise error
        assert caught.value is error


@pytest.mark.parametrize(
    ("overrides", "advice"),
    [
        (
            [],
            "lower train.unlabelled_batch (now 90) or train.labelled_batch (now 9), "
            "or set train.precision=bf16",
        ),
        (
            ["train.precision=bf16", "train.unlabelled_batch=0"],
            "lower train.labelled_batch (now 9)",
        ),
    ],
)
def test_the_advice_names_what_this_run_can_do_without(overrides, advice):
    config = load_config("psp-code", dataset="ntu60", overrides=overrides)
    assert lower_batches(config.train) == advice
