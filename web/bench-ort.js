// The opponent: onnxruntime-web with the best settings it has, for the page that measures. This is measuring equipment.
// Around the network it has to do in JavaScript what everybody does with it: pixels in, priors, softmax and NMS out, by the
// same rules as ours, so that both sides do the same work. Our own detector computes no box in JavaScript.

/**
 * Loads the runtime from `folder` and the network from `model` (URLs). `header` is what the weights file says of itself,
 * `provider` "webgpu" or "wasm". On WebGPU: NHWC, inputs and outputs bound to buffers, the graph captured where it can be.
 */
export async function openOrt({ folder, model, header, provider, thresholds }) {
  const runtime = await loadRuntime(folder, provider);
  const bytes = await fetch(model).then((response) => (response.ok ? response.arrayBuffer() : null), () => null);
  if (!bytes) throw new Error(`${model} could not be fetched: check the address; it has to be on this server.`);
  const sizes = { image: header.input_size, priors: listPriors(header.priors), classes: header.labels.length + 1 };
  const network = await (provider === "webgpu" ? openOnGpu : openOnCpu)(runtime, new Uint8Array(bytes), sizes);
  const prepare = preprocessor(header);
  const finish = postprocessor(header, sizes.priors, thresholds);
  return {
    info: { runtime: runtime.env.versions?.web ?? "", precision: "f32", settings: network.settings },
    networkTimes: network.times,
    close: network.close,
    async detect(picture) {
      const start = performance.now();
      const pixels = prepare(picture);
      const prepared = performance.now();
      return network.run(pixels, (offsets, logits) => {
        const predicted = performance.now();
        const detections = finish(offsets, logits, picture);
        const end = performance.now();
        const timing = { preprocess: prepared - start, inference: predicted - prepared, postprocess: end - predicted };
        return { detections, readbackBytes: network.readbackBytes, timing };
      });
    },
  };
}

async function loadRuntime(folder, provider) {
  const file = provider === "webgpu" ? "ort.webgpu.min.mjs" : "ort.wasm.min.mjs";
  const runtime = await import(new URL(file, folder).href).catch(() => {
    throw new Error(`${folder} holds no ${file}: name the dist folder of onnxruntime-web, on this server.`);
  });
  Object.assign(runtime.env.wasm, { wasmPaths: folder.href, numThreads: crossOriginIsolated ? navigator.hardwareConcurrency : 1 });
  if (runtime.env.webgpu) runtime.env.webgpu.powerPreference = "high-performance";
  return runtime;
}

// ---- the network

async function openOnCpu(runtime, bytes, { image }) {
  const session = await runtime.InferenceSession.create(bytes, { executionProviders: ["wasm"], graphOptimizationLevel: "all" });
  return {
    readbackBytes: 0,
    settings: `wasm, ${runtime.env.wasm.numThreads} thread(s)`,
    close: () => session.release(),
    async run(pixels, use) {
      const { offsets, logits } = await session.run({ image: new runtime.Tensor("float32", pixels, [1, 3, image, image]) });
      return use(offsets.data, logits.data);
    },
  };
}

async function openOnGpu(runtime, bytes, sizes) {
  try {
    return await bindToGpu(runtime, bytes, sizes, true);
  } catch (error) {
    // A graph with a node that falls back to the CPU cannot be captured.
    const network = await bindToGpu(runtime, bytes, sizes, false);
    return { ...network, settings: `${network.settings} (${error.message})` };
  }
}

