// Large pictures in overlapping windows: each goes through the detector like a picture. The wasm says where they are
// and joins what is found in them; no box is computed here. The detector loads this module when it is asked for tiles.

import { snapshot, tainted } from "./pictures.js";
import { failure } from "./support.js";

const SENT = 2; // windows at the worker: one is computed, the next one is on its way

/** `Detector.detect` with `tiles`. `plain` are all options as they can be sent, `ask` calls the worker. */
export async function detect(source, { signal, onProgress }, plain, ask) {
  const { tiles, signal: _, onProgress: __, ...options } = plain;
  signal?.throwIfAborted();
  const start = performance.now();
  const picture = await snapshot(source);
  const lanes = [];
  let next = 0;
  try {
    const size = [picture.width, picture.height];
    const wasm = (name, ...args) => ask("wasm", { name, args });
    const see = (part, more) => ask("detect", { picture: part, options, ...more }, [part]).catch((error) => {
      throw error.name === "DataCloneError" ? tainted() : error;
    });
    const sides = await wasm("windows", size, String(tiles));
    const count = sides.length / 4;
    if (!count) return await see(picture);
    const found = Array.from({ length: count + 1 }, () => []);
    const sum = counter();
    let done = 0;

    async function look(part, index) {
      const result = await see(part, { size: [1, 1] }).finally(() => part.close());
      signal?.throwIfAborted();
      sum.add(result);
      found[index] = result.detections.flatMap(({ classIndex, score, box: { x, y, width, height } }) =>
        [index, classIndex, score, x, y, width, height]);
      done += 1;
      onProgress?.({ done, total: count + 1 });
    }

    async function lane() {
      while (next < count) {
        const index = next++;
        await look(await cut(picture, sides.subarray(4 * index, 4 * index + 4)), index);
      }
    }

    while (lanes.length < SENT) lanes.push(lane());
    await Promise.all(lanes);
    await look(picture, count); // the last one, as it is given away
    const result = await wasm("join", Float32Array.from(found.flat()), sides, size, options);
    return { ...result, ...sum.all(performance.now() - start) };
  } finally {
    next = Infinity;
    await Promise.allSettled(lanes);
    picture.close();
  }
}

function cut(picture, [x, y, width, height]) {
  return createImageBitmap(picture, x, y, width, height).catch(({ message }) => {
    throw failure("SourceInvalid", `A part of the picture could not be read (${message}): use a smaller one.`);
  });
}

// What all windows took: times of the device, bytes, candidates.
function counter() {
  const spent = { preprocess: 0, network: 0, postprocess: 0 };
  let [readbackBytes, candidates, memory] = [0, null, null];
  return {
    add(result) {
      for (const stage of Object.keys(spent)) spent[stage] += result.timing[stage];
      readbackBytes += result.readbackBytes;
      if (result.candidates !== null) candidates += result.candidates;
      memory = result.memory;
    },
    all(total) {
      const readback = Math.max(0, total - spent.preprocess - spent.network - spent.postprocess);
      return { timing: { ...spent, readback, total }, readbackBytes, candidates, memory };
    },
  };
}
