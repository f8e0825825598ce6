"""What `--tiles` gains: photographs side by side on large canvases, and the recall of small and large objects there.

    pip install pillow
    python tests/compare/canvases.py make VOCdevkit/VOC2007 --split val --grid 4 --out canvases
    eval --weights W --data canvases --save-detections plain.json
    eval --weights W --data canvases --save-detections tiled.json --tiles auto
    python tests/compare/canvases.py recall canvases plain.json tiled.json

`make` reads a folder in Pascal VOC's layout and writes a COCO data set; photographs keep their size, so that nothing
but their surroundings differs. `recall` takes an object as found by a detection of its class with an IoU of 0.5; each
detection finds one object at most, best first. Precision is over objects of all sizes: a detection on a difficult
object does not count, and one that finds an object a second time is wrong.
"""

import argparse
import json
import xml.etree.ElementTree as ElementTree
from collections import defaultdict
from pathlib import Path

GREY = (124, 116, 104)  # ImageNet's mean


def objects_of(annotation):
    """Name, box (x, y, width, height; pixels are counted from 1 in the file) and whether it is difficult."""
    for node in ElementTree.parse(annotation).getroot().iter("object"):
        x1, y1, x2, y2 = (float(node.find("bndbox").findtext(side)) for side in ("xmin", "ymin", "xmax", "ymax"))
        if x2 > x1 and y2 > y1:
            difficult = int(node.findtext("difficult", "0"))
            yield node.findtext("name").strip(), (x1 - 1, y1 - 1, x2 - x1 + 1, y2 - y1 + 1), difficult


def make(args):
    from PIL import Image

    names = [line.split()[0] for line in (args.data / "ImageSets/Main" / f"{args.split}.txt").read_text().splitlines()]
    per_canvas = args.grid**2
    canvases = [names[start : start + per_canvas] for start in range(0, len(names) - per_canvas + 1, per_canvas)]
    canvases = canvases[: args.most]
    photographs = lambda some: [Image.open(args.data / "JPEGImages" / f"{name}.jpg").convert("RGB") for name in some]
    (args.out / "images").mkdir(parents=True)
    (args.out / "annotations").mkdir()
    images, annotations = [], []
    for number, some in enumerate(canvases, 1):
        pictures = photographs(some)
        cell = [max(picture.size[side] for picture in pictures) for side in (0, 1)]
        canvas = Image.new("RGB", [args.grid * side for side in cell], GREY)
        for index, (name, picture) in enumerate(zip(some, pictures)):
            left, top = index % args.grid * cell[0], index // args.grid * cell[1]
            canvas.paste(picture, (left, top))
            for label, (x, y, width, height), difficult in objects_of(args.data / "Annotations" / f"{name}.xml"):
                box = [left + x, top + y, width, height]
                annotations.append({"image_id": number, "label": label, "bbox": box, "iscrowd": difficult})
        file = f"{number:04}.jpg"
        canvas.save(args.out / "images" / file, quality=92)
        images.append({"id": number, "file_name": file, "width": canvas.width, "height": canvas.height})
    labels = sorted({annotation["label"] for annotation in annotations})
    for number, annotation in enumerate(annotations, 1):
        width, height = annotation["bbox"][2:]
        annotation |= {"id": number, "category_id": labels.index(annotation.pop("label")) + 1, "area": width * height}
    categories = [{"id": index, "name": label} for index, label in enumerate(labels, 1)]
    text = json.dumps({"images": images, "annotations": annotations, "categories": categories})
    (args.out / "annotations/instances_val.json").write_text(text)
    print(f"{len(images)} canvases, {len(annotations)} objects")


def iou(a, b):
    width = min(a[0] + a[2], b[0] + b[2]) - max(a[0], b[0])
    height = min(a[1] + a[3], b[1] + b[3]) - max(a[1], b[1])
    common = max(0, width) * max(0, height)
    return common / (a[2] * a[3] + b[2] * b[3] - common)


def matched(objects, detections):
    """Ids of the objects that are found, and how many detections are right and wrong."""
    found, right, wrong = set(), 0, 0
    for detection in sorted(detections, key=lambda detection: -detection["score"]):
        overlaps = [(iou(thing["bbox"], detection["bbox"]), thing) for thing in objects if thing["id"] not in found]
        best, thing = max(overlaps, key=lambda pair: pair[0], default=(0, None))
        if best < 0.5:
            wrong += 1
        elif not thing["iscrowd"]:
            found.add(thing["id"])
            right += 1
    return found, right, wrong


def recall(args):
    truth = json.loads((args.canvases / "annotations/instances_val.json").read_text())
    sides = {image["id"]: max(image["width"], image["height"]) for image in truth["images"]}
    groups = defaultdict(list)
    for annotation in truth["annotations"]:
        groups[annotation["image_id"], annotation["category_id"]].append(annotation)
    share = lambda thing: max(thing["bbox"][2:]) / sides[thing["image_id"]]
    counted = [thing for thing in truth["annotations"] if not thing["iscrowd"]]
    bounds = [0, *args.bounds, 1.01]
    print(f"objects by their longer side as a share of the canvas'; detections with a score of {args.score} and more")
    for file in args.results:
        by_group = defaultdict(list)
        for detection in json.loads(file.read_text()):
            if detection["score"] >= args.score:
                by_group[detection["image_id"], detection["category_id"]].append(detection)
        found, right, wrong = set(), 0, 0
        for group in groups.keys() | by_group.keys():
            ids, good, bad = matched(groups[group], by_group[group])
            found, right, wrong = found | ids, right + good, wrong + bad
        cells = []
        for low, high in zip(bounds, bounds[1:]):
            some = [thing["id"] for thing in counted if low <= share(thing) < high]
            hits = len(found.intersection(some))
            cells.append(f"{low:.0%} to {min(high, 1):.0%}: {hits} of {len(some)} ({hits / max(1, len(some)):.1%})")
        print(f"{file.name}: {', '.join(cells)}; precision {right / max(1, right + wrong):.1%}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(required=True)
    making = commands.add_parser("make")
    making.add_argument("data", type=Path)
    making.add_argument("--split", default="val")
    making.add_argument("--grid", type=int, default=4)
    making.add_argument("--most", type=int, help="the most canvases to make")
    making.add_argument("--out", type=Path, required=True)
    making.set_defaults(run=make)
    measuring = commands.add_parser("recall")
    measuring.add_argument("canvases", type=Path)
    measuring.add_argument("results", type=Path, nargs="+")
    measuring.add_argument("--score", type=float, default=0.3)
    measuring.add_argument("--bounds", type=float, nargs="+", default=[0.03, 0.1])
    measuring.set_defaults(run=recall)
    args = parser.parse_args()
    args.run(args)


main()
