// The worker: owns the wasm module, the device and one detector, so that nothing here can block the page.
// It knows pixels and results, no page. Only this file imports the wasm glue.
//
// Messages in:  { id, kind: "load" | "detect" | "file" | "selfTest", ... }
// Messages out: { id, kind: "progress" | "done" | "failed", ... }, or { kind: "crashed", message }.

import { failure, preflight } from "./support.js";
import { readable, takeWeights } from "./weights.js";

const GLUE = "./wasm/ssd-web.js";

let detector = null;
let file = null; // the weights as a file of ours, where the caller does not have it
let direct = false; // pictures go from texture to texture, past the canvas
const canvas = new OffscreenCanvas(1, 1);
const pen = canvas.getContext("2d", { willReadFrequently: true });

// Calls do not wait for each other: a picture is computed while another one's result is read.
self.onmessage = ({ data }) => answer(data);

// A panic inside wasm can surface here with no call to blame; the instance is of no more use.
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
  async load({ weights, sha256, cache, ...options }, report) {
    const tell = (stage, loaded, total) => report({ stage, loaded, total });
    const { ok, reason, adapterName, software } = options.backend === "cpu" ? { ok: true } : await preflight();
    if (!ok) throw failure("WebGpuUnavailable", reason);
    // Compiled while the weights arrive. Its failure shows below, where it is awaited.
    const runtime = startRuntime();
    runtime.catch(() => {});
    const taken = await takeWeights(weights, sha256, cache, tell);
    tell("runtime", 0, null);
    const WasmDetector = await runtime;
    const name = typeof weights === "string" ? weights.split(/[?#]/)[0].split("/").pop() : weights.name;
    Object.assign(options, { name, adapter: adapterName });
    detector = await WasmDetector.load(readable(taken), options, tell);
    const converted = detector.takeConverted();
    file = converted ? new Blob([converted]) : taken instanceof Blob ? taken : null;
    tell("ready", 1, 1);
    const { info } = detector;
    direct = info.precision && "copyExternalImageToTexture" in GPUQueue.prototype;
    return { ...info, software: Boolean(software) };
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

  file: () => file,

  selfTest: () => detector.selfTest(),
};

async function startRuntime() {
  try {
    const { default: init, WasmDetector } = await import(GLUE);
    await init();
    return WasmDetector;
  } catch (error) {
    throw failure("DeviceLost", `The detector's program did not load (${error.message}): reload the page.`);
  }
}

// The canvas is kept, so a stream of frames allocates no surface.
function detectPixels(picture, options) {
  const { width, height } = picture;
  try {
    if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
    pen.clearRect(0, 0, width, height);
    pen.drawImage(picture, 0, 0);
    return detector.detectPixels(pen.getImageData(0, 0, width, height).data, width, height, options);
  } catch (error) {
    throw failure("SourceInvalid", `The picture of ${width} x ${height} pixels could not be read (${error.message}): use a smaller one.`);
  }
}
