"""All the ways into the choreographer, by one key."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from introspect_description import ArmDescription
from introspect_learning.choreographer.listening import INTERNAL, LISTENS_TO, Listener
from introspect_learning.choreographer.network import Choreographer
from introspect_learning.internal_states.model import InternalStateConfig, InternalStateModel
from introspect_learning.models import BehavioursRuntime, ChoreographerRuntime, shipped
from introspect_learning.models.contract import Contract
from introspect_learning.models.export import export_choreographer
from introspect_learning.models.loading import load_choreographer
from introspect_sim.tasks import OBSERVATION

ARM = ArmDescription.load("panda")
SIZES = {
    "features": 128,
    "means": 50,
    "features+means": 178,
    "means+log_variance": 100,
    "sample": 50,
    "observation": 14,
    "phase": 3,
}


def model() -> InternalStateModel:
    torch.manual_seed(3)
    return InternalStateModel(256)


def listener(listens_to: str, tuned: bool = False) -> Listener:
    return Listener(listens_to, model() if listens_to in INTERNAL else None, tuned=tuned)


def layers(n: int = 4) -> dict[str, torch.Tensor]:
    torch.manual_seed(5)
    sizes = {"observation": 14, "feature_1": 128, "features": 128, "phase": 3}
    return {name: torch.randn(n, size) for name, size in sizes.items()}


@pytest.mark.parametrize("listens_to", LISTENS_TO)
def test_what_is_read_has_the_published_length(listens_to: str) -> None:
    one = listener(listens_to)
    read = one(one.hear(layers(), one.draw(4, torch.Generator().manual_seed(0))))
    assert read.shape == (4, SIZES[listens_to]) == (4, one.size)


def test_features_and_means_are_both_in_features_and_means() -> None:
    one, heard = listener("features+means"), layers()
    read = one(one.hear(heard, None))
    mean, _ = model().encode(torch.cat([heard["feature_1"], heard["features"]], dim=-1))
    torch.testing.assert_close(read, torch.cat([heard["features"], mean], dim=-1))


def test_a_sample_scatters_about_the_mean_by_the_variance() -> None:
    one, heard = listener("sample"), layers(1)
    generator = torch.Generator().manual_seed(0)
    drawn = torch.cat([one(one.hear(heard, one.draw(1, generator))) for _ in range(4000)])
    mean, log_variance = model().encode(torch.cat([heard["feature_1"], heard["features"]], dim=-1))
    torch.testing.assert_close(one(one.hear(heard, None)), mean)
    deviation = (0.5 * log_variance[0]).exp()
    assert ((drawn.mean(0) - mean[0]).abs() < 0.1 * deviation).all()
    assert ((drawn.std(0) / deviation - 1.0).abs() < 0.1).all()


@pytest.mark.parametrize("tuned", [False, True])
def test_the_encoder_learns_only_where_it_is_tuned(tuned: bool) -> None:
    net = Choreographer(listener("means", tuned), 3)
    inputs = net.inputs(net.listener.hear(layers(), None))[None]
    net(inputs, net.start(4))[1].sum().backward()
    encoder = net.listener.model
    assert encoder is not None
    learned = [weight.grad is not None for weight in encoder.parameters()]
    assert all(learned) if tuned else not any(learned)


@pytest.mark.parametrize("listens_to", [way for way in LISTENS_TO if way != "phase"])
def test_a_policy_holds_its_encoder_and_is_deployed_as_it_was_trained(
    listens_to: str, tmp_path: Path
) -> None:
    torch.manual_seed(1)
    net = Choreographer(listener(listens_to), 3)
    torch.nn.init.normal_(net.actor.weight, std=2.0)  # so that choices differ
    behaviours = Contract.read(shipped() / "behaviours", "behaviours")
    contract = export_choreographer(net, tmp_path / "choreographer", ARM, behaviours, 5, {})
    assert contract.listens_to == listens_to
    again, _ = load_choreographer(tmp_path)
    runtime, noise = ChoreographerRuntime.load(tmp_path), np.random.default_rng(0)
    behaving, state = BehavioursRuntime.load(shipped(), ARM), net.start(1)
    rng = np.random.default_rng(2)
    for _ in range(5):
        activations = behaving.run(rng.normal(size=OBSERVATION.size).astype(np.float32)).activations
        heard = [torch.from_numpy(activations[name]) for name in contract.layers]
        if contract.noise:
            drawn = noise.standard_normal(contract.noise, dtype=np.float32)
            heard.append(torch.from_numpy(drawn))
        with torch.no_grad():
            inputs = again.inputs(torch.cat(heard)[None])
            logits, value, state = again(inputs[None], state)
        choice = runtime.run(activations)
        np.testing.assert_allclose(choice.probabilities, logits[0, 0].softmax(-1), atol=1e-5)
        assert choice.state_value == pytest.approx(float(value[0, 0]), abs=1e-5)
        for _ in range(runtime.period - 1):
            runtime.run(activations)


def test_a_choreographer_that_is_told_the_true_phase_cannot_be_deployed(tmp_path: Path) -> None:
    net = Choreographer(listener("phase"), 3)
    behaviours = Contract.read(shipped() / "behaviours", "behaviours")
    with pytest.raises(ValueError, match="true phase can only be compared with"):
        export_choreographer(net, tmp_path / "choreographer", ARM, behaviours, 5, {})


@pytest.mark.parametrize(
    ("listens_to", "given", "tuned", "text"),
    [
        ("mean", False, False, "listens_to must be one of features, means, .* got 'mean'"),
        ("means", False, False, "'means' needs an internal-state model"),
        ("features", True, False, "'features' takes no internal-state model"),
        ("features", False, True, "'features' has no encoder to tune"),
    ],
)
def test_what_does_not_fit_is_refused(listens_to: str, given: bool, tuned: bool, text: str) -> None:
    with pytest.raises(ValueError, match=text):
        Listener(listens_to, model() if given else None, tuned=tuned)


def test_a_model_of_other_layers_is_refused() -> None:
    other = InternalStateModel(128, InternalStateConfig(latent=4))
    with pytest.raises(ValueError, match="reads 128 activations, but 'means' hears 256"):
        Listener("means", other)
