import torch

from pspmodel.data.rotation import shear


def test_a_shear_has_its_numbers_row_by_row_beside_ones():
    a, b, c, d, e, f = (2.0, 3.0, 4.0, 5.0, 6.0, 7.0)
    expected = [[1, a, b], [c, 1, d], [e, f, 1]]
    assert shear(torch.tensor([[a, b, c, d, e, f]] * 2)).tolist() == [expected] * 2
