// The detector as any page uses it; detector.d.ts has its types. It moves pictures and results, and computes no box.

import { queue } from "./pictures.js";
import { crash, spawn } from "./spawn.js";
import { failure } from "./support.js";
import { takeWeights } from "./weights.js";

const NAMES = ["WebGpuUnavailable", "WeightsInvalid", "SourceInvalid", "DeviceLost"];

export class Detector {
  #calls = new Map();
  #nextId = 1;
  #ended = null; // the error of every further call
  #pictures = queue((picture, options) => this.#ask("detect", { picture, options }, [picture]));
  #worker = null;
  #open; // `#open(error)` fills a worker, after what ended the last one
  #opening = null; // its promise, for which calls wait
  #again; // loads other weights likewise

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
    const detector = new Detector();
    const { engine, precision } = options;
    detector.#again = (taught) => Detector.load({ weights: taught, backend, engine, precision });
    let taken = null; // once for all workers
    const fill = async (chosen) => {
      await detector.#send("prepare", { backend: chosen, burn: engine === "burn" });
      taken ??= await takeWeights(weights, options, (...bytes) => tell("weights", ...bytes), aborted);
      return detector.#send("load", { ...taken, options: sendable({ ...options, backend: chosen }) }, [], tell);
    };
    const start = async (chosen, fallbackReason) => {
      detector.#spawn();
      const info = await Promise.race([aborted, fill(chosen)]);
      detector.info = Object.freeze({ ...info, fallbackReason });
      tell("ready", 1, 1);
    };
    let lost = -Infinity; // when
    detector.#open = async (error) => {
      const again = error && performance.now() - lost < 60_000;
      if (error) lost = performance.now();
      if (backend && backend !== "auto") return start(backend, null);
      if (again) return start("cpu", `The GPU was lost twice within a minute. ${error.message}`);
      return start("webgpu", null).catch((failed) => {
        // Bad weights and options are bad anywhere; all else is tried on the CPU.
        if (signal?.aborted || ["WeightsInvalid", "SourceInvalid"].includes(failed.name)) throw failed;
        return start("cpu", failed.message);
      });
    };
    try {
      await detector.#open();
      signal?.throwIfAborted();
      return detector;
    } catch (error) {
      detector.#end(error);
      throw error;
    } finally {
      over.abort();
    }
  }

  async detect(source, options) {
    if (this.#ended) throw this.#ended;
    const plain = sendable(options);
    if (plain.tiles == null) return this.#pictures.detect(source, plain);
    return (await import("./tiles.js")).detect(source, options, plain, this.#ask.bind(this));
  }

  async decode(predictions, options) {
    const { offsets, logits, width, height } = predictions ?? {};
    if (![offsets, logits].every(ArrayBuffer.isView)) {
      throw failure("SourceInvalid", "Give `offsets` and `logits` as Float32Arrays.");
    }
    return this.#ask("wasm", { name: "decode", args: [offsets, logits, +width, +height, sendable(options)] });
  }

  file() {
    return this.#ask("file");
  }

  async teach(samples, options) {
    const { teach } = await import("./teach.js");
    return teach(this, samples, options, this.#again);
  }

  selfTest() {
    return this.#ask("wasm", { name: "selfTest", args: [] });
  }

  dispose() {
    this.#end(failure("Disposed", "This detector has been disposed of: load a new one."));
  }

  async #ask(kind, request, transfer) {
    await this.#opening;
    return this.#send(kind, request, transfer);
  }

  #send(kind, request, transfer, tell) {
    return new Promise((resolve, reject) => {
      if (this.#ended) throw this.#ended;
      const id = this.#nextId++;
      this.#worker.post({ id, kind, ...request }, transfer);
      this.#calls.set(id, { resolve, reject, tell });
    });
  }

  #spawn() {
    if (this.#ended) throw this.#ended;
    this.#worker?.end();
    this.#worker = spawn(
      () => new Worker(new URL("./worker.js", import.meta.url), { type: "module" }),
      (message) => this.#receive(message),
      (error) => this.#lose(error),
    );
  }

  #receive({ id, kind, name, message, value, progress }) {
    if (kind === "crashed") return this.#lose(crash(message));
    const call = this.#calls.get(id);
    if (!call) return;
    if (kind === "progress") return call.tell?.(...progress);
    this.#calls.delete(id);
    if (kind === "done") return call.resolve(value);
    const error = NAMES.includes(name) ? failure(name, message) : crash(message);
    call.reject(error);
    if (error.name === "DeviceLost") this.#lose(error);
  }

  // The worker or its device is gone, with all calls. Once loaded, the detector gets another.
  #lose(error) {
    this.#worker?.end();
    for (const { reject } of this.#calls.values()) reject(error);
    this.#calls.clear();
    if (!this.info || this.#opening || this.#ended) return;
    this.#opening = this.#open(error).catch((failed) => this.#end(failed)).finally(() => { this.#opening = null; });
  }

  #end(error) {
    this.#ended ??= error;
    this.#lose(error);
    this.#pictures.end(error);
  }
}

// What may not be sendable becomes text, which the wasm checks.
function sendable(options) {
  const plain = (value) => value == null || ["boolean", "number"].includes(typeof value) ? value : String(value);
  const copy = ([name, value]) => [name, Array.isArray(value) ? value.map(String) : plain(value)];
  return Object.fromEntries(Object.entries(options ?? {}).map(copy));
}
