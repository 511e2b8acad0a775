"""One step of pre-training on two processes against one: terms, gradients, statistics."""

import pytest
import torch

from support import pretext_shares as shares
from support.pretext_methods import DETERMINISTIC

EXACT = {"rtol": 1e-8, "atol": 1e-10}


@pytest.mark.parametrize(("name", "overrides"), [("sds-cl", ()), ("pstl", DETERMINISTIC)])
@pytest.mark.parametrize("persons", [(1, 2, 2, 1, 1), (1, 1, 2, 2)], ids=["uneven", "even"])
def test_a_step_is_that_of_one_process(two, name, overrides, persons):
    expected = shares.pretext_of(name, overrides, persons)
    assert len(expected[0]) == {"sds-cl": 9, "pstl": 2}[name]
    for answer in two.run(shares.pretext_of, name, overrides, persons):
        for found, wanted in zip(answer, expected, strict=True):
            for key, value in wanted.items():
                if value is None:
                    assert found[key] is None
                else:
                    torch.testing.assert_close(found[key], value, msg=key, **EXACT)
