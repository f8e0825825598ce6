"""Times forward and backward through the convolutions of SSD-MobileNetV1 x 0.75 at 300 pixels in PyTorch, beside
`cargo run --release --package ssd-cpu --example training_step --features autodiff`.

    python training_step.py --threads 1 --steps 8

No test runs this. Needs torch (version: ../fixtures/pytorch/requirements.txt).
"""

import argparse
import time

import torch
from torch.nn import functional

BATCH = 8
BLOCKS = [(48, 1), (96, 2), (96, 1), (192, 2), (192, 1), (384, 2)] + [(384, 1)] * 5 + [(768, 2), (768, 1)]
FIRST_MAP = 10
EXTRAS = [(192, 384), (96, 192), (96, 192), (48, 96)]


class Network:
    """Convolutions with bias and ReLU6, each with TensorFlow's padding SAME for the size of its input."""

    def __init__(self):
        self.layers, self.size = [], 300

    def add(self, inputs, outputs, groups, kernel, stride):
        size_out = -(-self.size // stride)
        total = max((size_out - 1) * stride + kernel - self.size, 0)
        weight = torch.randn(outputs, inputs // groups, kernel, kernel) * (2 / (inputs // groups * kernel**2)) ** 0.5
        bias = torch.zeros(outputs)
        parameters = [weight.requires_grad_(), bias.requires_grad_()]
        self.layers.append((parameters, stride, (total // 2, total - total // 2), groups))
        self.size = size_out
        return outputs


def build():
    network, maps = Network(), set()
    channels = network.add(3, 24, 1, 3, 2)
    for index, (outputs, stride) in enumerate(BLOCKS):
        network.add(channels, channels, channels, 3, stride)
        channels = network.add(channels, outputs, 1, 1, 1)
        if index in (FIRST_MAP, len(BLOCKS) - 1):
            maps.add(len(network.layers))
    for between, outputs in EXTRAS:
        network.add(channels, between, 1, 1, 1)
        channels = network.add(between, outputs, 1, 3, 2)
        maps.add(len(network.layers))
    return network.layers, maps


def forward(layers, maps, x):
    loss = 0
    for count, ((weight, bias), stride, (before, after), groups) in enumerate(layers, start=1):
        padding = before
        if before != after:
            x, padding = functional.pad(x, (before, after, before, after)), 0
        x = functional.relu6(functional.conv2d(x, weight, bias, stride, padding, 1, groups))
        if count in maps:
            loss = loss + x.sum()
    return loss


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--steps", type=int, default=8)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    layers, maps = build()
    pictures = torch.rand(BATCH, 3, 300, 300)
    best = [float("inf")] * 3
    for _ in range(arguments.steps):
        for parameters, *_ in layers:
            for parameter in parameters:
                parameter.grad = None
        start = time.perf_counter()
        loss = forward(layers, maps, pictures)
        middle = time.perf_counter()
        loss.backward()
        end = time.perf_counter()
        best = [min(old, new) for old, new in zip(best, (middle - start, end - middle, end - start))]
    print("best: forward {:.0f} ms, backward {:.0f} ms, together {:.0f} ms".format(*(1000 * x for x in best)))


if __name__ == "__main__":
    main()