async function bindToGpu(runtime, bytes, { image, priors, classes }, enableGraphCapture) {
  const session = await runtime.InferenceSession.create(bytes, {
    executionProviders: [{ name: "webgpu", preferredLayout: "NHWC" }],
    graphOptimizationLevel: "all",
    preferredOutputLocation: "gpu-buffer",
    enableGraphCapture,
  });
  const device = await runtime.env.webgpu.device;
  const { STORAGE, COPY_SRC, COPY_DST, MAP_READ } = GPUBufferUsage;
  const bound = (dims) => {
    const size = 4 * dims.reduce((product, side) => product * side, 1);
    const buffer = device.createBuffer({ size, usage: STORAGE | COPY_SRC | COPY_DST });
    return { size, buffer, tensor: runtime.Tensor.fromGpuBuffer(buffer, { dataType: "float32", dims }) };
  };
  const input = bound([1, 3, image, image]);
  const [offsets, logits] = [bound([1, priors.length, 4]), bound([1, priors.length, classes])];
  const readable = device.createBuffer({ size: offsets.size + logits.size, usage: MAP_READ | COPY_DST });
  const launch = () => session.run({ image: input.tensor }, { offsets: offsets.tensor, logits: logits.tensor });

  const network = {
    readbackBytes: readable.size,
    settings: `WebGPU, NHWC, bound buffers, graph ${enableGraphCapture ? "" : "not "}captured`,
    async run(pixels, use) {
      device.queue.writeBuffer(input.buffer, 0, pixels);
      await launch();
      const encoder = device.createCommandEncoder();
      encoder.copyBufferToBuffer(offsets.buffer, 0, readable, 0, offsets.size);
      encoder.copyBufferToBuffer(logits.buffer, 0, readable, offsets.size, logits.size);
      device.queue.submit([encoder.finish()]);
      await readable.mapAsync(GPUMapMode.READ);
      const numbers = new Float32Array(readable.getMappedRange());
      const result = use(numbers.subarray(0, offsets.size / 4), numbers.subarray(offsets.size / 4));
      readable.unmap();
      return result;
    },
    // Runs in a row with one wait, so that the time to launch hides behind the one before, as in a stream of pictures.
    async times(count) {
      const together = async (runs) => {
        const start = performance.now();
        for (let run = 0; run < runs; run += 1) await launch();
        await device.queue.onSubmittedWorkDone();
        return (performance.now() - start) / runs;
      };
      const runs = Math.min(20, Math.max(1, Math.round(200 / await together(1))));
      const times = [];
      while (times.length < count) times.push(await together(runs));
      return times;
    },
    async close() {
      for (const { buffer } of [input, offsets, logits]) buffer.destroy();
      readable.destroy();
      await session.release();
    },
  };
  try {
    // The first run compiles, the second may capture: a refusal shows here.
    for (let run = 0; run < 2; run += 1) await network.run(new Float32Array(input.size / 4), () => {});
    return network;
  } catch (error) {
    await network.close();
    throw error;
  }
}

// ---- pixels in

/** A picture to `[3, S, S]`: two-tap bilinear with half-pixel centres, then `(value - mean) / std`. */
export function preprocessor({ input_size: size, normalization: { mean, std } }) {
  const canvas = new OffscreenCanvas(1, 1);
  const pen = canvas.getContext("2d", { willReadFrequently: true });
  const planes = new Float32Array(3 * size * size);
  let [columns, rows] = [[], []];
  return (picture) => {
    const { width, height } = picture;
    if (canvas.width !== width || canvas.height !== height || !rows.length) {
      Object.assign(canvas, { width, height });
      [columns, rows] = [taps(width, size, 4), taps(height, size, 4 * width)];
    }
    pen.drawImage(picture, 0, 0);
    const { data } = pen.getImageData(0, 0, width, height);
    let at = 0;
    for (const row of rows) {
      for (const column of columns) {
        for (let c = 0; c < 3; c += 1) {
          const [upper, lower] = [row.first + c, row.second + c];
          const top = data[upper + column.first] + (data[upper + column.second] - data[upper + column.first]) * column.share;
          const bottom = data[lower + column.first] + (data[lower + column.second] - data[lower + column.first]) * column.share;
          planes[c * size * size + at] = (top + (bottom - top) * row.share - mean[c]) / std[c];
        }
        at += 1;
      }
    }
    return planes;
  };
}

// Where the two taps of each output position lie, in bytes, and the share of the second.
function taps(source, target, stride) {
  return Array.from({ length: target }, (_, index) => {
    const position = Math.max(0, ((index + 0.5) * source) / target - 0.5);
    const first = Math.min(source - 1, Math.floor(position));
    return { first: first * stride, second: Math.min(source - 1, first + 1) * stride, share: position - first };
  });
}

// ---- boxes out

