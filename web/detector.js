// The detector as any page uses it: load once, detect many times, dispose. Types: detector.d.ts.
// It moves pictures to a worker and results back; it computes no box.

import { Pictures } from "./pictures.js";
import { crash, spawn } from "./spawn.js";
import { failure, unlessAborted } from "./support.js";
import { takeWeights } from "./weights.js";

/** A loaded detector, made by `Detector.load`. */
export class Detector {
  #calls = new Map();
  #nextId = 1;
  #ended = null; // the error of every further call, once there is one
  #pictures = new Pictures((picture, options) => this.#ask("detect", { picture, options }, [picture]));
  #worker = spawn(
    () => new Worker(new URL("./worker.js", import.meta.url), { type: "module" }),
    (message) => this.#receive(message),
    (error) => this.#end(error),
  );

  static async load({ weights, backend, signal, onProgress, ...options } = {}) {
    if (signal && !signal.throwIfAborted) throw misused("signal", "an AbortSignal");
    if (onProgress && !onProgress.call) throw misused("onProgress", "a function");
    signal?.throwIfAborted();
    const tell = (stage, loaded, total) => {
      try {
        onProgress?.({ stage, loaded, total });
      } catch (error) {
        reportError(error); // an error of the page, and the detector still loads
      }
    };
    let taken = null; // once for both backends
    const start = async (chosen, fallbackReason) => {
      const detector = new Detector();
      const open = async () => {
        await detector.#ask("prepare", { backend: chosen });
        taken ??= await takeWeights(weights, options, (...bytes) => tell("weights", ...bytes), signal);
        const request = { ...taken, options: sendable({ ...options, backend: chosen }) };
        return detector.#ask("load", request, [], tell);
      };
      try {
        const info = await unlessAborted(signal, open());
        return Object.assign(detector, { info: Object.freeze({ ...info, fallbackReason }) });
      } catch (error) {
        detector.dispose();
        throw error;
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
    if (this.#ended) throw this.#ended;
    return this.#pictures.detect(source, sendable(options));
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

  #ask(kind, request, transfer, tell) {
    return new Promise((resolve, reject) => {
      if (this.#ended) throw this.#ended;
      const id = this.#nextId++;
      this.#worker.post({ id, kind, ...request }, transfer);
      this.#calls.set(id, { resolve, reject, tell });
    });
  }

  #receive({ id, kind, name, message, value, progress }) {
    if (kind === "crashed" || name === "RuntimeError") return this.#end(crash(message));
    const call = this.#calls.get(id);
    if (!call) return;
    if (kind === "progress") return call.tell?.(...progress);
    this.#calls.delete(id);
    if (kind === "done") return call.resolve(value);
    const error = failure(name, message);
    call.reject(error);
    if (name === "DeviceLost") this.#end(error);
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

const misused = (option, kind) => failure("SourceInvalid", `The option \`${option}\` is not ${kind}: leave it out or give one.`);

// A copy for the worker, whose wasm checks names and values. What may not be sendable becomes text.
function sendable(options) {
  const send = (value) => (Array.isArray(value) ? value.map(String) : value instanceof Object ? String(value) : value);
  return Object.fromEntries(Object.entries(options ?? {}).map(([name, value]) => [name, send(value)]));
}
