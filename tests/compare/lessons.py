"""The data behind docs/measurements.md's table of lessons, from a folder in Pascal VOC's layout.

    python tests/compare/lessons.py start VOC2007 --without sheep train bottle --out start
    python tests/compare/lessons.py lesson VOC2007 --of sheep --pictures 10 --empty 20 --draw 1 --out sheep-10-1

`start` lists the pictures that show none of some classes, to train a start that has not learned them. `lesson` draws
pictures with one class, and others without it, as the split `train`; further pictures with it are the split `rest`,
and these and pictures without it, the split `among`. Only that class is labelled. Of one draw, a lesson of more pictures
has those of a lesson of fewer; `rest` and `among` are the same whatever the number of pictures.
"""

import argparse
import random
import xml.etree.ElementTree as ElementTree
from pathlib import Path

MOST_PICTURES = 40  # of a lesson: the rest begins behind them
REST = 60
OTHERS = 150


def names(data, split):
    return (data / "ImageSets/Main" / f"{split}.txt").read_text().split()


def annotation(data, name):
    return ElementTree.parse(data / "Annotations" / f"{name}.xml")


def classes(data, name):
    return {node.findtext("name") for node in annotation(data, name).getroot().iter("object")}


def lists(out, splits):
    folder = out / "ImageSets/Main"
    folder.mkdir(parents=True)
    for split, some in splits.items():
        (folder / f"{split}.txt").write_text("".join(f"{name}\n" for name in some))


def start(args):
    lists(args.out, {
        split: [name for name in names(args.data, split) if not classes(args.data, name) & set(args.without)]
        for split in ("train", "val")
    })
    for folder in ("JPEGImages", "Annotations"):
        (args.out / folder).symlink_to((args.data / folder).resolve())


def lesson(args):
    known = {split: {name: classes(args.data, name) for name in names(args.data, split)} for split in ("train", "val")}
    with_it = sorted(name for some in known.values() for name, labels in some.items() if args.of in labels)
    empty = {split: sorted(name for name in known[split] if args.of not in known[split][name]) for split in known}
    chance = random.Random(args.draw)
    for some in (with_it, empty["train"], empty["val"]):
        chance.shuffle(some)
    rest = with_it[MOST_PICTURES:][:REST]
    splits = {
        "train": with_it[: args.pictures] + empty["train"][: args.empty],
        "rest": rest,
        "among": rest + empty["val"][:OTHERS],
    }
    lists(args.out, splits)
    (args.out / "JPEGImages").symlink_to((args.data / "JPEGImages").resolve())
    (args.out / "Annotations").mkdir()
    for name in set(sum(splits.values(), [])):
        tree = annotation(args.data, name)
        for node in tree.findall("object"):
            if node.findtext("name") != args.of:
                tree.getroot().remove(node)
        tree.write(args.out / "Annotations" / f"{name}.xml")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(required=True)
    for name, run in (("start", start), ("lesson", lesson)):
        command = commands.add_parser(name)
        command.add_argument("data", type=Path)
        command.add_argument("--out", type=Path, required=True)
        command.set_defaults(run=run)
        if name == "start":
            command.add_argument("--without", nargs="+", required=True)
        else:
            command.add_argument("--of", required=True)
            command.add_argument("--pictures", type=int, required=True)
            command.add_argument("--empty", type=int, default=0)
            command.add_argument("--draw", type=int, required=True)
    args = parser.parse_args()
    args.run(args)


if __name__ == "__main__":
    main()
