"""Sprites: small pictures of one shape each, drawn from five known factors, to measure disentanglement."""

import math

import numpy as np

from isthmus.data.raw import Raw

SHAPES = ("triangle", "heart", "moon")
"""None looks the same after a turn of less than 360 degrees, so each picture has one value of every factor."""
SCALES = (0.55, 0.7, 0.85, 1.0)
"""A scale of 1 fills a square of `SPRITE` pixels."""
TURNS, PLACES = 12, 8
SIDE, SPRITE, STEP = 32, 17, 2
"""Pixels of a picture and of the square that a sprite lies in, and from one place to the next."""
FINE = 4
"""Points along a pixel, at which the shape is sampled to smooth its edge."""
FACTORS = ("shape", "scale", "rotation", "x", "y")
SIZES = (len(SHAPES), len(SCALES), TURNS, PLACES, PLACES)


def sprites() -> Raw:
    """All 9,216 pictures, (N, 32, 32) bytes, the last factor changing fastest; their labels are the shapes.

    A factor's value is its place: the scale from small to large, the rotation in steps of 30 degrees counterclockwise,
    x to the right and y downwards in steps of two pixels. The pictures are always the same.

    In the manner of dSprites (Matthey et al., 2017), whose squares and ellipses look the same after a half turn.
    """
    drawn = np.stack([_sprite(shape, scale, turn) for shape in SHAPES for scale in SCALES for turn in range(TURNS)])
    pictures = np.zeros((len(drawn), PLACES, PLACES, SIDE, SIDE), np.uint8)
    for x in range(PLACES):
        for y in range(PLACES):
            pictures[:, x, y, y * STEP : y * STEP + SPRITE, x * STEP : x * STEP + SPRITE] = drawn
    factors = np.stack(np.unravel_index(np.arange(math.prod(SIZES)), SIZES), 1)
    return Raw(
        pictures.reshape(-1, SIDE, SIDE),
        factors[:, 0],
        SHAPES,
        kind="pictures",
        origin="sprites",
        factors=factors,
        factor_names=FACTORS,
    )


def _sprite(shape: str, scale: float, turn: int) -> np.ndarray:
    """(SPRITE, SPRITE) bytes: the share of each pixel that the shape covers."""
    centres = (np.arange(SPRITE * FINE) + 0.5) * 2 / (SPRITE * FINE) - 1
    across, up = np.meshgrid(centres, -centres)
    angle = 2 * math.pi * turn / TURNS
    x = (math.cos(angle) * across + math.sin(angle) * up) / scale
    y = (math.cos(angle) * up - math.sin(angle) * across) / scale
    # rounded, so that a point on an edge lies on the same side of it whatever the machine's cosine
    inside = _inside(shape, np.round(x, 6), np.round(y, 6))
    return np.round(255 * inside.reshape(SPRITE, FINE, SPRITE, FINE).mean((1, 3))).astype(np.uint8)


def _inside(shape: str, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Whether points lie in a shape within the unit circle, that points upwards."""
    if shape == "triangle":
        return (y > -0.7) & (y < 0.95 - 2.6 * np.abs(x))
    if shape == "heart":
        x, y = 1.35 * x, 1.35 * y + 0.15
        return (x**2 + y**2 - 1) ** 3 < x**2 * y**3
    return (x**2 + y**2 < 0.9) & (x**2 + (y - 0.55) ** 2 > 0.5)
