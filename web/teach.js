// Teaching: pictures with named boxes in, a weights file out. The learning is the lab's, in a worker of its own.

import { openLab } from "./lab.js";
import { failure } from "./support.js";

// Larger pictures are shrunk: the network reads a few hundred pixels a side.
const LONGEST_PX = 1600;

/**
 * `file`: the weights file to start from, a Blob. `samples`: `{ source, boxes: [{ label, x, y, width, height }] }`,
 * boxes in pixels of the picture as it is shown; a source may be a function that returns one or promises one, so that
 * not all pictures are in memory at once. The last `heldOut` samples are measured on, not learned from.
 */
export class Teaching {
  steps = 0; // taken so far
  #running = true;
  #go = () => {}; // ends a pause
  #lab = openLab((what) => `The lab stopped (${what}): teach again.`, () => this.#go());

  constructor(file, samples, options = {}) {
    const { keepClasses = false, steps = 200, seed = 1, heldOut = 0, name, onProgress } = options;
    const tell = (stage, done, total, loss = null) => queueMicrotask(() => onProgress?.({ stage, done, total, loss }));
    const labels = [...new Set(samples.flatMap(({ boxes }) => boxes.map(({ label }) => label)))];
    this.done = this.#teach(file, samples, { labels, keepClasses, steps, seed, name }, heldOut, tell);
    this.done.catch(this.#lab.end);
  }

  async #teach(file, samples, options, heldOut, tell) {
    await this.#lab.ask("teach", { file, options });
    for (const [index, { source, boxes }] of samples.entries()) {
      tell("features", index, samples.length);
      const { picture, scale } = await opened(source);
      const placed = boxes.map(({ label, ...px }) => ({ label, ...scaled(px, scale) }));
      const held = index >= samples.length - heldOut;
      let views = await this.#lab.ask("open", { picture, boxes: placed, heldOut: held }, [picture]);
      while (views > 0) {
        await this.#turn();
        views = await this.#lab.ask("look");
      }
    }
    tell("features", samples.length, samples.length);
    for (let step = 1; step <= options.steps; step += 1) {
      await this.#turn();
      tell("learn", step, options.steps, await this.#lab.ask("step"));
      this.steps = step;
    }
    return this.snapshot();
  }

  pause() {
    this.#running = false;
  }

  resume() {
    this.#running = true;
    this.#go();
  }

  snapshot() {
    return this.#lab.ask("file");
  }

  measure() {
    return this.#lab.ask("measure");
  }

  /** What it finds by now in a picture, between two pieces of work: `{ width, height, detections }` as a Result has. */
  async detect(source) {
    const { picture, scale } = await opened(source);
    const found = await this.#lab.ask("detect", { picture }, [picture]);
    const back = scale.map((by) => 1 / by);
    const { width, height } = scaled(found, back);
    const detections = found.detections.map(({ box, ...one }) => ({ ...one, box: scaled(box, back) }));
    return { width, height, detections };
  }

  cancel(reason = new DOMException("The teaching was stopped.", "AbortError")) {
    this.#lab.end(reason);
  }

  /** Ends the worker, once `done` is settled and nothing more will be asked. */
  close() {
    this.#lab.end(failure("Disposed", "This teaching is over: start another one."));
  }

  // Between two pieces of work.
  async #turn() {
    while (!this.#running && !this.#lab.ended) await new Promise((resolve) => { this.#go = resolve; });
    if (this.#lab.ended) throw this.#lab.ended;
  }
}

/** As `Detector.teach` of detector.d.ts; `load` loads a detector from the taught file. */
export async function teach(detector, samples, options, load) {
  const { signal, ...given } = options ?? {};
  signal?.throwIfAborted();
  if (!Array.isArray(samples) || !samples.every(({ source, boxes }) => source && Array.isArray(boxes))) {
    throw failure("SourceInvalid", "Give an array of `{ source, boxes }` to learn from.");
  }
  const file = await detector.file();
  signal?.throwIfAborted();
  const teaching = new Teaching(file, samples, given);
  const stop = () => teaching.cancel(signal.reason);
  signal?.addEventListener("abort", stop);
  try {
    return await load(await teaching.done);
  } finally {
    signal?.removeEventListener("abort", stop);
    teaching.close();
  }
}

// A picture as a bitmap that is not too large, and by how much it was shrunk in each direction.
async function opened(source) {
  const given = await (source?.call ? source() : source);
  try {
    const whole = await createImageBitmap(given);
    const { width, height } = whole;
    const scale = LONGEST_PX / Math.max(width, height);
    if (scale >= 1) return { picture: whole, scale: [1, 1] };
    const [resizeWidth, resizeHeight] = [width, height].map((side) => Math.max(1, Math.round(side * scale)));
    const picture = await createImageBitmap(whole, { resizeWidth, resizeHeight, resizeQuality: "high" });
    whole.close();
    return { picture, scale: [resizeWidth / width, resizeHeight / height] };
  } catch ({ message }) {
    throw failure("SourceInvalid", `A picture could not be read (${message}): leave it out, or open it again.`);
  }
}

const scaled = ({ x, y, width, height }, [right, down]) =>
  ({ x: x * right, y: y * down, width: width * right, height: height * down });
