"""Our training pictures and torchvision's, on the same files, one core each: images a second, and the ratio.

What is compared: decode, change colours, zoom out, crop by IoU, mirror, resize to 300x300, normalise. Ours is the program
`bench-loader`; theirs are the v2 transforms in the order of torchvision's `ssd` preset (references/detection/presets.py), then
the resize of its SSD300 (GeneralizedRCNNTransform). Theirs runs on PIL images and on tensors; the faster counts.

Both start with annotations in memory and files in the cache. They take turns, so that other work on the machine hits both, on
one core of the processor: ours decodes JPEGs with threads of its own. (Only Linux keeps programs to a core; elsewhere it says so.)
It is no test: it needs Python with torch and torchvision, and a Pascal VOC folder. From the workspace root:

    cargo build --release --bin bench-loader
    python tests/compare/loader.py --data VOCdevkit/VOC2007 --split train
"""

import argparse
import json
import os
import statistics
import subprocess
import time
import xml.etree.ElementTree as ElementTree
from collections import defaultdict
from pathlib import Path

import PIL.Image
import torch
import torchvision
from torchvision import tv_tensors
from torchvision.io import ImageReadMode, decode_image
from torchvision.models.detection.transform import GeneralizedRCNNTransform
from torchvision.transforms import v2


def read_targets(root, names):
    """Boxes (pixels from 0) and labels of each picture; `difficult` ones are among them on both sides."""
    labels, targets = {}, []
    for name in names:
        boxes, classes = [], []
        for thing in ElementTree.parse(root / "Annotations" / f"{name}.xml").findall("object"):
            box = thing.find("bndbox")
            x1, y1, x2, y2 = (float(box.findtext(edge)) for edge in ("xmin", "ymin", "xmax", "ymax"))
            boxes.append([x1 - 1, y1 - 1, x2, y2])
            classes.append(labels.setdefault(thing.findtext("name"), len(labels) + 1))
        targets.append((torch.tensor(boxes).reshape(-1, 4), torch.tensor(classes)))
    return targets


def preset():
    """torchvision's augmentation for SSD, without the first and last conversions."""
    fill = defaultdict(lambda: (123.0, 117.0, 104.0))
    return [
        v2.RandomPhotometricDistort(),
        v2.RandomZoomOut(fill=fill),
        v2.RandomIoUCrop(),
        v2.RandomHorizontalFlip(p=0.5),
    ]


def pipelines():
    """From a path to what the transforms begin with, and the transforms."""
    last = [v2.ToDtype(torch.float, scale=True), v2.SanitizeBoundingBoxes(), v2.ToPureTensor()]
    by_pil = v2.Compose([*preset(), v2.PILToTensor(), *last])
    by_tensor = v2.Compose([v2.ToImage(), *preset(), *last])
    return {
        "pil": (lambda path: PIL.Image.open(path).convert("RGB"), by_pil),
        "tensor": (lambda path: decode_image(str(path), mode=ImageReadMode.RGB), by_tensor),
    }


def time_theirs(files, targets, read, transform):
    """Images a second."""
    resize = GeneralizedRCNNTransform(
        300, 300, [0.48235, 0.45882, 0.40784], [1 / 255] * 3, size_divisible=1, fixed_size=(300, 300)
    )
    start = time.perf_counter()
    for file, (boxes, labels) in zip(files, targets):
        image = read(file)
        height, width = image.shape[-2:] if isinstance(image, torch.Tensor) else (image.height, image.width)
        boxes = tv_tensors.BoundingBoxes(boxes, format="XYXY", canvas_size=(height, width))
        image, target = transform(image, {"boxes": boxes, "labels": labels})
        images, _ = resize([image], [target])
        assert images.tensors.shape == (1, 3, 300, 300)
    return len(files) / (time.perf_counter() - start)


def run_ours(args):
    """What `bench-loader` measures."""
    command = [args.program, "--data", args.data, "--split", args.split, "--images", str(args.images), "--json"]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def keep_to_one_core():
    """This process and all that it starts; says what came of it."""
    if not hasattr(os, "sched_setaffinity"):
        return "not kept to one core"
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    return "one core"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", default="target/release/bench-loader", help="our program [%(default)s]")
    parser.add_argument("--data", required=True, help="folder with JPEGImages, Annotations and ImageSets/Main")
    parser.add_argument("--split", default="train", help="[%(default)s]")
    parser.add_argument("--images", type=int, default=300, help="the first so many of the split [%(default)s]")
    parser.add_argument("--rounds", type=int, default=5, help="turns of each; medians count [%(default)s]")
    args = parser.parse_args()

    torch.set_num_threads(1)
    torch.manual_seed(1)
    root = Path(args.data)
    names = (root / "ImageSets" / "Main" / f"{args.split}.txt").read_text().split()[: args.images]
    files = [root / "JPEGImages" / f"{name}.jpg" for name in names]
    targets = read_targets(root, names)

    cores = keep_to_one_core()
    print(f"torch {torch.__version__}, torchvision {torchvision.__version__}, {len(files)} pictures, {cores}")
    print("images/s, turn by turn:")
    ours, theirs = [], defaultdict(list)
    for _ in range(args.rounds):
        report = run_ours(args)
        assert report["images"] == len(files), f"ours read {report['images']} pictures of {len(files)}"
        ours.append(report)
        for name, (read, transform) in pipelines().items():
            theirs[name].append(time_theirs(files, targets, read, transform))
        turn = ", ".join(f"torchvision ({name}) {speeds[-1]:.1f}" for name, speeds in theirs.items())
        print(f"  ours {report['images_per_s']:.1f}, {turn}", flush=True)

    our_speed = statistics.median(report["images_per_s"] for report in ours)
    faster, their_speed = max(
        ((name, statistics.median(speeds)) for name, speeds in theirs.items()), key=lambda pair: pair[1]
    )
    print("ours by stage, ms a picture (medians):")
    for stage in ours[0]["stages_ms"]:
        print(f"  {stage:<18}{statistics.median(report['stages_ms'][stage] for report in ours):8.3f}")
    print(f"ours {our_speed:.1f} images/s, torchvision ({faster}) {their_speed:.1f} images/s")
    print(f"ratio {our_speed / their_speed:.1f}")


if __name__ == "__main__":
    main()
