"""Public checkpoints through `convert` and `detect`, beside the networks that they are made for, on photographs.

For each layout of `../fixtures/checkpoints` its network (torchvision's own, or one with the same keys and arithmetic) gets the
fixture's weights, and is saved in four forms: `.pth` as zip, as legacy pickle, as a training state (`module.` before each name,
an optimiser beside it), and `.safetensors`. What is asked:

  convert   recognises the layout, misses nothing, uses everything, and makes the same detector of all four forms
  heads     what `detect --save-predictions` says of each picture is what the network says: largest difference at most 1e-3 of
            the largest value, for offsets and for logits
  boxes     the detections are the network's: as many, each with a partner of its class, IoU >= 0.99, score within 1e-3
  f16       the file that `convert --dtype f16` writes is about half as large; each of its detections is one that the network says,
            too (class, IoU >= 0.98, score within 0.01), and it finds all that does not hang on a score by that little

Detections of the network are torchvision's own, for its models; for the others softmax, one threshold, NMS by
`torchvision.ops.nms` for each class. Pictures are handed to `detect` as PNG, so both sides see the same pixels. The two thresholds
are searched for, from 0.3 and the project's NMS threshold on, so that no decision is closer than f32 can tell; boxes are compared
on pictures with at most 200, heads on all.

    cargo build --release --bin convert --bin detect
    python tests/compare/checkpoints.py --bin target/release --samples FOLDER --device cpu wgpu

A line for each layout and device; exit code 1 if one fails. No test runs this: it needs Python (../fixtures/checkpoints/requirements.txt)
and photographs. Of a file that holds a backbone alone only the conversion is looked at.
"""

import argparse
import hashlib
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torchvision.io import ImageReadMode, decode_image, write_png

FIXTURES = Path(__file__).resolve().parent.parent / "fixtures" / "checkpoints"
sys.path.insert(0, str(FIXTURES))

import detections  # noqa: E402
import weights  # noqa: E402
from layouts import BACKBONES, BY_NAME, TorchvisionLayout, convert_name  # noqa: E402

HEADS, IOU, SCORE = 1e-3, 0.99, 1e-3
HALF_IOU, HALF_SCORE, HALF_SIZE = 0.98, 0.01, (0.45, 0.6)
CLEAR = {"score": 1e-4, "iou": 3e-4}
MAX = 200


class Failed(Exception):
    """What was asked is not so; the text says what."""


def ask(holds, text):
    if not holds:
        raise Failed(text)


def program(args, name, *arguments):
    """Runs one of our programs and returns its JSON document."""
    command = [str(args.bin / name), *map(str, arguments), "--json"]
    done = subprocess.run(command, capture_output=True, text=True)
    ask(done.returncode == 0, f"{' '.join(command)} ended with {done.returncode}: {done.stderr.strip()[-400:]}")
    return json.loads(done.stdout)


# ---------------------------------------------------------------------------------------------------------- conversion


def training_state(layout, state):
    """A checkpoint as a training with DataParallel leaves it."""
    within = "model" if layout.name.startswith(("lufficc", "nvidia")) else "state_dict"
    momentum = {"state": {0: {"momentum_buffer": torch.ones(3)}}, "param_groups": [{"lr": 0.001, "params": [0]}]}
    return {within: {f"module.{key}": value for key, value in state.items()}, "optimizer": momentum, "epoch": 3}


FORMS = {
    "zip.pth": lambda layout, state, path: torch.save(state, path),
    "legacy.pth": lambda layout, state, path: torch.save(state, path, _use_new_zipfile_serialization=False),
    "training.pth": lambda layout, state, path: torch.save(training_state(layout, state), path),
    "plain.safetensors": lambda layout, state, path: save_file(dict(state), path),
}


def contents(path):
    """What a weights file is, apart from where it came from: a digest."""
    with open(path, "rb") as file:
        header = json.loads(file.read(int.from_bytes(file.read(8), "little")))
        about = json.loads(header.get("__metadata__", {}).pop("ssd", "{}"))
        about.pop("provenance", None)
        digest = hashlib.sha256(json.dumps([header, about], sort_keys=True).encode())
        while block := file.read(1 << 24):
            digest.update(block)
    return digest.hexdigest()


def convert_all_forms(args, layout, state, folder):
    """Converts each form; returns the f32 file and the f16 file of one of them."""
    out, half = folder / "f32.safetensors", folder / "f16.safetensors"
    first = None
    for form, write in FORMS.items():
        source = folder / form
        write(layout, state, source)
        report = program(args, "convert", source, out)
        wanted = convert_name(layout)
        ask(report["layout"] == wanted, f"{form} was taken for {report['layout']}, it is {wanted}")
        ask(report["arch"] == layout.arch, f"{form} was taken for the network {report['arch']}, it is {layout.arch}")
        unused = [key for key in report["unused"] if not key.endswith("num_batches_tracked") and not is_classifier(layout, key)]
        ask(not unused, f"{form}: {len(unused)} unused, as {unused[:3]}")
        first = first or contents(out)
        ask(contents(out) == first, f"{form} became another detector than {next(iter(FORMS))}")
        if form != "plain.safetensors":
            source.unlink()
    program(args, "convert", folder / "plain.safetensors", half, "--dtype", "f16")
    (folder / "plain.safetensors").unlink()
    return out, half


