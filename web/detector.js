// The detector as any page uses it: load once, detect many times, dispose. detector.d.ts has the types.
// It moves pictures to a worker and results back; it computes no box and touches no element of the page.

import { failure } from "./support.js";

/** A loaded detector. Made by `Detector.load`. */
export class Detector {
  #worker = new Worker(new URL("./worker.js", import.meta.url), { type: "module" });
  #calls = new Map();
  #nextId = 1;
  #tail = Promise.resolve();
  #ended = null; // what every further call gets, once there is one

  constructor() {
    this.#worker.onmessage = ({ data }) => this.#receive(data);
    this.#worker.onerror = ({ message }) => this.#crash(message);
  }

  static async load({ weights, backend = "auto", onProgress = () => {}, ...options } = {}) {
    const source = typeof weights === "string" ? new URL(weights, document.baseURI).href : weights;
    const start = (chosen, reason) => Detector.#start({ ...options, weights: source, backend: chosen }, reason, onProgress);
    if (backend !== "auto") return start(backend, null);
    try {
      return await start("webgpu", null);
    } catch (error) {
      // Bad weights are bad anywhere. All else is tried on the CPU in a fresh worker.
      if (error.name === "WeightsInvalid") throw error;
      return start("cpu", error.message);
    }
  }

  static async #start(request, fallbackReason, onProgress) {
    const detector = new Detector();
    try {
      const info = await detector.#ask("load", request, [], onProgress);
      detector.info = Object.freeze({ ...info, fallbackReason });
      return detector;
    } catch (error) {
      detector.dispose();
      throw error;
    }
  }

  async detect(source, { score, iou, nms, topK, maxDetections, classes } = {}) {
    // Taken now: the caller may draw over or close the source meanwhile.
    const taken = snapshot(source);
    const given = Object.entries({ score, iou, nms, topK, maxDetections, classes }).filter(([, value]) => value != null);
    taken.catch(() => {}); // reported when its turn comes
    const turn = this.#tail.then(async () => {
      const picture = await taken;
      // In an object: the next call waits until this one is sent, not until it is answered.
      return { picture, answer: this.#ask("detect", { picture, options: Object.fromEntries(given) }, [picture]) };
    });
    this.#tail = turn.catch(() => {});
    const { picture, answer } = await turn;
    try {
      return await answer;
    } catch (error) {
      picture.close();
      throw error.name === "DataCloneError" ? tainted() : error;
    }
  }

  file() {
    return this.#ask("file", {}, []);
  }

  selfTest() {
    return this.#ask("selfTest", {}, []);
  }

  dispose() {
    this.#end(failure("Disposed", "This detector was disposed of: load another one."));
  }

  #ask(kind, request, transfer, onProgress) {
    return new Promise((resolve, reject) => {
      if (this.#ended) throw this.#ended;
      const id = this.#nextId++;
      this.#worker.postMessage({ id, kind, ...request }, transfer);
      this.#calls.set(id, { resolve, reject, onProgress });
    });
  }

  #receive({ id, kind, name, message, value, ...progress }) {
    if (kind === "crashed" || name === "RuntimeError") return this.#crash(message);
    const call = this.#calls.get(id);
    if (!call) return;
    if (kind === "progress") return call.onProgress?.(progress);
    this.#calls.delete(id);
    if (kind === "done") return call.resolve(value);
    const error = failure(name, message);
    call.reject(error);
    if (name === "DeviceLost") this.#end(error);
  }

  #crash(what = "its worker did not start") {
    this.#end(failure("DeviceLost", `The detector stopped (${what}): load it again.`));
  }

  #end(error) {
    if (this.#ended) return;
    this.#ended = error;
    this.#worker.terminate();
    for (const call of this.#calls.values()) call.reject(error);
    this.#calls.clear();
  }
}

// The source's pixels at this moment. What has none (a video without a frame) the browser refuses.
async function snapshot(source) {
  try {
    if (source.complete === false) throw new Error("still loading");
    return await createImageBitmap(source);
  } catch (error) {
    if (error.name === "SecurityError") throw tainted();
    throw failure("SourceInvalid", "The picture has no pixels to read: wait until it has loaded, or pass another one.");
  }
}

function tainted() {
  return failure("SourceInvalid", "The picture comes from a site that does not share its pixels: serve it with CORS.");
}
