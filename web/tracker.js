// Objects that keep their number from frame to frame: a class beside the detector, for pages of their own too. It
// computes nothing itself: a small wasm does, without the tensor library, on the thread that asks.

let glue = null;
let loading = null;

// Rows of `width` numbers, each as an object.
const rows = (numbers, width, make) =>
  Array.from({ length: numbers.length / width }, (_, row) => make(...numbers.subarray(row * width, (row + 1) * width)));

const rect = (x, y, width, height) => ({ x, y, width, height });

async function load() {
  try {
    const module = await import("./track/ssd-track-web.js");
    await module.default();
    glue = module;
    return Tracker;
  } catch (error) {
    loading = null; // the next call tries again
    throw new Error(`The tracker could not be loaded (${error.message}): check that its wasm is beside tracker.js.`);
  }
}

export class Tracker {
  #wasm;
  #labels = new Map();

  /** Loads the wasm, once. Promises the class, which can be used then. */
  static load() {
    loading ??= load();
    return loading;
  }

  constructor(options = {}) {
    if (!glue) throw new Error("The tracker is not loaded yet: await Tracker.load() first.");
    this.#wasm = new glue.WasmTracker();
    this.set(options);
  }

  set(options) {
    for (const [name, value] of Object.entries(options)) {
      if (value != null) this.#wasm.rule(name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`), Number(value));
    }
  }

  get leastScore() {
    return this.#wasm.least_score();
  }

  update(detections, time) {
    for (const { label, classIndex } of detections) this.#labels.set(classIndex, label);
    const numbers = detections.flatMap(({ classIndex, score, box: { x, y, width, height } }) =>
      [classIndex, score, x, y, width, height]);
    const tracks = rows(this.#wasm.update(new Float64Array(numbers), time), 7, (track, index, confirmed, ...sides) => ({
      index, track, confirmed: confirmed === 1, smooth: rect(...sides), trail: this.trail(track),
    }));
    tracks.sort((a, b) => a.index - b.index);
    return tracks.map(({ index, ...track }) => ({ ...detections[index], ...track }));
  }

  at(time) {
    return rows(this.#wasm.at(time), 5, (track, ...sides) => ({ track, smooth: rect(...sides) }));
  }

  trail(track) {
    const numbers = this.#wasm.trail(track);
    const points = []; // in a crowd, thousands: without anything between
    for (let at = 0; at < numbers.length; at += 2) points.push({ x: numbers[at], y: numbers[at + 1] });
    return points;
  }

  counts() {
    return rows(this.#wasm.counts(), 3, (classIndex, now, total) => ({ ...this.#named(classIndex), now, total }));
  }

  countAt(points) {
    return this.#wasm.count(new Float64Array(points.flatMap(({ x, y }) => [x, y])));
  }

  passed(counter) {
    return rows(this.#wasm.passed(counter), 3, (classIndex, forward, back) =>
      ({ ...this.#named(classIndex), forward, back }));
  }

  forget(counter) {
    this.#wasm.forget(counter);
  }

  dispose() {
    this.#wasm.free();
  }

  #named(classIndex) {
    return { label: this.#labels.get(classIndex), classIndex };
  }
}
