// The worker: owns the wasm module, the device and one detector, so that nothing here can block the page.
// It knows pixels and results, no page. Only this file imports the wasm glue.
//
// Messages in:  { id, kind: "load" | "detect" | "selfTest", ... }
// Messages out: { id, kind: "progress" | "done" | "failed", ... }, or { kind: "crashed", message }.

import { failure, preflight } from "./support.js";

const GLUE = "./wasm/ssd-web.js";

let detector = null;
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
  async load({ weights, backend, engine, precision }, report) {
    const { ok, reason, adapterName, software } = backend === "cpu" ? { ok: true } : await preflight();
    if (!ok) throw failure("WebGpuUnavailable", reason);
    // Compiled while the weights arrive. Its failure shows below, where it is awaited.
    const runtime = startRuntime();
    runtime.catch(() => {});
    const bytes = await read(weights, (loaded, total) => report({ stage: "weights", loaded, total }));
    report({ stage: "runtime", loaded: 0, total: null });
    const WasmDetector = await runtime;
    const options = { backend, engine, precision, adapter: adapterName };
    detector = await WasmDetector.load(bytes, options, (stage, loaded, total) => report({ stage, loaded, total }));
    report({ stage: "ready", loaded: 1, total: 1 });
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

// All bytes of an address, a Blob or an ArrayBuffer; `tell(loaded, total)` hears of progress.
async function read(weights, tell) {
  try {
    if (typeof weights === "string") return await download(weights, tell);
    const bytes = new Uint8Array(weights instanceof Blob ? await weights.arrayBuffer() : weights);
    tell(bytes.length, bytes.length);
    return bytes;
  } catch (error) {
    const what = typeof weights === "string" ? `weights at ${weights}` : "weights file";
    throw failure("WeightsInvalid", `The ${what} could not be read (${error.message}): check the address or the file.`);
  }
}

async function download(url, tell) {
  tell(0, null);
  const response = await fetch(url);
  if (!response.ok) throw new Error(`the server answered ${response.status}`);
  // Behind a compressing server the length counts other bytes than the stream delivers.
  const length = response.headers.has("content-encoding") ? 0 : Number(response.headers.get("content-length"));
  const chunks = [];
  let loaded = 0;
  const reader = response.body.getReader();
  for (let part = await reader.read(); !part.done; part = await reader.read()) {
    chunks.push(part.value);
    loaded += part.value.length;
    tell(loaded, length || null);
  }
  return new Uint8Array(await new Blob(chunks).arrayBuffer());
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
