"""The named protocols: numbers of the papers, determinism, phantoms that make sense."""

import numpy as np
import pytest

from engine.errors import ParameterError
from engine.simulation.protocols import PROTOCOLS, VARIATIONS, protocol


@pytest.mark.parametrize("name", PROTOCOLS)
def test_every_protocol_plans_what_can_be_simulated(name: str) -> None:
    made = protocol(name)
    for number in made.numbers[:12]:
        plan = made.plan(number, 1)
        height, width = plan.shape
        assert len(plan.loads) == len(made.strains)
        assert plan.geometry.depths_m(height)[-1] < plan.phantom.depth_m + 2e-3
        assert width * plan.geometry.pitch_m <= plan.phantom.width_m
        assert plan == made.plan(number, 1)
        assert plan.phantom != made.plan(number, 2).phantom


def test_tehrani_rivaz_has_the_numbers_of_the_paper() -> None:
    made = protocol("tehrani-rivaz")
    assert len(made.numbers) == 24
    assert 11 not in made.numbers
    assert made.strains == pytest.approx([0.005 * step for step in range(1, 10)])
    assert sum(made.draws_of(number) for number in (22, 23, 24, 25)) == 36
    for number in made.numbers:
        phantom = made.plan(number, 0).phantom
        assert 40e3 <= phantom.layer_moduli_pa[0] <= 60e3
        assert 1 <= len(phantom.inclusions) <= 2
        assert all(18e3 <= entry.youngs_modulus_pa <= 23e3 for entry in phantom.inclusions)


def test_stiff_mirror_and_cnn_moduli() -> None:
    stiff = protocol("tehrani-rivaz-stiff").plan(3, 0).phantom
    assert all(40e3 <= entry.youngs_modulus_pa <= 60e3 for entry in stiff.inclusions)
    assert 18e3 <= stiff.layer_moduli_pa[0] <= 23e3
    cnn = protocol("end-to-end-cnn")
    moduli = {cnn.plan(number, 0).phantom.inclusions[0].youngs_modulus_pa for number in cnn.numbers}
    assert moduli == {8e3, 14e3, 45e3, 80e3}
    assert cnn.geometry.center_hz == 6e6


def test_gluenet_reaches_seven_percent_with_uniform_noise() -> None:
    plan = protocol("gluenet").plan(1, 0)
    assert (plan.loads[0].strain, plan.loads[-1].strain) == pytest.approx((0.005, 0.07))
    assert plan.degradation.psnr_db == 12.7


def test_noise_alone_tells_the_noisy_peer_set_from_the_clean_one() -> None:
    clean, noisy = protocol("peer-clean").plan(9, 1_000_000), protocol("peer-noisy").plan(9, 1_000_000)
    assert clean.phantom == noisy.phantom
    assert clean.loads == noisy.loads
    assert 0.10 <= noisy.degradation.exchanged <= 0.15


def test_robustness_changes_one_thing_of_one_phantom() -> None:
    made = protocol("robustness")
    plans = [made.plan(number, 0) for number in made.numbers]
    assert len(plans) == len(VARIATIONS)
    assert len({plan.phantom for plan in plans}) == 1
    assert {plan.geometry.sampling_hz for plan in plans} >= {20e6, 60e6}
    assert max(abs(load.axial_shift_m) for load in plans[10].loads) > 0


def test_lesions_of_the_comparison_sets_can_be_seen() -> None:
    for name in ("clean", "small-noisy", "robustness"):
        for number in protocol(name).numbers:
            phantom = protocol(name).plan(number, 1_000_000).phantom
            for inclusion in phantom.inclusions:
                contrast = inclusion.youngs_modulus_pa / phantom.layer_moduli_pa[0]
                assert max(contrast, 1 / contrast) >= 1.5


def test_inclusions_stay_apart() -> None:
    for number in range(1, 40):
        plan = protocol("free").plan(number, 3)
        x, z = np.meshgrid(np.linspace(-30e-3, 30e-3, 121), np.linspace(0, 50e-3, 101))
        covered = sum(entry.contains(x, z).astype(int) for entry in plan.phantom.inclusions)
        assert np.max(covered) <= 1


def test_unknown_names_and_numbers_are_refused() -> None:
    with pytest.raises(ParameterError, match="no protocol is called 'nix'"):
        protocol("nix")
    with pytest.raises(ParameterError, match="has no phantom 11"):
        protocol("tehrani-rivaz").plan(11, 0)
