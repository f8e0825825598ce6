// How one engine is measured: it is loaded, warmed up and run several times on one picture, by the page's wall clock.
// An engine has `detect(picture)` → `{ detections, readbackBytes, timing }`, `info` and `close()`, and
// `networkTimes(count)` if a detection does not show the network's time.

import { Detector } from "./detector.js";
import { describe } from "./support.js";

/** The engines by their names in the address. */
export const ENGINES = {
  own: { title: "Our kernels, f32", load: ours({ backend: "webgpu", precision: "f32" }) },
  "own-f16": { title: "Our kernels, f16", load: ours({ backend: "webgpu", precision: "f16" }), f16: true },
  burn: { title: "Burn, WebGPU", load: ours({ backend: "webgpu", engine: "burn" }) },
  cpu: { title: "CPU, wasm", load: ours({ backend: "cpu" }) },
  "ort-webgpu": { title: "onnxruntime-web, WebGPU", load: theirs("webgpu") },
  "ort-wasm": { title: "onnxruntime-web, wasm", load: theirs("wasm") },
};

function ours(options) {
  return async (plan, { bytes, thresholds }, tell) => {
    const onProgress = ({ stage }) => tell(`loading, ${stage}`);
    const detector = await Detector.load({ ...options, weights: bytes, onProgress });
    return {
      info: detector.info,
      detect: (picture) => detector.detect(picture, thresholds),
      close: () => detector.dispose(),
    };
  };
}

function theirs(provider) {
  return async ({ ort, onnx }, { header, thresholds, decoder }, tell) => {
    if (!ort || !onnx) throw new Error("It needs the folder of onnxruntime-web and the network as ONNX: name both.");
    tell("loading");
    const { openOrt } = await import("./bench-ort.js");
    const at = (path) => new URL(path, document.baseURI);
    const folder = at(ort.endsWith("/") ? ort : `${ort}/`);
    return openOrt({ folder, model: at(onnx), header, provider, thresholds, decoder });
  };
}

/**
 * The picture, the weights' bytes and header, and the thresholds for all engines. `decoder` is a detector of ours that
 * turns the predictions of other runtimes into detections; null if `engines` has none of those.
 */
export async function openInput({ weights, picture, score, engines }) {
  const address = weights || `./models/${(await defaultModel()).file}`;
  const [bytes, image] = await Promise.all([
    download(address).then((response) => response.arrayBuffer()),
    download(`./samples/${picture}`).then((response) => response.blob()).then(createImageBitmap),
  ]);
  const header = readHeader(bytes);
  const { iou, top_k: topK, max: maxDetections } = header;
  const thresholds = { score: score ?? header.score, iou, topK, maxDetections };
  const foreign = engines.some((engine) => engine.startsWith("ort"));
  const decoder = foreign ? await Detector.load({ weights: bytes, backend: "cpu" }) : null;
  return { address, bytes, image, header, thresholds, decoder };
}

/** The entry of the page's own model in models/index.json. */
export async function defaultModel() {
  const { default: name, models } = await download("./models/index.json").then((response) => response.json());
  return models.find((model) => model.name === name);
}

async function download(address) {
  const response = await fetch(address).catch(({ message }) => ({ status: message }));
  if (response.ok) return response;
  throw new Error(`${address} could not be fetched (${response.status}): check the address on this server.`);
}

// A safetensors file begins with the length of its JSON header, which has ours as a text.
function readHeader(bytes) {
  try {
    const length = Number(new DataView(bytes).getBigUint64(0, true));
    const { __metadata__: { ssd } } = JSON.parse(new TextDecoder().decode(new Uint8Array(bytes, 8, length)));
    return JSON.parse(ssd);
  } catch {
    throw new Error("The weights are not a file of this project: use one by `train` or `export-onnx --save-weights`.");
  }
}

/** The times of an engine on this machine (`around`: its `environment`). A failure is a result too, with an `error`. */
export async function measure(engine, around, plan, input, tell) {
  const { title, load, f16 } = ENGINES[engine];
  if (f16 && !around.f16) return { engine, title, error: "The WebGPU adapter has no 16-bit floats." };
  let runner;
  try {
    const start = performance.now();
    runner = await load(plan, input, tell);
    const loadMs = performance.now() - start;
    const once = async () => {
      const start = performance.now();
      const { detections, readbackBytes, timing } = await runner.detect(input.image);
      const total = performance.now() - start;
      return { detections, readbackBytes, times: { ...timing, total, worker: timing.total } };
    };
    const [first] = await repeat(plan.warmup, once, (count) => tell(`warming up, ${count}`));
    const samples = await repeat(plan.runs, once, (count) => tell(`run ${count}`));
    const { detections, readbackBytes } = samples.at(-1);
    const stages = collect(samples.map(({ times }) => times));
    if (runner.networkTimes) {
      tell("the network alone");
      stages.network = statistics(await runner.networkTimes(Math.min(plan.runs, 10)));
    }
    return { engine, title, loadMs, firstMs: first.times.total, stages, detections, readbackBytes, info: runner.info };
  } catch ({ message }) {
    return { engine, title, error: message };
  } finally {
    await runner?.close();
  }
}

async function repeat(count, act, tell) {
  const results = [];
  while (results.length < count) {
    tell(`${results.length + 1} of ${count}`);
    results.push(await act());
  }
  return results;
}

// Statistics of each time that all samples have.
function collect(samples) {
  const names = Object.keys(samples[0]).filter((name) => samples.every((times) => Number.isFinite(times[name])));
  return Object.fromEntries(names.map((name) => [name, statistics(samples.map((times) => times[name]))]));
}

function statistics(times) {
  const sorted = times.toSorted((a, b) => a - b);
  const middle = (sorted.length - 1) / 2;
  const median = (sorted[Math.floor(middle)] + sorted[Math.ceil(middle)]) / 2;
  return { median, p95: sorted[Math.ceil(sorted.length * 0.95) - 1], min: sorted[0] };
}

/** The machine, as far as the browser tells. */
export async function environment() {
  const adapter = await navigator.gpu?.requestAdapter({ powerPreference: "high-performance" }).catch(() => null);
  const features = [...(adapter?.features ?? [])].sort();
  return {
    date: new Date().toISOString(),
    browser: navigator.userAgent,
    cores: navigator.hardwareConcurrency,
    crossOriginIsolated,
    adapter: adapter && describe(adapter),
    f16: features.includes("shader-f16"),
    features,
  };
}
