// The worker: it owns the wasm module, the device and one detector, so that they never block the page.
// No other file imports the wasm glue.
//
// Messages in:  { id, kind: "load" | "detect" | "decode" | "file" | "selfTest", ... }
// Messages out: { id, kind: "progress" | "done" | "failed", ... }, or { kind: "crashed", message }.

import { failure, findAdapter } from "./support.js";
import { readable, takeWeights } from "./weights.js";

let detector = null;
let file = null; // the weights as a file of this project, unless the caller has it
let direct = false; // pictures go from texture to texture, without a canvas
const canvas = new OffscreenCanvas(1, 1);
const pen = canvas.getContext("2d", { willReadFrequently: true });

// Calls overlap: one picture is computed while the result of another is read.
self.onmessage = ({ data }) => answer(data);

// A panic inside wasm can surface outside of any call. After it the instance is unusable.
self.onunhandledrejection = ({ reason }) => postMessage({ kind: "crashed", message: String(reason) });

async function answer({ id, kind, ...request }) {
  try {
    const value = await CALLS[kind](request, (progress) => postMessage({ id, kind: "progress", ...progress }));
    postMessage({ id, kind: "done", value });
  } catch (error) {
    postMessage({ id, kind: "failed", name: error.name, message: error.message ?? String(error) });
  }
}

const CALLS = {
  async load({ weights, options }, report) {
    const tell = (stage, loaded, total) => report({ stage, loaded, total });
    const adapter = options.backend === "cpu" ? null : await findAdapter();
    // Compiled while the weights arrive; a failure shows where it is awaited.
    const runtime = startRuntime();
    runtime.catch(() => {});
    const taken = await takeWeights(weights, options, tell);
    tell("runtime", 0, null);
    const WasmDetector = await runtime;
    const name = typeof weights === "string" ? weights.split(/[?#]/)[0].split("/").pop() : weights.name;
    detector = await WasmDetector.load(readable(taken), name, adapter, options, tell);
    const converted = detector.takeConverted();
    file = converted ? new Blob([converted]) : taken instanceof Blob ? taken : null;
    tell("ready", 1, 1);
    const { info } = detector;
    direct = info.precision && "copyExternalImageToTexture" in GPUQueue.prototype;
    return info;
  },

  async detect({ picture, options }) {
    const start = performance.now();
    try {
      const result = await (direct ? detector.detectBitmap(picture, options) : detectPixels(picture, options));
      result.timing.total = performance.now() - start;
      return result;
    } finally {
      picture.close();
    }
  },

  decode: ({ offsets, logits, width, height, options }) => detector.decode(offsets, logits, width, height, options),

  file: () => file,

  selfTest: () => detector.selfTest(),
};

async function startRuntime() {
  try {
    const { default: init, WasmDetector } = await import("./wasm/ssd-web.js");
    await init();
    return WasmDetector;
  } catch (error) {
    throw failure("DeviceLost", `The detector's program did not load (${error.message}): reload the page.`);
  }
}

// The canvas is reused, so that a stream of frames allocates no surface.
function detectPixels(picture, options) {
  const { width, height } = picture;
  try {
    if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
    pen.clearRect(0, 0, width, height);
    pen.drawImage(picture, 0, 0);
    return detector.detectPixels(pen.getImageData(0, 0, width, height).data, width, height, options);
  } catch ({ message }) {
    throw failure("SourceInvalid",
      `The picture of ${width} x ${height} pixels could not be read (${message}): use a smaller one.`);
  }
}
