"""One step of PSP on two processes against one: every loss term, every gradient, every statistic."""

import numpy as np
import pytest
import torch

from support import shares

OPTIONS = {
    "contrast_weight": 0.7,
    "attention_scale": "sqrt",
}
EXACT = {"rtol": 1e-9, "atol": 1e-12}


@pytest.mark.parametrize(
    ("labelled", "unlabelled"), [(4, 6), (5, 7), (2, 3)], ids=["even", "uneven", "few"]
)
def test_terms_gradients_and_statistics_are_those_of_one_process(
    two, ntu_store_path, labelled, unlabelled
):
    # The store has clips with one and with two persons, so parts differ in persons as well.
    rows = np.random.default_rng(0).permutation(60).tolist()
    batches = rows[:labelled], rows[labelled : labelled + unlabelled]
    expected = shares.psp_step(ntu_store_path, OPTIONS, *batches)
    assert set(expected[0]) == {
        "classification",
        "contrast/joint",
        "contrast/part",
        "contrast/body",
    }
    for answer in two.run(shares.psp_step, ntu_store_path, OPTIONS, *batches):
        torch.testing.assert_close(list(answer), list(expected), **EXACT)


def test_three_processes_share_a_step_too(three, ntu_store_path):
    batches = [3, 14, 15, 9, 26], [5, 35, 8, 33]
    expected = shares.psp_step(ntu_store_path, OPTIONS, *batches)
    for _, gradients, _ in three.run(shares.psp_step, ntu_store_path, OPTIONS, *batches):
        torch.testing.assert_close(gradients, expected[1], **EXACT)


@pytest.mark.parametrize(("clips", "batch"), [(60, 8), (17, 16), (5, 16)])
def test_scores_are_those_of_one_process_to_the_bit(two, ntu_store_path, clips, batch):
    rows = np.random.default_rng(1).permutation(60)[:clips].tolist()
    logits, labels = shares.scores_of(ntu_store_path, OPTIONS, rows, batch)
    for theirs, their_labels in two.run(shares.scores_of, ntu_store_path, OPTIONS, rows, batch):
        np.testing.assert_array_equal(theirs, logits)
        np.testing.assert_array_equal(their_labels, labels)
