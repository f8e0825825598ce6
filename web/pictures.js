// The calls of `detect`: few pictures are held, and a live source does not fall behind.

import { failure } from "./support.js";

const SENT = 2; // pictures at the worker: one is computed, the result of the other is read
const HELD = 8; // pictures in all

/** `send(picture, options)` takes an ImageBitmap over and promises its result. */
export function queue(send) {
  let waiting = []; // calls, in order
  let sent = 0;
  let held = 0;
  let last = Promise.resolve();

  function detect(source, options) {
    const key = JSON.stringify(options);
    // It waits unread, so its result is for both.
    const same = waiting.find((call) => call.source === source && call.key === key);
    if (same) return same.result;
    const call = { source, options, key };
    call.result = new Promise((resolve, reject) => Object.assign(call, { resolve, reject }));
    if (sent === SENT) prepare(call);
    waiting.push(call);
    next();
    return call.result;
  }

  // What waits is read now, if there is room: the caller may change it. Of a video only the newest frame is of use, and
  // many open VideoFrames stop their camera.
  function prepare(call) {
    const { source } = call;
    if (source?.codedWidth) {
      call.source = call.frame = source.clone();
      waiting.filter(({ frame }) => frame).forEach((older) => drop(older, failure("SourceInvalid",
        "A newer frame took this one's place: wait for a result before the next frame.")));
    } else if (source?.videoWidth === undefined && held < HELD) {
      read(call);
    }
  }

  function drop(call, error) {
    waiting = waiting.filter((other) => other !== call);
    call.reject(error);
    call.frame?.close();
    call.picture?.then((picture) => picture.close(), () => {});
  }

  function read(call) {
    held += 1;
    call.picture = snapshot(call.source);
    call.picture.catch(() => {}).then(() => call.frame?.close()); // reported in its turn
    call.source = null;
  }

  function next() {
    while (sent < SENT && waiting.length) run(waiting.shift());
  }

  async function run(call) {
    sent += 1;
    if (!call.picture) read(call);
    // In an object: the next call waits until this one is sent, not answered.
    const turn = last.then(() => call.picture).then((picture) => ({
      answer: send(picture, call.options).catch((error) => {
        picture.close();
        throw error.name === "DataCloneError" ? tainted() : error;
      }),
    }));
    last = turn.catch(() => {});
    await turn.then(({ answer }) => answer).then(call.resolve, call.reject);
    sent -= 1;
    held -= 1;
    next();
  }

  return { detect, end: (error) => waiting.forEach((call) => drop(call, error)) };
}

/** The source's pixels now. The browser refuses one without any. */
export async function snapshot(source) {
  try {
    if (source.complete === false) throw new Error("still loading");
    // A video has no pixels while it seeks.
    while (source.seeking) await new Promise((done) => setTimeout(done, 10));
    return await createImageBitmap(source);
  } catch (error) {
    if (error.name === "SecurityError") throw tainted();
    throw failure("SourceInvalid", "The picture has no pixels to read: wait until it has loaded, or use another one.");
  }
}

export function tainted() {
  return failure("SourceInvalid", "The picture's site does not let other pages read it: serve the picture with CORS.");
}
