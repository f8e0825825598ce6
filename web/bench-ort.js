// The competitor on the measuring page: onnxruntime-web with its best settings. It runs the network. The pixels are
// prepared here, in JavaScript; `decoder`, a detector of ours on the CPU, turns the predictions into detections.

/**
 * Loads the runtime from `folder` and the network from `model` (URLs). `header` is that of the weights file, `provider`
 * is "webgpu" or "wasm". On WebGPU: NHWC, inputs and outputs bound to buffers, the graph captured if possible.
 */
export async function openOrt({ folder, model, header, provider, thresholds, decoder }) {
  const runtime = await loadRuntime(folder, provider);
  const bytes = await fetch(model).then((response) => (response.ok ? response.arrayBuffer() : null), () => null);
  if (!bytes) throw new Error(`${model} could not be fetched: check the address on this server.`);
  const sizes = { image: header.input_size, priors: decoder.info.priors, classes: header.labels.length + 1 };
  const network = await (provider === "webgpu" ? openOnGpu : openOnCpu)(runtime, new Uint8Array(bytes), sizes);
  const prepare = preprocessor(header);
  return {
    info: { runtime: runtime.env.versions?.web ?? "", precision: "f32", settings: network.settings },
    networkTimes: network.times,
    close: network.close,
    async detect(picture) {
      const start = performance.now();
      const pixels = prepare(picture);
      const prepared = performance.now();
      const predictions = await network.run(pixels);
      const predicted = performance.now();
      const { width, height } = picture;
      const result = await decoder.decode({ ...predictions, width, height }, thresholds);
      const { detections, timing: { postprocess } } = result;
      const timing = { preprocess: prepared - start, inference: predicted - prepared, postprocess };
      return { detections, readbackBytes: network.readbackBytes, timing };
    },
  };
}

async function loadRuntime(folder, provider) {
  const file = provider === "webgpu" ? "ort.webgpu.min.mjs" : "ort.wasm.min.mjs";
  const runtime = await import(new URL(file, folder).href).catch(() => {
    throw new Error(`${folder} holds no ${file}: name the dist folder of onnxruntime-web, on this server.`);
  });
  const numThreads = crossOriginIsolated ? navigator.hardwareConcurrency : 1;
  Object.assign(runtime.env.wasm, { wasmPaths: folder.href, numThreads });
  if (runtime.env.webgpu) runtime.env.webgpu.powerPreference = "high-performance";
  return runtime;
}

// ---- the network

async function openOnCpu(runtime, bytes, { image }) {
  const options = { executionProviders: ["wasm"], graphOptimizationLevel: "all" };
  const session = await runtime.InferenceSession.create(bytes, options);
  return {
    readbackBytes: 0,
    settings: `wasm, ${runtime.env.wasm.numThreads} thread(s)`,
    close: () => session.release(),
    async run(pixels) {
      const tensor = new runtime.Tensor("float32", pixels, [1, 3, image, image]);
      const { offsets, logits } = await session.run({ image: tensor });
      return { offsets: offsets.data, logits: logits.data };
    },
  };
}

async function openOnGpu(runtime, bytes, sizes) {
  try {
    return await bindToGpu(runtime, bytes, sizes, true);
  } catch (error) {
    // A graph cannot be captured if one of its nodes falls back to the CPU.
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
  const [offsets, logits] = [bound([1, priors, 4]), bound([1, priors, classes])];
  const readable = device.createBuffer({ size: offsets.size + logits.size, usage: MAP_READ | COPY_DST });
  const launch = () => session.run({ image: input.tensor }, { offsets: offsets.tensor, logits: logits.tensor });

  const network = {
    readbackBytes: readable.size,
    settings: `WebGPU, NHWC, bound buffers, graph ${enableGraphCapture ? "" : "not "}captured`,
    async run(pixels) {
      device.queue.writeBuffer(input.buffer, 0, pixels);
      await launch();
      const encoder = device.createCommandEncoder();
      encoder.copyBufferToBuffer(offsets.buffer, 0, readable, 0, offsets.size);
      encoder.copyBufferToBuffer(logits.buffer, 0, readable, offsets.size, logits.size);
      device.queue.submit([encoder.finish()]);
      await readable.mapAsync(GPUMapMode.READ);
      const numbers = new Float32Array(readable.getMappedRange());
      const predictions = { offsets: numbers.slice(0, offsets.size / 4), logits: numbers.slice(offsets.size / 4) };
      readable.unmap();
      return predictions;
    },
    // Several runs and one wait, so that a launch overlaps the run before it, as in a stream of pictures.
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
    // The first run compiles, the second may capture; a refusal shows here.
    for (let run = 0; run < 2; run += 1) await network.run(new Float32Array(input.size / 4));
    return network;
  } catch (error) {
    await network.close();
    throw error;
  }
}

// ---- the pixels

const mix = (a, b, share) => a + (b - a) * share;

// A picture as `[3, S, S]`: two-tap bilinear with half-pixel centres, then `(value - mean) / std`.
function preprocessor({ input_size: size, normalization: { mean, std } }) {
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
          const top = mix(data[upper + column.first], data[upper + column.second], column.share);
          const bottom = mix(data[lower + column.first], data[lower + column.second], column.share);
          planes[c * size * size + at] = (mix(top, bottom, row.share) - mean[c]) / std[c];
        }
        at += 1;
      }
    }
    return planes;
  };
}

// The byte offsets of the two taps of each output position, and the share of the second.
function taps(source, target, stride) {
  return Array.from({ length: target }, (_, index) => {
    const position = Math.max(0, ((index + 0.5) * source) / target - 0.5);
    const first = Math.min(source - 1, Math.floor(position));
    return { first: first * stride, second: Math.min(source - 1, first + 1) * stride, share: position - first };
  });
}
