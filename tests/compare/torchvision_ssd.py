"""Trains torchvision's own `ssd300_vgg16` from scratch on a Pascal VOC folder, to put its curves beside ours.

    python torchvision_ssd.py --data VOCdevkit/VOC2007 --steps 2000 --batch-size 8 --out runs/torchvision

No test runs this, and it shares no code with `train`: it is the other side of a comparison. The network, its priors,
matching, mining and loss are torchvision's; the recipe is that of its reference training for this network, as far as it
can be had from a step count: SGD with momentum 0.9 and weight decay 5e-4 on all parameters, 2e-3 at 32 pictures a batch and
in proportion for others, a linear warm-up from a thousandth over the first epoch or 1000 steps, a tenth of the rate from
2/3 of the steps on and a hundredth from 11/12 on (80 and 110 of 120 epochs), the `ssd` augmentation, flips. Weights
start random: `weights` and `weights_backbone` are None, so all five stages learn.

Objects marked difficult are not learned. Boxes are taken as by `train`: left edge xmin - 1, right edge xmax.

Writes into --out:
  metrics.jsonl      a line a step {step, loss, loss_box, loss_class, lr, seconds}; seconds are those of forward, backward
                     and update, without the wait for data. Every --val-every steps and at the end a line {step, val_loss,
                     val_loss_box, val_loss_class, val_images}: the mean over batches of --batch-size pictures, in the
                     order of the list, without augmentation.
  ground_truth.json  the same validation pictures in COCO form, difficult objects as crowds, which our VOC measures leave out
  detections.json    the trained network's detections on them, COCO results; measure them with
                     eval --ground-truth ground_truth.json --detections detections.json

Needs torch and torchvision (versions: ../fixtures/pytorch/requirements.txt) and pillow. With equal arguments a run on the
CPU repeats itself.
"""

import argparse
import json
import math
import sys
import time
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import torch
import torchvision
from PIL import Image
from torch.utils.data import DataLoader, Dataset
from torchvision import tv_tensors
from torchvision.transforms import v2

RATE, RATE_BATCH = 2e-3, 32
WARMUP_STEPS, WARMUP_FACTOR = 1000, 1e-3
DROPS = (80 / 120, 110 / 120)
MEAN_PIXEL = (123.0, 117.0, 104.0)


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder with JPEGImages, Annotations and ImageSets/Main")
    parser.add_argument("--split", default="train", help="list to learn from [default: train]")
    parser.add_argument("--val-split", default="val", help="list to measure on [default: val]")
    parser.add_argument("--steps", type=int, required=True, help="optimiser steps")
    parser.add_argument("--batch-size", type=int, default=8, help="pictures in a batch [default: 8]")
    parser.add_argument("--lr", type=float, help="peak learning rate [default: 2e-3 * batch / 32]")
    parser.add_argument("--warmup", type=int, help="warm-up steps [default: 1000, at most an epoch less one]")
    parser.add_argument("--seed", type=int, default=1, help="seed of weights, order and augmentation [default: 1]")
    parser.add_argument("--val-images", type=int, default=100, help="pictures to measure on, the list's first [default: 100]")
    parser.add_argument("--val-every", type=int, default=250, help="steps between two measures of the loss [default: 250]")
    parser.add_argument("--workers", type=int, default=0, help="processes that read pictures [default: 0, none]")
    parser.add_argument("--device", default="auto", help="auto, cpu or cuda [default: auto]")
    parser.add_argument("--out", type=Path, required=True, help="folder for what the run writes")
    args = parser.parse_args()
    for name in ("steps", "batch_size", "val_images", "val_every"):
        if getattr(args, name) < 1:
            parser.error(f"--{name.replace('_', '-')} has to be at least 1")
    return args


# ---------------------------------------------------------------------------------------------------------------- data