def is_classifier(layout, key):
    """Of a backbone: what a detector does not take over."""
    return layout in BACKBONES and key.startswith(("classifier.", "fc.", "layer4."))


# ---------------------------------------------------------------------------------------------------------- comparison


def uncrowded(layout, decoded, sizes):
    """The pictures on which no count cuts anything off: where it does, neighbouring ranks decide. Fake weights shout at some."""
    def cut(name):
        return detections.detect(*decoded[name], sizes[name], 0.3, layout.iou, layout.top_k, MAX)[1]["cut"]

    return {name: of for name, of in decoded.items() if not cut(name)}


def clear_thresholds(layout, decoded, sizes):
    """Score and NMS thresholds at which no decision on any of these pictures is closer than `CLEAR`."""
    for step in range(10):
        iou = round(layout.iou + 0.005 * step, 3)
        for score in range(300, 600, 2):
            for name, (scores, boxes) in decoded.items():
                _, margins = detections.detect(scores, boxes, sizes[name], score / 1000, iou, layout.top_k, MAX)
                if any(margins[kind] < CLEAR[kind] for kind in CLEAR):
                    break
            else:
                return score / 1000, iou
    raise Failed("no thresholds make every decision clear")


def difference(ours, theirs):
    """Largest difference as a share of the largest value."""
    ask(ours.shape == theirs.shape, f"the heads say {list(ours.shape)}, the network {list(theirs.shape)}")
    return ((ours - theirs).abs().max() / theirs.abs().max()).item()


def rows(report):
    """`[N, 6]` of class, score, corners in pixels."""
    found = [[one["class"], one["score"], *one["box"]] for one in report["detections"]]
    return torch.tensor(found, dtype=torch.float32).reshape(-1, 6)


def same_detections(name, ours, theirs):
    """Asks for a partner of each; returns the smallest overlap and the largest difference of scores."""
    ask(len(ours) == len(theirs), f"{name}: {len(ours)} detections, the network has {len(theirs)}")
    pairs = detections.matched(ours, theirs)
    ask(len(pairs) == len(theirs), f"{name}: {len(theirs) - len(pairs)} detections without a partner of their class")
    iou = min((overlap for _, _, overlap in pairs), default=1.0)
    score = max((abs(ours[i, 1] - theirs[j, 1]).item() for i, j, _ in pairs), default=0.0)
    ask(iou >= IOU and score <= SCORE, f"{name}: IoU {iou:.4f}, score {score:.1e} apart")
    return iou, score


def sure(scores, boxes, size, score, iou, top_k):
    """The detections that stay, whatever little happens to the scores: those found in each of twenty disturbed copies."""
    generator = torch.Generator().manual_seed(1)
    found, _ = detections.detect(scores, boxes, size, score, iou, top_k, MAX)
    for _ in range(20):
        shift, step = torch.rand(scores.shape, generator=generator), torch.rand(1, generator=generator).item()
        disturbed = scores + HALF_SCORE * (2 * shift - 1)
        others, _ = detections.detect(disturbed, boxes, size, score, iou + 0.01 * (2 * step - 1), top_k, MAX)
        pairs = detections.matched(found, others)
        found = found[sorted(i for i, _, overlap in pairs if overlap >= HALF_IOU)]
    return found


def half_detections(name, ours, scores, boxes, size, *how):
    """Asks of the f16 detections what the top of this file says; returns how many there are, and how many had to be there."""
    for row in ours:
        kind = int(row[0])
        near = torch.nonzero((scores[:, kind] - row[1]).abs() <= HALF_SCORE).flatten()
        said = torch.cat([row.new_full((len(near), 1), kind), scores[near, kind, None], boxes[near] * torch.tensor([*size, *size])], 1)
        pairs = detections.matched(row[None], said)
        ask(pairs and pairs[0][2] >= HALF_IOU, f"{name}: f16 finds class {kind} at {row[1]:.3f}, the network says no such thing")
    wanted = sure(scores, boxes, size, *how)
    pairs = [(i, j) for i, j, overlap in detections.matched(ours, wanted) if overlap >= HALF_IOU]
    close = sum(abs(ours[i, 1] - wanted[j, 1]).item() <= HALF_SCORE for i, j in pairs)
    ask(close == len(wanted), f"{name}: f16 misses {len(wanted) - close} of {len(wanted)} detections")
    return len(ours), len(wanted)


