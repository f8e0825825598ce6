"""What TrackEval and motmetrics measure in the recorded sequences of tests/fixtures/tracks.

    pip install trackeval motmetrics && python tests/compare/tracks.py

The test `measure::recorded_tests` of the crate ssd-track holds the printed figures. Where the two differ, TrackEval's
are meant: it measures for the MOT challenge.
"""

import csv
from collections import defaultdict
from pathlib import Path

import numpy as np

# Both were written for an older NumPy.
for name, kind in (("float", float), ("int", int), ("bool", bool)):
    if name not in vars(np):
        setattr(np, name, kind)

import motmetrics
import trackeval

FILE = Path(__file__).parent.parent / "fixtures" / "tracks" / "sequences.csv"


def read():
    cases = defaultdict(lambda: defaultdict(lambda: {"object": [], "track": []}))
    with FILE.open() as lines:
        for row in csv.DictReader(lines):
            box = [float(row[side]) for side in ("x", "y", "width", "height")]
            cases[int(row["case"])][int(row["frame"])][row["what"]].append((int(row["id"]), box))
    return cases


def overlaps(objects, tracks):
    """IoU of each object with each track."""
    table = np.zeros((len(objects), len(tracks)))
    for o, (_, (ax, ay, aw, ah)) in enumerate(objects):
        for t, (_, (bx, by, bw, bh)) in enumerate(tracks):
            width = max(0.0, min(ax + aw, bx + bw) - max(ax, bx))
            height = max(0.0, min(ay + ah, by + bh) - max(ay, by))
            common = width * height
            table[o, t] = common / (aw * ah + bw * bh - common)
    return table


def by_trackeval(frames):
    known = {what: sorted({i for f in frames for i, _ in f[what]}) for what in ("object", "track")}
    index = {what: {i: n for n, i in enumerate(ids)} for what, ids in known.items()}
    ids = {w: [np.array([index[w][i] for i, _ in f[w]], dtype=int) for f in frames] for w in known}
    data = {
        "num_timesteps": len(frames),
        "num_gt_ids": len(known["object"]),
        "num_tracker_ids": len(known["track"]),
        "num_gt_dets": sum(len(f["object"]) for f in frames),
        "num_tracker_dets": sum(len(f["track"]) for f in frames),
        "gt_ids": ids["object"],
        "tracker_ids": ids["track"],
        "similarity_scores": [overlaps(f["object"], f["track"]) for f in frames],
    }
    quiet = {"PRINT_CONFIG": False}
    clear = trackeval.metrics.CLEAR(quiet).eval_sequence(data)
    identity = trackeval.metrics.Identity(quiet).eval_sequence(data)
    names = ("MOTA", "MOTP", "CLR_TP", "CLR_FN", "CLR_FP", "IDSW", "Frag")
    return {**{name: clear[name] for name in names}, "IDF1": identity["IDF1"]}


def by_motmetrics(frames):
    events = motmetrics.MOTAccumulator(auto_id=True)
    for frame in frames:
        distance = 1.0 - overlaps(frame["object"], frame["track"])
        distance[distance > 0.5] = np.nan
        events.update([i for i, _ in frame["object"]], [i for i, _ in frame["track"]], distance)
    names = ["mota", "motp", "num_switches", "num_fragmentations", "idf1", "num_misses", "num_false_positives"]
    return motmetrics.metrics.create().compute(events, metrics=names).iloc[0].to_dict()


for case, found in sorted(read().items()):
    frames = [found[number] for number in range(max(found) + 1)]
    print(case, "trackeval ", {name: float(value) for name, value in by_trackeval(frames).items()})
    print(case, "motmetrics", by_motmetrics(frames))
