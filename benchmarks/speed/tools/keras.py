"""Keras 3 on JAX: `compile` and `fit` on an array in memory, as in its own autoencoder tutorial."""

import os
from typing import Any

os.environ["KERAS_BACKEND"] = "jax"

import keras
import numpy as np
from keras import layers

from benchmarks.speed.gate import Gate
from benchmarks.speed.tools import Settings, Trained, scaled
from benchmarks.speed.workloads import Workload


class Turns(keras.callbacks.Callback):
    """Waits at the gate before each epoch."""

    def __init__(self, gate: Gate) -> None:
        super().__init__()
        self.gate = gate

    def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Wait for the turn."""
        self.gate.epoch_begin()

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Tell what the epoch took."""
        self.gate.epoch_end((logs or {})["loss"])


class Sampling(layers.Layer):
    """The draw of a VAE's code as in Keras' own example; its KL divergence is added to the loss."""

    def __init__(self) -> None:
        super().__init__()
        self.seed_generator = keras.random.SeedGenerator(0)

    def call(self, given: list[Any]) -> Any:
        """Mean and log-variance, (N, code) each, to the code."""
        mean, log_variance = given
        each = -0.5 * (1 + log_variance - keras.ops.square(mean) - keras.ops.exp(log_variance))
        self.add_loss(keras.ops.mean(keras.ops.sum(each, axis=1)))
        noise = keras.random.normal(keras.ops.shape(mean), seed=self.seed_generator)
        return mean + keras.ops.exp(0.5 * log_variance) * noise


def summed_cross_entropy(target: Any, output: Any) -> Any:
    """(N,) binary cross-entropy, summed over the pixels."""
    return 784 * keras.losses.binary_crossentropy(target, output)


def as_samples(workload: Workload, pictures: np.ndarray) -> np.ndarray:
    """The samples as the network takes them."""
    samples = scaled(pictures)
    return samples[..., None] if workload.network == "conv" else samples.reshape(len(samples), -1)


def train(workload: Workload, settings: Settings, pictures: np.ndarray, gate: Gate) -> Trained:
    """Train until the gate says stop."""
    keras.utils.set_random_seed(settings.seed)
    samples = as_samples(workload, pictures)
    model = build(workload)
    loss = summed_cross_entropy if workload.network == "vae" else "mse"
    model.compile(optimizer=keras.optimizers.Adam(settings.learning_rate), loss=loss)
    model.fit(
        samples,
        samples,
        batch_size=settings.batch_size,
        epochs=settings.epochs,
        verbose=0,
        callbacks=[Turns(gate)],
    )

    def reconstruct(others: np.ndarray) -> np.ndarray:
        return model.predict(as_samples(workload, others), batch_size=1024, verbose=0)

    return Trained(reconstruct, lambda folder: model.save(folder / "model.keras"))


def build(workload: Workload) -> keras.Model:
    """The workload's network."""
    if workload.network == "dense":
        hidden = [layers.Dense(width, activation="relu") for width in workload.hidden]
        return keras.Sequential(
            [keras.Input((workload.widths[0],)), *hidden, layers.Dense(workload.widths[0], activation="sigmoid")]
        )

    if workload.network == "vae":
        *hidden, code = workload.widths[1:]
        given = features = keras.Input((784,))
        for width in hidden:
            features = layers.Dense(width, activation="relu")(features)
        z = Sampling()([layers.Dense(code)(features), layers.Dense(code)(features)])
        for width in reversed(hidden):
            z = layers.Dense(width, activation="relu")(z)
        return keras.Model(given, layers.Dense(784, activation="sigmoid")(z))

    def conv(channels: int, padding: str = "same", activation: str = "relu") -> keras.Layer:
        return layers.Conv2D(channels, 3, activation=activation, padding=padding)

    def pool() -> keras.Layer:
        return layers.MaxPooling2D(2, padding="same")

    up = layers.UpSampling2D
    return keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            *(conv(16), pool(), conv(8), pool(), conv(8), pool()),
            *(conv(8), up(), conv(8), up(), conv(16, "valid"), up(), conv(1, activation="sigmoid")),
        ]
    )