class Voc(Dataset):
    """The pictures of one list with their objects: `(picture, target)`, as torchvision's detectors want them. A picture is
    u8 [3,H,W] before the augmentation, f32 0..1 after it; boxes are corners in pixels."""

    def __init__(self, folder, split, transform):
        self.folder, self.transform = folder, transform
        path = folder / "ImageSets" / "Main" / f"{split}.txt"
        if not path.is_file():
            sys.exit(f"{path} is not there; --data has to be the folder that holds ImageSets, Annotations and JPEGImages")
        self.names = [line.split()[0] for line in path.read_text().splitlines() if line.strip()]
        self.objects = [objects(folder / "Annotations" / f"{name}.xml") for name in self.names]
        self.labels = []

    def kinds(self):
        return {label for of_picture in self.objects for label, _, _ in of_picture}

    def __len__(self):
        return len(self.names)

    def picture(self, index):
        with Image.open(self.folder / "JPEGImages" / f"{self.names[index]}.jpg") as file:
            return tv_tensors.Image(v2.functional.pil_to_tensor(file.convert("RGB")))

    def __getitem__(self, index):
        picture = self.picture(index)
        learned = [(label, box) for label, box, difficult in self.objects[index] if not difficult]
        boxes = torch.tensor([box for _, box in learned], dtype=torch.float32).reshape(-1, 4)
        target = {
            "boxes": tv_tensors.BoundingBoxes(boxes, format="XYXY", canvas_size=picture.shape[-2:]),
            "labels": torch.tensor([self.labels.index(label) + 1 for label, _ in learned], dtype=torch.int64),
        }
        return self.transform(picture, target)


def objects(path):
    """Label, corners in pixels and difficulty of each object of an annotation. Boxes without room inside are left out."""
    found = []
    for item in ElementTree.parse(path).getroot().findall("object"):
        x1, y1, x2, y2 = (float(item.findtext(f"bndbox/{edge}")) for edge in ("xmin", "ymin", "xmax", "ymax"))
        box = (x1 - 1, y1 - 1, x2, y2)
        if box[0] < box[2] and box[1] < box[3]:
            found.append((item.findtext("name").strip(), box, item.findtext("difficult", "0").strip() == "1"))
    return found


def augmentation():
    """The `ssd` preset: colours, zoom out onto the mean colour, crop by overlap, flip."""
    return v2.Compose(
        [
            v2.RandomPhotometricDistort(),
            v2.RandomZoomOut(fill=list(MEAN_PIXEL)),
            v2.RandomIoUCrop(),
            v2.RandomHorizontalFlip(p=0.5),
            v2.ToDtype(torch.float32, scale=True),
            v2.SanitizeBoundingBoxes(),
        ]
    )


def plain():
    return v2.ToDtype(torch.float32, scale=True)


def batches(data, args, generator, workers):
    """Batches for ever, epoch after epoch, each picture once in each; the rest of an epoch that fills no batch is left out."""
    loader = DataLoader(
        data, args.batch_size, shuffle=True, drop_last=True, num_workers=workers, generator=generator, collate_fn=together
    )
    while True:
        yield from loader


def together(items):
    return tuple(zip(*items))


# ------------------------------------------------------------------------------------------------------------ training


def on_device(pictures, targets, device):
    return [p.to(device) for p in pictures], [{key: value.to(device) for key, value in t.items()} for t in targets]


def rate_at(step, peak, warmup, steps):
    """The learning rate of a step, counted from 0."""
    rise = WARMUP_FACTOR + (1 - WARMUP_FACTOR) * min(step / warmup, 1.0) if warmup else 1.0
    return peak * rise * 0.1 ** sum(step >= math.floor(drop * steps) for drop in DROPS)


