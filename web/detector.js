// The detector as any page uses it: load once, detect many times, dispose. Types: detector.d.ts.
// It moves pictures to a worker and results back; it computes no box.

import { failure } from "./support.js";

/** A loaded detector, made by `Detector.load`. */
export class Detector {
  #worker = new Worker(new URL("./worker.js", import.meta.url), { type: "module" });
  #calls = new Map();
  #nextId = 1;
  #tail = Promise.resolve();
  #ended = null; // the error of every further call, once there is one

  constructor() {
    this.#worker.onmessage = ({ data }) => this.#receive(data);
    this.#worker.onerror = ({ message }) => this.#crash(message);
  }

  static async load({ weights, backend, signal, onProgress, ...options } = {}) {
    const named = typeof weights === "string" || weights instanceof URL;
    const source = named ? new URL(weights, document.baseURI).href : weights;
    const start = async (chosen, fallbackReason) => {
      const request = { weights: source, options: sendable({ ...options, backend: chosen }) };
      const detector = new Detector();
      const abort = () => detector.#end(signal.reason);
      signal?.addEventListener("abort", abort);
      try {
        signal?.throwIfAborted();
        const info = await detector.#ask("load", request, [], onProgress);
        return Object.assign(detector, { info: Object.freeze({ ...info, fallbackReason }) });
      } catch (error) {
        detector.dispose();
        throw error;
      } finally {
        signal?.removeEventListener("abort", abort);
      }
    };
    if (backend && backend !== "auto") return start(backend, null);
    try {
      return await start("webgpu", null);
    } catch (error) {
      // Bad weights and options are bad anywhere. All else is tried on the CPU, in a new worker.
      if (signal?.aborted || ["WeightsInvalid", "SourceInvalid"].includes(error.name)) throw error;
      return start("cpu", error.message);
    }
  }

  async detect(source, options) {
    // Copied now: the caller may change or close them meanwhile.
    const taken = snapshot(source);
    const chosen = sendable(options);
    taken.catch(() => {}); // reported in its turn
    const turn = this.#tail.then(async () => {
      const picture = await taken;
      // In an object: the next call waits until this one is sent, not until it is answered.
      return { picture, answer: this.#ask("detect", { picture, options: chosen }, [picture]) };
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

  decode(predictions, options) {
    return this.#ask("decode", { ...predictions, options: sendable(options) });
  }

  file() {
    return this.#ask("file");
  }

  selfTest() {
    return this.#ask("selfTest");
  }

  dispose() {
    this.#end(failure("Disposed", "This detector has been disposed of: load a new one."));
  }

  #ask(kind, request, transfer = [], onProgress) {
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
    this.#end(failure("DeviceLost", `The detector stopped working (${what}): load it again.`));
  }

  #end(error) {
    if (this.#ended) return;
    this.#ended = error;
    this.#worker.terminate();
    for (const call of this.#calls.values()) call.reject(error);
    this.#calls.clear();
  }
}

// A copy for the worker, whose wasm checks names and values. What may not be sendable becomes text.
function sendable(options) {
  const send = (value) => (Array.isArray(value) ? value.map(String) : value instanceof Object ? String(value) : value);
  return Object.fromEntries(Object.entries(options ?? {}).map(([name, value]) => [name, send(value)]));
}

// The source's pixels now. The browser refuses one without any, such as a video before its first frame.
async function snapshot(source) {
  try {
    if (source.complete === false) throw new Error("still loading");
    return await createImageBitmap(source);
  } catch (error) {
    if (error.name === "SecurityError") throw tainted();
    throw failure("SourceInvalid", "The picture has no pixels to read: wait until it has loaded, or use another one.");
  }
}

function tainted() {
  return failure("SourceInvalid", "The picture's site does not let other pages read it: serve the picture with CORS.");
}