/** All priors as `[cx, cy, w, h]`, in the order of the network's rows. */
export function listPriors({ levels, clip }) {
  const limit = (value, clips) => (clips ? Math.min(1, Math.max(0, value)) : value);
  return levels.flatMap(({ grid, step, size, next_size: next, ratios }) => {
    const large = Math.sqrt(size * next);
    const sides = [[size, size], [large, large]];
    for (const ratio of ratios) {
      const [long, short] = [size * Math.sqrt(ratio), size / Math.sqrt(ratio)];
      sides.push([long, short], [short, long]);
    }
    const centre = (index) => limit((index + 0.5) * (step ?? 1 / grid), clip === "all");
    return Array.from({ length: grid * grid }, (_, cell) => [centre(cell % grid), centre(Math.floor(cell / grid))]).flatMap(
      ([cx, cy]) => sides.map(([w, h]) => [cx, cy, limit(w, clip !== "none"), limit(h, clip !== "none")]),
    );
  });
}

/** Predictions to detections: softmax, threshold, the best of each class, NMS, the best of all. */
export function postprocessor({ labels, priors: { variances } }, priors, { score, iou, topK, maxDetections }) {
  const classes = labels.length + 1;
  // No class can pass the threshold that is not so far above the background: spares most priors the softmax.
  const margin = Math.log(score / (1 - score));
  return (offsets, logits, { width, height }) => {
    const found = Array.from({ length: classes }, () => []);
    for (let prior = 0; prior < priors.length; prior += 1) {
      const row = prior * classes;
      let top = -Infinity;
      for (let c = 1; c < classes; c += 1) top = Math.max(top, logits[row + c]);
      if (top - logits[row] <= margin) continue;
      top = Math.max(top, logits[row]);
      let sum = 0;
      for (let c = 0; c < classes; c += 1) sum += Math.exp(logits[row + c] - top);
      for (let c = 1; c < classes; c += 1) {
        const share = Math.exp(logits[row + c] - top) / sum;
        if (share > score) found[c].push({ score: share, classIndex: c, prior });
      }
    }
    const better = (a, b) => b.score - a.score || a.classIndex - b.classIndex || a.prior - b.prior;
    const kept = found.flatMap((candidates) => {
      const best = candidates.sort(better).slice(0, topK);
      for (const candidate of best) candidate.corners = decode(priors[candidate.prior], offsets, candidate.prior * 4, variances);
      return suppress(best, iou, maxDetections);
    });
    return kept.sort(better).slice(0, maxDetections).map(({ score, classIndex, corners: [x1, y1, x2, y2] }) => ({
      label: labels[classIndex - 1],
      classIndex,
      score,
      box: { x: x1 * width, y: y1 * height, width: (x2 - x1) * width, height: (y2 - y1) * height },
    }));
  };
}

// ln(1000 / 16), as everywhere: keeps a wild network's boxes finite.
const LARGEST_EXPONENT = 4.1351666;

function decode([cx, cy, w, h], offsets, at, variances) {
  const x = cx + offsets[at] * variances.center * w;
  const y = cy + offsets[at + 1] * variances.center * h;
  const half = (side, offset) => (side * Math.exp(Math.min(LARGEST_EXPONENT, offset * variances.size))) / 2;
  const [right, down] = [half(w, offsets[at + 2]), half(h, offsets[at + 3])];
  return [x - right, y - down, x + right, y + down].map((value) => Math.min(1, Math.max(0, value)));
}

function suppress(candidates, iou, most) {
  const kept = [];
  for (const candidate of candidates) {
    if (kept.length === most) break;
    if (!kept.some(({ corners }) => overlapping(corners, candidate.corners, iou))) kept.push(candidate);
  }
  return kept;
}

function overlapping([ax1, ay1, ax2, ay2], [bx1, by1, bx2, by2], iou) {
  const both = Math.max(0, Math.min(ax2, bx2) - Math.max(ax1, bx1)) * Math.max(0, Math.min(ay2, by2) - Math.max(ay1, by1));
  return both > iou * ((ax2 - ax1) * (ay2 - ay1) + (bx2 - bx1) * (by2 - by1) - both);
}