def train(model, data, val, args, device, metrics):
    generator = torch.Generator().manual_seed(args.seed)
    optimiser = torch.optim.SGD(model.parameters(), lr=0.0, momentum=0.9, weight_decay=5e-4)
    peak = RATE * args.batch_size / RATE_BATCH if args.lr is None else args.lr
    warmup = min(WARMUP_STEPS, len(data) // args.batch_size - 1) if args.warmup is None else args.warmup
    source = batches(data, args, generator, args.workers)
    model.train()
    for step in range(args.steps):
        pictures, targets = on_device(*next(source), device)
        start = time.perf_counter()
        rate = rate_at(step, peak, warmup, args.steps)
        optimiser.param_groups[0]["lr"] = rate
        losses = model(pictures, targets)
        total = sum(losses.values())
        optimiser.zero_grad()
        total.backward()
        optimiser.step()
        # The numbers are read last: on a GPU this waits for all that was asked of it.
        parts = {"loss_box": losses["bbox_regression"].item(), "loss_class": losses["classification"].item()}
        loss = total.item()
        seconds = time.perf_counter() - start
        write(metrics, {"step": step + 1, "loss": loss, **parts, "lr": rate, "seconds": round(seconds, 4)})
        if not math.isfinite(loss):
            sys.exit(f"the loss of step {step + 1} is {loss}; lower --lr or lengthen --warmup")
        if (step + 1) % args.val_every == 0 or step + 1 == args.steps:
            line = {"step": step + 1, **val_loss(model, val, args.batch_size, device)}
            write(metrics, line)
            print(f"step {step + 1} of {args.steps}: loss {loss:.3f}, on val {line['val_loss']:.3f}", file=sys.stderr)


@torch.no_grad()
def val_loss(model, val, batch_size, device):
    """The loss on the validation pictures. Only in training mode does torchvision compute one; as this network has neither
    batch norm nor dropout, that mode changes nothing else."""
    sums = {"bbox_regression": 0.0, "classification": 0.0}
    # How often is measured shall not change what is learned: the loader and, in training mode, the network's resize draw
    # random numbers even where there is nothing to choose.
    with torch.random.fork_rng(devices=[]):
        loader = DataLoader(val, batch_size, collate_fn=together)
        for pictures, targets in loader:
            losses = model(*on_device(pictures, targets, device))
            for name in sums:
                sums[name] += losses[name].item() / len(loader)
    box, classes = sums["bbox_regression"], sums["classification"]
    return {"val_loss": box + classes, "val_loss_box": box, "val_loss_class": classes, "val_images": len(val)}


def write(metrics, line):
    metrics.write(json.dumps(line) + "\n")
    metrics.flush()


# ----------------------------------------------------------------------------------------------------------- measuring


def picture_ids(names):
    """Numbers for pictures: their names where all are numbers, else their places from 1. As `eval --save-detections`."""
    numbers = [int(name) for name in names if name.isdecimal()]
    whole = len(numbers) == len(names) == len(set(numbers))
    return numbers if whole else list(range(1, len(names) + 1))


def write_ground_truth(path, val, labels):
    ids = picture_ids(val.names)
    annotations = []
    for image_id, of_picture in zip(ids, val.objects):
        for label, (x1, y1, x2, y2), difficult in of_picture:
            annotations.append(
                {
                    "id": len(annotations) + 1,
                    "image_id": image_id,
                    "category_id": labels.index(label) + 1,
                    "bbox": [x1, y1, x2 - x1, y2 - y1],
                    "area": (x2 - x1) * (y2 - y1),
                    "iscrowd": int(difficult),
                }
            )
    images = [{"id": image_id, "file_name": f"{name}.jpg"} for image_id, name in zip(ids, val.names)]
    categories = [{"id": i + 1, "name": label} for i, label in enumerate(labels)]
    path.write_text(json.dumps({"images": images, "annotations": annotations, "categories": categories}))


@torch.no_grad()
def write_detections(path, model, val, device):
    model.eval()
    found = []
    for index, image_id in enumerate(picture_ids(val.names)):
        picture = plain()(val.picture(index)).to(device)
        said = model([picture])[0]
        for (x1, y1, x2, y2), label, score in zip(said["boxes"].tolist(), said["labels"].tolist(), said["scores"].tolist()):
            bbox = [x1, y1, x2 - x1, y2 - y1]
            found.append({"image_id": image_id, "category_id": label, "bbox": bbox, "score": score})
    path.write_text(json.dumps(found))


def main():
    args = arguments()
    torch.manual_seed(args.seed)
    wanted = ("cuda" if torch.cuda.is_available() else "cpu") if args.device == "auto" else args.device
    device = torch.device(wanted)
    data, val = Voc(args.data, args.split, augmentation()), Voc(args.data, args.val_split, plain())
    if len(data) < args.batch_size:
        sys.exit(f"{args.split} has {len(data)} pictures, which fill no batch of {args.batch_size}; lower --batch-size")
    data.labels = val.labels = labels = sorted(data.kinds() | val.kinds())
    val.names, val.objects = val.names[: args.val_images], val.objects[: args.val_images]

    # Without pretrained weights all five stages of the backbone learn; to ask for five would only draw a warning.
    model = torchvision.models.detection.ssd300_vgg16(weights=None, weights_backbone=None, num_classes=len(labels) + 1)
    model = model.to(device)
    args.out.mkdir(parents=True, exist_ok=True)
    write_ground_truth(args.out / "ground_truth.json", val, labels)
    with open(args.out / "metrics.jsonl", "w") as metrics:
        train(model, data, val, args, device, metrics)
    write_detections(args.out / "detections.json", model, val, device)


if __name__ == "__main__":
    main()
