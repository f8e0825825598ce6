// The worker: it owns wasm, device and detector, so that they never block the page. It imports the wasm's glue
// statically, for bundlers' sake; Burn's when asked for it.
//
// Messages in: { id, kind: one of CALLS, ... }.
// Messages out: "started", then { id, kind: "progress" | "done" | "failed", ... } or { kind: "crashed", message }.

import { failure, findAdapter, refusal } from "./support.js";
import * as own from "./wasm/ssd-web.js";

const BURN = "./burn/ssd-web-burn.js";
const LARGEST_PX = 8192; // a side that every WebGPU device takes

let adapter; // its name
let runtime; // promises the glue of a wasm that runs
let detector;
let weights;
let direct; // pictures go to the GPU without a canvas
const canvas = new OffscreenCanvas(1, 1);
const pen = canvas.getContext("2d", { willReadFrequently: true });

self.onmessage = ({ data }) => answer(data); // calls overlap

// A panic of the wasm may be outside of any call; it ends the instance.
self.onunhandledrejection = ({ reason }) => postMessage({ kind: "crashed", message: String(reason) });

self.deviceLost = (reason) => postMessage({ kind: "crashed", message: `the GPU was lost: ${reason}` }); // by the wasm

async function answer({ id, kind, ...request }) {
  try {
    const tell = (...progress) => postMessage({ id, kind: "progress", progress });
    postMessage({ id, kind: "done", value: await CALLS[kind](request, tell) });
  } catch (error) {
    postMessage({ id, kind: "failed", name: error.name, message: error.message ?? String(error) });
  }
}

const CALLS = {
  // The wasm is compiled while weights arrive.
  async prepare({ backend, burn }) {
    adapter = backend === "cpu" ? null : await findAdapter();
    runtime = start(burn).catch(async ({ message }) => {
      const why = (await refusal(0)) ?? `${message}: serve the detector's folder whole`;
      throw failure("DeviceLost", `The detector's program did not load (${why}).`);
    });
    runtime.catch(() => {}); // shown by load
  },

  async load({ file, name, options }, tell) {
    tell("runtime", 0, null);
    const { WasmDetector } = await runtime;
    const reader = new FileReaderSync();
    const read = (start, end) => new Uint8Array(reader.readAsArrayBuffer(file.slice(start, end)));
    detector = await WasmDetector.load({ size: file.size, read }, name, adapter, options, tell);
    const converted = detector.takeConverted();
    weights = converted ? new Blob([converted]) : file;
    const { info } = detector;
    direct = info.precision && "copyExternalImageToTexture" in GPUQueue.prototype;
    return info;
  },

  async detect({ picture, options, size = [picture.width, picture.height] }) {
    const start = performance.now();
    const seen = await fitting(picture);
    try {
      const result = await (direct ? detector.detectBitmap(seen, size, options) : detectPixels(seen, size, options));
      result.timing.total = performance.now() - start;
      return result;
    } finally {
      seen.close();
    }
  },

  file: () => weights,

  wasm: ({ name, args }) => detector[name](...args),
};

async function start(burn) {
  const glue = burn ? await import(BURN) : own;
  await glue.default();
  return glue;
}

// Shrinks what no texture takes. Boxes stay in pixels of the whole picture.
async function fitting(picture) {
  const { width, height } = picture;
  if (Math.max(width, height) <= LARGEST_PX) return picture;
  const side = width > height ? "resizeWidth" : "resizeHeight";
  const smaller = createImageBitmap(picture, { [side]: LARGEST_PX, resizeQuality: "high" });
  return smaller.catch((error) => unreadable(picture, error)).finally(() => picture.close());
}

// A reused canvas: frames allocate none.
function detectPixels(picture, size, options) {
  const { width, height } = picture;
  try {
    if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
    pen.clearRect(0, 0, width, height);
    pen.drawImage(picture, 0, 0);
    return detector.detectPixels(pen.getImageData(0, 0, width, height).data, width, height, size, options);
  } catch (error) {
    unreadable(picture, error);
  }
}

function unreadable({ width, height }, { message }) {
  throw failure("SourceInvalid",
    `The picture of ${width} x ${height} pixels could not be read (${message}): use a smaller one.`);
}

postMessage("started");
