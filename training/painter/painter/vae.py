"""The autoencoder: 256 px pictures to 8×8×32 latents and back, convolutions only.

Every halving is a pixel-unshuffle with a shortcut that carries channel means past the convolution, and every doubling
its mirror (Chen et al. 2024, Deep Compression Autoencoder, arXiv 2410.10733): at 32× compression a plain net learns
far more slowly. There is no normalisation layer: the nets are shallow, and convolutions are all the CPU is good at.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

LATENT_CHANNELS = 32
SCALE = 32
ENCODER = ((64, 1), (160, 1), (256, 1))  # channels and blocks at 32×32, 16×16, 8×8 (of 256 px)
DECODER = ((256, 2), (160, 2), (80, 2), (40, 1))  # at 8×8, 16×16, 32×32, 64×64; then a 4× pixel-shuffle
LOGVAR = -6.0  # what the encoder says of its certainty: a constant, for the decoder is trained to bear that much noise


def conv(inside: int, outside: int, gain: float = 1.0) -> nn.Conv2d:
    """A 3×3 convolution that keeps the size of its input's numbers: PyTorch's default shrinks them threefold a layer."""
    layer = nn.Conv2d(inside, outside, 3, padding=1)
    nn.init.normal_(layer.weight, std=gain / (9 * inside) ** 0.5)
    nn.init.zeros_(layer.bias)
    return layer


class Block(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.first, self.second = conv(width, width, 1.6), conv(width, width)
        nn.init.zeros_(self.second.weight)
        nn.init.zeros_(self.second.bias)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.second(F.silu(self.first(F.silu(x))))


class Down(nn.Module):
    def __init__(self, inside: int, outside: int, factor: int = 2) -> None:
        super().__init__()
        self.factor, self.outside = factor, outside
        self.conv = conv(inside * factor * factor, outside)

    def forward(self, x: Tensor) -> Tensor:
        x = F.pixel_unshuffle(x, self.factor)
        y = self.conv(x)
        if x.shape[1] % self.outside:
            return y
        b, c, h, w = x.shape
        return y + x.reshape(b, self.outside, c // self.outside, h, w).mean(2)


class Up(nn.Module):
    def __init__(self, inside: int, outside: int, factor: int = 2) -> None:
        super().__init__()
        self.factor = factor
        self.conv = conv(inside, outside * factor * factor)
        self.repeats = outside * factor * factor // inside if outside * factor * factor % inside == 0 else 0

    def forward(self, x: Tensor) -> Tensor:
        y = self.conv(x)
        if self.repeats:
            y = y + x.repeat_interleave(self.repeats, 1)
        return F.pixel_shuffle(y, self.factor)


class Encoder(nn.Module):
    """sample [b, 3, H, W] in [-1, 1] → latent mean [b, 32, H/32, W/32]."""

    def __init__(self) -> None:
        super().__init__()
        widths = [w for w, _ in ENCODER]
        layers: list[nn.Module] = [Down(3, widths[0], 8)]
        for i, (width, blocks) in enumerate(ENCODER):
            layers += [Block(width) for _ in range(blocks)]
            if i + 1 < len(ENCODER):
                layers.append(Down(width, widths[i + 1]))
        self.layers = nn.Sequential(*layers)
        self.out = conv(widths[-1], LATENT_CHANNELS)

    def forward(self, x: Tensor) -> Tensor:
        return self.out(self.layers(x - 0.5))  # most of a picture is white: centred, the first steps do not all pull one way


class Decoder(nn.Module):
    """latents [b, 32, h, w] → sample [b, 3, 32h, 32w], about [-1, 1]."""

    def __init__(self) -> None:
        super().__init__()
        widths = [w for w, _ in DECODER]
        layers: list[nn.Module] = [conv(LATENT_CHANNELS, widths[0])]
        for i, (width, blocks) in enumerate(DECODER):
            layers += [Block(width) for _ in range(blocks)]
            if i + 1 < len(DECODER):
                layers.append(Up(width, widths[i + 1]))
        self.layers = nn.Sequential(*layers)
        self.out = conv(widths[-1], 48, 0.3)
        nn.init.constant_(self.out.bias, 0.6)  # most of a picture is white

    def forward(self, z: Tensor) -> Tensor:
        return F.pixel_shuffle(self.out(F.silu(self.layers(z))), 4)


def reconstruction_loss(output: Tensor, target: Tensor) -> Tensor:
    """Squared error for the figure, absolute error and neighbour differences for edges that look sharp."""
    difference = output - target
    edges = (difference[..., 1:] - difference[..., :-1]).abs().mean() + (difference[..., 1:, :] - difference[..., :-1, :]).abs().mean()
    return 4 * difference.square().mean() + 0.5 * difference.abs().mean() + 0.5 * edges


def to_tensor(pictures) -> Tensor:
    """uint8 [b, h, w, 3] → float32 [b, 3, h, w] in [-1, 1], channels last."""
    return (torch.as_tensor(pictures).permute(0, 3, 1, 2).float() / 127.5 - 1).contiguous(memory_format=torch.channels_last)


def to_pixels(sample: Tensor) -> Tensor:
    """float [b, 3, h, w] → uint8 [b, h, w, 3], rounded as the pipeline rounds."""
    return ((sample.float() / 2 + 0.5).clamp(0, 1) * 255).round().to(torch.uint8).permute(0, 2, 3, 1)


def psnr(a: Tensor, b: Tensor) -> Tensor:
    """Of each uint8 picture [b, h, w, 3], in dB."""
    error = (a.float() - b.float()).square().mean((1, 2, 3)).clamp_min(1e-3)
    return 10 * torch.log10(255.0**2 / error)
