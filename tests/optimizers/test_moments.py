import numpy as np
import pytest
from keras import ops

from kerastricks.optimizers.moments import correction, moving, time

pytestmark = pytest.mark.traced


@pytest.mark.parametrize("beta", [0.0, 0.5, 0.9, 0.999, 0.99999])
@pytest.mark.parametrize("step", [0, 1, 49, 100_000])
def test_corrections_have_all_their_digits(beta, step):
    t = time(ops.convert_to_tensor(step), ops.zeros(()))
    found = float(correction(beta, t))
    assert found == pytest.approx(1 - beta ** (step + 1), rel=3e-7)


def test_float32_would_not():
    naive = np.float32(1) - np.float32(0.999)
    assert abs(naive / 0.001 - 1) > 1e-5


def test_a_scheduled_beta_is_corrected_as_it_is_now():
    found = correction(ops.convert_to_tensor(0.9), ops.convert_to_tensor(3.0))
    assert float(found) == pytest.approx(1 - 0.9**3, rel=1e-6)


def test_average_by_hand():
    found = moving(ops.convert_to_tensor([1.0, 2.0]), 3.0, 0.75)
    np.testing.assert_allclose(ops.convert_to_numpy(found), [1.5, 2.25])
