// The worker of the lab: it owns the second wasm, which the page loads on demand.
//
// Messages in:  { id, kind: one of CALLS, ... }
// Messages out: "started", then { id, kind: "done", value } or { id, kind: "failed", name, message }.

import init, { WasmLesson, WasmSight } from "./lab/ssd-lab.js";

const runtime = init();
const canvas = new OffscreenCanvas(1, 1);
const pen = canvas.getContext("2d", { willReadFrequently: true });
let lesson = null;
let sight = null;

self.onmessage = async ({ data: { id, kind, ...request } }) => {
  try {
    await runtime;
    const value = await CALLS[kind](request);
    postMessage({ id, kind: "done", value });
  } catch ({ name, message }) {
    postMessage({ id, kind: "failed", name, message });
  }
};

const CALLS = {
  // Starts a lesson from a weights file.
  async teach({ file, options }) {
    lesson = new WasmLesson(new Uint8Array(await file.arrayBuffer()), options);
  },

  // Opens a picture, an ImageBitmap, and returns how many views of it there are.
  open({ picture, boxes, heldOut }) {
    const { width, height } = picture;
    try {
      return lesson.open(pixels(picture), width, height, boxes, heldOut);
    } finally {
      picture.close();
    }
  },

  look: () => lesson.look(),

  step: () => lesson.step(),

  file: () => new Blob([lesson.file()], { type: "application/octet-stream" }),

  measure: () => lesson.measure(),

  // What the lesson's detector finds by now in a picture, an ImageBitmap.
  detect({ picture }) {
    const { width, height } = picture;
    try {
      return lesson.detect(pixels(picture), width, height);
    } finally {
      picture.close();
    }
  },

  // How detections come about. The file comes with the first picture for a model, a picture with its first `params`.
  async see({ file, picture, params }) {
    try {
      if (file) {
        sight?.free();
        sight = null;
        sight = new WasmSight(new Uint8Array(await file.arrayBuffer()));
      }
      if (picture) sight.look(pixels(picture), picture.width, picture.height);
    } finally {
      picture?.close();
    }
    return sight.explain(params);
  },
};

function pixels(picture) {
  const { width, height } = picture;
  Object.assign(canvas, { width, height });
  pen.drawImage(picture, 0, 0);
  return pen.getImageData(0, 0, width, height).data;
}

postMessage("started");
