"""Times forward and backward through the layers of a detector at 300 pixels in PyTorch, beside
`cargo run --release --package ssd-cpu --example training_step --features autodiff`, which has the same layers.

    python training_step.py ssd300-mobilenet-v1 8 10 --threads 2

The arguments are the network, the batch and the number of steps. No test runs this. Needs torch (version:
../fixtures/pytorch/requirements.txt).
"""

import argparse
import statistics
import time

import torch
from torch import nn
from torch.nn import functional

BLOCKS = [(64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2)] + [(512, 1)] * 5 + [(1024, 2), (1024, 1)]
FIRST_MAP = 10
CLASSES = 21


class Same(nn.Conv2d):
    """With TensorFlow's padding SAME."""

    def forward(self, x):
        totals = []
        for size in x.shape[-2:]:
            last = (-(-size // self.stride[0]) - 1) * self.stride[0]
            totals.append(max(last + self.kernel_size[0] - size, 0))
        (rows, columns) = totals
        sides = (columns // 2, columns - columns // 2, rows // 2, rows - rows // 2)
        if any(sides):
            x = functional.pad(x, sides)
        return self._conv_forward(x, self.weight, self.bias)


class Network(nn.Module):
    """Layers one after the other; a list of heads predicts from the map so far."""

    def __init__(self, name):
        super().__init__()
        self.steps = nn.ModuleList()
        self.channels = 3
        {
            "ssd300-mobilenet-v1": self.mobilenet,
            "ssd300-mobilenet-v1-tf-0.75": self.mobilenet_tf,
            "ssd300-vgg16": self.vgg,
        }[name]()

    def add(self, outputs, kernel, stride=1, padding=None, dilation=1, groups=1, norm=False):
        padding = kernel // 2 if padding is None else padding
        conv = nn.Conv2d(self.channels, outputs, kernel, stride, padding, dilation, groups, bias=not norm)
        self.steps.append(conv)
        if norm:
            self.steps.append(nn.BatchNorm2d(outputs))
        self.steps.append(nn.ReLU(inplace=True))
        self.channels = outputs

    def add_same(self, outputs, kernel, stride=1, groups=1):
        self.steps.append(Same(self.channels, outputs, kernel, stride, groups=groups))
        self.steps.append(nn.ReLU6(inplace=True))
        self.channels = outputs

    def heads(self, priors, kernel):
        convs = [nn.Conv2d(self.channels, priors * columns, kernel, padding=kernel // 2) for columns in (4, CLASSES)]
        self.steps.append(nn.ModuleList(convs))

    def mobilenet(self):
        self.add(32, 3, 2, norm=True)
        for index, (outputs, stride) in enumerate(BLOCKS):
            self.add(self.channels, 3, stride, groups=self.channels, norm=True)
            self.add(outputs, 1, norm=True)
            if index in (FIRST_MAP, len(BLOCKS) - 1):
                self.heads(6, 3)
        for between, outputs in [(256, 512), (128, 256), (128, 256), (128, 256)]:
            self.add(between, 1)
            self.add(outputs, 3, 2)
            self.heads(6, 3)

    def mobilenet_tf(self):
        self.add_same(24, 3, 2)
        for index, (outputs, stride) in enumerate(BLOCKS):
            self.add_same(self.channels, 3, stride, groups=self.channels)
            self.add_same(outputs * 3 // 4, 1)
            if index in (FIRST_MAP, len(BLOCKS) - 1):
                self.heads(3 if index == FIRST_MAP else 6, 1)
        for between, outputs in [(256, 512), (128, 256), (128, 256), (64, 128)]:
            self.add_same(between * 3 // 4, 1)
            self.add_same(outputs * 3 // 4, 3, 2)
            self.heads(6, 1)

    def vgg(self):
        pools = [nn.MaxPool2d(2), nn.MaxPool2d(2), nn.MaxPool2d(2, ceil_mode=True), nn.MaxPool2d(2)]
        pools.append(nn.MaxPool2d(3, 1, 1))
        for stage, (outputs, count) in enumerate([(64, 2), (128, 2), (256, 3), (512, 3), (512, 3)]):
            for _ in range(count):
                self.add(outputs, 3)
            if stage == 3:
                self.heads(4, 3)
            self.steps.append(pools[stage])
        self.add(1024, 3, padding=6, dilation=6)
        self.add(1024, 1)
        self.heads(6, 3)
        for between, outputs, stride, padding, priors in [
            (256, 512, 2, 1, 6),
            (128, 256, 2, 1, 6),
            (128, 256, 1, 0, 4),
            (128, 256, 1, 0, 4),
        ]:
            self.add(between, 1)
            self.add(outputs, 3, stride, padding)
            self.heads(priors, 3)

    def forward(self, x):
        loss = 0
        for step in self.steps:
            if isinstance(step, nn.ModuleList):
                loss = loss + sum(conv(x).sum() for conv in step)
            else:
                x = step(x)
        return loss


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("network")
    parser.add_argument("batch", type=int, nargs="?", default=8)
    parser.add_argument("steps", type=int, nargs="?", default=8)
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    network = Network(arguments.network)
    pictures = torch.rand(arguments.batch, 3, 300, 300)
    times = [[], [], []]
    for _ in range(arguments.steps):
        network.zero_grad(set_to_none=True)
        start = time.perf_counter()
        loss = network(pictures)
        middle = time.perf_counter()
        loss.backward()
        end = time.perf_counter()
        for kind, seconds in zip(times, (middle - start, end - middle, end - start)):
            kind.append(round(1000 * seconds))
    forward, backward, together = ((round(statistics.median(kind)), min(kind)) for kind in times)
    print(f"{arguments.network}, batch {arguments.batch}: median and least of {arguments.steps} steps, ms:")
    print(f"forward {forward}, backward {backward}, together {together}")


if __name__ == "__main__":
    main()