def detect(args, device, file, score, iou, top_k, pictures, predictions=None):
    extra = ["--save-predictions", predictions] if predictions else []
    thresholds = ["--score", score, "--iou", iou, "--top-k", top_k, "--max", MAX]
    found = program(args, "detect", "--weights", file, "--device", device, *thresholds, *extra, *pictures.values())
    ask(len(found) == len(pictures), f"detect reports {len(found)} pictures of {len(pictures)}")
    return dict(zip(pictures, found))


def compare(args, layout, device, model, files, said, pictures, sizes, folder):
    """One layout on one device; returns the line that is printed."""
    full, half = files
    priors = layout.priors.boxes(layout.size)
    decoded = {name: detections.decoded(*of, priors) for name, of in said.items()}
    counted = uncrowded(layout, decoded, sizes)
    ask(2 * len(counted) >= len(decoded), f"{len(decoded) - len(counted)} of {len(decoded)} pictures have too many detections")
    score, iou = clear_thresholds(layout, counted, sizes)
    how = (score, iou, layout.top_k)

    predictions = folder / "predictions.safetensors"
    found = detect(args, device, full, *how, pictures, predictions)
    ours = load_file(predictions)
    worst = {"offsets": 0.0, "logits": 0.0}
    for place, name in enumerate(pictures):
        for part, theirs in zip(worst, said[name], strict=True):
            worst[part] = max(worst[part], difference(ours[f"{place}.{part}"], theirs))
    heads = f"heads {worst['offsets']:.1e} {worst['logits']:.1e}"
    ask(max(worst.values()) <= HEADS, f"{heads}, more than {HEADS}")

    least, most, count = 1.0, 0.0, 0
    for name in counted:
        if isinstance(layout, TorchvisionLayout):
            theirs = layout.own_detections(model, decode_image(str(pictures[name])), *how, MAX)
        else:
            theirs, _ = detections.detect(*decoded[name], sizes[name], *how, MAX)
        overlap, apart = same_detections(name, rows(found[name]), theirs)
        least, most, count = min(least, overlap), max(most, apart), count + len(theirs)

    share = half.stat().st_size / full.stat().st_size
    ask(HALF_SIZE[0] < share < HALF_SIZE[1], f"the f16 file is {share:.2f} of the other")
    found = detect(args, device, half, *how, pictures)
    counts = [half_detections(name, rows(found[name]), *decoded[name], sizes[name], *how) for name in counted]
    in_half, kept = (sum(column) for column in zip(*counts))
    return (f"{heads}; {count} boxes on {len(counted)} pictures above {score} at {iou}: IoU {least:.4f}, score {most:.1e}; "
            f"f16 {share:.2f} of the bytes, {in_half} boxes, all {kept} clear ones")


def run(args, layout, pictures, images, folder):
    """All devices of one layout; prints a line for each and returns whether all is well."""
    table = json.loads((FIXTURES / f"{layout.name}.json").read_text())["tensors"]
    try:
        files = convert_all_forms(args, layout, weights.state(table), folder)
    except Failed as failure:
        print(f"{layout.name}: FAILED: {failure}", flush=True)
        return False
    if layout in BACKBONES:
        print(f"{layout.name}: ok: four forms, one result", flush=True)
        return True
    model = weights.fill(layout.build(), table)
    said = {name: layout.outputs(model, image) for name, image in images.items()}
    sizes = {name: (image.shape[2], image.shape[1]) for name, image in images.items()}
    well = True
    for device in args.device:
        try:
            line = "ok: " + compare(args, layout, device, model, files, said, pictures, sizes, folder)
        except Failed as failure:
            line, well = f"FAILED: {failure}", False
        print(f"{layout.name} on {device}: {line}", flush=True)
    return well


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", type=Path, required=True, help="folder with convert and detect")
    parser.add_argument("--samples", type=Path, required=True, help="folder with photographs, *.jpg")
    parser.add_argument("--device", nargs="+", default=["cpu"], help="as for detect: cpu, wgpu [default: cpu]")
    parser.add_argument("--layout", nargs="+", choices=list(BY_NAME), metavar="NAME", help="only these [default: all]")
    parser.add_argument("--photographs", type=int, default=8, help="the first so many [default: %(default)s]")
    args = parser.parse_args()
    photographs = sorted(args.samples.glob("*.jpg"))[: args.photographs]
    if not photographs:
        sys.exit(f"{args.samples} has no *.jpg; give a folder with photographs as --samples")
    for name in ("convert", "detect"):
        if not (args.bin / name).is_file():
            sys.exit(f"{args.bin} has no {name}; build it, or correct --bin")

    torch.set_num_threads(1)
    well = True
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        images = {path.stem: decode_image(str(path), mode=ImageReadMode.RGB) for path in photographs}
        pictures = {name: folder / f"{name}.png" for name in images}
        for name, image in images.items():
            write_png(image, str(pictures[name]))
        for name in args.layout or BY_NAME:
            well &= run(args, BY_NAME[name], pictures, images, folder)
    sys.exit(0 if well else 1)


if __name__ == "__main__":
    main()
