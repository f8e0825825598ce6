// Canvases as a WebM file, by the browser's own encoder.

import { webm } from "./webm.js";

const KEY = 2; // seconds from one key frame to the next: where a player can go at once

const configuration = (width, height) => ({ codec: "vp8", width, height, bitrate: Math.max(1e6, width * height * 5) });

/** Whether this browser can. */
export async function canRecord(width, height) {
  const answer = globalThis.VideoEncoder?.isConfigSupported(configuration(width, height));
  return Boolean((await answer?.catch(() => null))?.supported);
}

/** Records frames of this size. */
export function record(width, height) {
  const file = webm(width, height);
  let failure = null;
  let key = -Infinity;
  const encoder = new VideoEncoder({ output: (chunk) => file.add(chunk), error: (error) => { failure = error; } });
  encoder.configure(configuration(width, height));

  return {
    /** Takes a canvas as the frame from `time` on, in seconds. */
    async add(canvas, time) {
      if (failure) throw new Error(`The video could not be recorded (${failure.message}): save without it.`);
      const frame = new VideoFrame(canvas, { timestamp: Math.round(time * 1e6) });
      const keyFrame = time - key >= KEY;
      if (keyFrame) key = time;
      encoder.encode(frame, { keyFrame });
      frame.close();
      // The encoder holds the frames that wait for it.
      while (encoder.encodeQueueSize > 4) await new Promise((resolve) => setTimeout(resolve, 5));
    },

    async end(duration) {
      await encoder.flush();
      encoder.close();
      return file.file(duration);
    },

    cancel: () => encoder.state !== "closed" && encoder.close(),
  };
}
