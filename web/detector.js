// The detector as any page uses it; detector.d.ts has its types. It moves pictures and results, and computes no box.

import { queue } from "./pictures.js";
import { crash, spawn } from "./spawn.js";
import { failure } from "./support.js";
import { takeWeights } from "./weights.js";

const NAMES = ["WebGpuUnavailable", "WeightsInvalid", "SourceInvalid", "DeviceLost"];

export class Detector {
  #calls = new Map();
  #nextId = 1;
  #ended = null; // the error of every further call, once there is one
  #pictures = queue((picture, options) => this.#ask("detect", { picture, options }, [picture]));
  #worker = spawn(
    () => new Worker(new URL("./worker.js", import.meta.url), { type: "module" }),
    (message) => this.#receive(message),
    (error) => this.#end(error),
  );

  static async load(given) {
    const { weights, backend, signal, onProgress, ...options } = given ?? {};
    if ((signal && !signal.throwIfAborted) || (onProgress && !onProgress.call)) {
      throw failure("SourceInvalid", "Give an AbortSignal as `signal`, a function as `onProgress`.");
    }
    signal?.throwIfAborted();
    const over = new AbortController();
    const aborted = new Promise((_, reject) => {
      signal?.addEventListener("abort", () => reject(signal.reason), { signal: over.signal });
    });
    // Apart, as a listener may throw.
    const tell = (stage, loaded, total) => queueMicrotask(() => onProgress?.({ stage, loaded, total }));
    let taken = null; // once for both backends
    const start = async (chosen, fallbackReason) => {
      const detector = new Detector();
      const open = async () => {
        await detector.#ask("prepare", { backend: chosen });
        taken ??= await takeWeights(weights, options, (...bytes) => tell("weights", ...bytes), aborted);
        const request = { ...taken, options: sendable({ ...options, backend: chosen }) };
        return detector.#ask("load", request, [], tell);
      };
      try {
        const info = await Promise.race([aborted, open()]);
        return Object.assign(detector, { info: Object.freeze({ ...info, fallbackReason }) });
      } catch (error) {
        detector.dispose();
        throw error;
      }
    };
    try {
      if (backend && backend !== "auto") return await start(backend, null);
      return await start("webgpu", null).catch((error) => {
        // Bad weights and options are bad anywhere; all else is tried on the CPU, in a new worker.
        if (signal?.aborted || ["WeightsInvalid", "SourceInvalid"].includes(error.name)) throw error;
        return start("cpu", error.message);
      });
    } finally {
      over.abort();
    }
  }

  async detect(source, options) {
    if (this.#ended) throw this.#ended;
    return this.#pictures.detect(source, sendable(options));
  }

  async decode(predictions, options) {
    const { offsets, logits, width, height } = predictions ?? {};
    if (![offsets, logits].every(ArrayBuffer.isView)) {
      throw failure("SourceInvalid", "Give `offsets` and `logits` as Float32Arrays.");
    }
    return this.#ask("decode", { offsets, logits, width: +width, height: +height, options: sendable(options) });
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

  #ask(kind, request, transfer, tell) {
    return new Promise((resolve, reject) => {
      if (this.#ended) throw this.#ended;
      const id = this.#nextId++;
      this.#worker.post({ id, kind, ...request }, transfer);
      this.#calls.set(id, { resolve, reject, tell });
    });
  }

  #receive({ id, kind, name, message, value, progress }) {
    if (kind === "crashed") return this.#end(crash(message));
    const call = this.#calls.get(id);
    if (!call) return;
    if (kind === "progress") return call.tell?.(...progress);
    this.#calls.delete(id);
    if (kind === "done") return call.resolve(value);
    const error = NAMES.includes(name) ? failure(name, message) : crash(message);
    call.reject(error);
    if (error.name === "DeviceLost") this.#end(error);
  }

  #end(error) {
    if (this.#ended) return;
    this.#ended = error;
    this.#worker.end();
    for (const call of this.#calls.values()) call.reject(error);
    this.#calls.clear();
    this.#pictures.end(error);
  }
}

// What may not be sendable becomes text: the wasm checks it.
function sendable(options) {
  const plain = (value) => value == null || ["boolean", "number"].includes(typeof value) ? value : String(value);
  const copy = ([name, value]) => [name, Array.isArray(value) ? value.map(String) : plain(value)];
  return Object.fromEntries(Object.entries(options ?? {}).map(copy));
}
