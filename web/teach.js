// Teaching: pictures with named boxes in, a weights file out. The learning is the lab's, in a worker of its own.

import { spawn } from "./spawn.js";
import { failure } from "./support.js";

// Larger pictures are shrunk: the network reads a few hundred pixels a side.
const LONGEST_PX = 1600;

/**
 * `file`: the weights file to start from, a Blob. `samples`: `{ source, boxes: [{ label, x, y, width, height }] }`, boxes
 * in pixels of the picture as it is shown; a source may be a function that returns one or promises one, so that not all
 * pictures are in memory at once. The last `heldOut` samples are measured on, not learned from.
 */
export class Teaching {
  #calls = new Map();
  #nextId = 1;
  #worker;
  #running = true;
  #go = () => {}; // ends a pause
  #ended = null;

  constructor(file, samples, options = {}) {
    const { keepClasses = false, steps = 200, seed = 1, heldOut = 0, name, onProgress } = options;
    this.#worker = spawn(
      () => new Worker(new URL("./lab-worker.js", import.meta.url), { type: "module" }),
      (message) => this.#receive(message),
      (error) => this.#end(error),
    );
    const tell = (stage, done, total, loss = null) => queueMicrotask(() => onProgress?.({ stage, done, total, loss }));
    const labels = [...new Set(samples.flatMap(({ boxes }) => boxes.map(({ label }) => label)))];
    this.done = this.#teach(file, samples, { labels, keepClasses, steps, seed, name }, heldOut, tell);
    this.done.catch((error) => this.#end(error));
  }

  async #teach(file, samples, options, heldOut, tell) {
    await this.#ask("teach", { file, options });
    for (const [index, { source, boxes }] of samples.entries()) {
      tell("features", index, samples.length);
      const { picture, scale } = await opened(source);
      const placed = boxes.map(({ label, ...px }) => ({ label, ...scaled(px, scale) }));
      const held = index >= samples.length - heldOut;
      let views = await this.#ask("open", { picture, boxes: placed, heldOut: held }, [picture]);
      while (views > 0) {
        await this.#turn();
        views = await this.#ask("look");
      }
    }
    tell("features", samples.length, samples.length);
    for (let step = 1; step <= options.steps; step += 1) {
      await this.#turn();
      tell("learn", step, options.steps, await this.#ask("step"));
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
    return this.#ask("file");
  }

  measure() {
    return this.#ask("measure");
  }

  cancel(reason = new DOMException("The teaching was stopped.", "AbortError")) {
    this.#end(reason);
  }

  /** Ends the worker, once `done` is settled and nothing more will be asked. */
  close() {
    this.#end(failure("Disposed", "This teaching is over: start another one."));
  }

  // Between two pieces of work.
  async #turn() {
    while (!this.#running && !this.#ended) await new Promise((resolve) => { this.#go = resolve; });
    if (this.#ended) throw this.#ended;
  }

  #ask(kind, request, transfer) {
    return new Promise((resolve, reject) => {
      if (this.#ended) throw this.#ended;
      const id = this.#nextId++;
      this.#worker.post({ id, kind, ...request }, transfer);
      this.#calls.set(id, { resolve, reject });
    });
  }

  #receive({ id, kind, name, message, value }) {
    const call = this.#calls.get(id);
    this.#calls.delete(id);
    if (kind === "done") return call?.resolve(value);
    const known = ["WeightsInvalid", "SourceInvalid"].includes(name);
    call?.reject(known ? failure(name, message) : failure("DeviceLost", `The lab stopped (${message}): teach again.`));
  }

  #end(error) {
    if (this.#ended) return;
    this.#ended = error;
    this.#worker.end();
    this.#calls.forEach(({ reject }) => reject(error));
    this.#calls.clear();
    this.#go();
  }
}

/** As `Detector.teach` of detector.d.ts; `load` loads a detector from the taught file. */
export async function teach(detector, samples, options, load) {
  const { signal, ...given } = options ?? {};
  signal?.throwIfAborted();
  if (!Array.isArray(samples) || !samples.every(({ source, boxes }) => source && Array.isArray(boxes))) {
    throw failure("SourceInvalid", "Give an array of `{ source, boxes }` to learn from.");
  }
  const teaching = new Teaching(await detector.file(), samples, given);
  const stop = () => teaching.cancel(signal.reason);
  signal?.addEventListener("abort", stop);
  try {
    return await load(await teaching.done);
  } finally {
    signal?.removeEventListener("abort", stop);
    teaching.close();
  }
}

async function opened(source) {
  const given = await (source?.call ? source() : source);
  const { width, height } = await measured(given);
  const scale = Math.min(1, LONGEST_PX / Math.max(width, height));
  const [resizeWidth, resizeHeight] = [width, height].map((side) => Math.max(1, Math.round(side * scale)));
  try {
    const picture = await createImageBitmap(given, scale < 1 ? { resizeWidth, resizeHeight, resizeQuality: "high" } : {});
    return { picture, scale: [picture.width / width, picture.height / height] };
  } catch ({ message }) {
    throw failure("SourceInvalid", `A picture could not be read (${message}): leave it out, or open it again.`);
  }
}

async function measured(given) {
  if (!(given instanceof Blob)) {
    const width = given.naturalWidth ?? given.videoWidth ?? given.displayWidth ?? given.width;
    const height = given.naturalHeight ?? given.videoHeight ?? given.displayHeight ?? given.height;
    return { width, height };
  }
  const picture = await createImageBitmap(given).catch(({ message }) => {
    throw failure("SourceInvalid", `A picture could not be read (${message}): leave it out, or open it again.`);
  });
  const { width, height } = picture;
  picture.close();
  return { width, height };
}

const scaled = ({ x, y, width, height }, [right, down]) =>
  ({ x: x * right, y: y * down, width: width * right, height: height * down });
