// The calls of `detect`: which pictures are read when, and which wait. However many calls there are, a bounded number
// of pictures is held, and a live source does not fall behind.

import { failure } from "./support.js";

const SENT = 2; // pictures at the worker: one is computed while the result of the other is read
const HELD = 8; // pictures in all

/** The calls of one detector. `send(picture, options)` promises the result for an ImageBitmap, which it takes over. */
export class Pictures {
  #send;
  #waiting = []; // calls, in order
  #sent = 0;
  #held = 0;
  #tail = Promise.resolve();

  constructor(send) {
    this.#send = send;
  }

  /** Promises the result for a source. */
  detect(source, options) {
    const key = JSON.stringify(options);
    // One that waits unread will be read as it is then: both calls get that result.
    const same = this.#waiting.find((call) => call.source === source && call.key === key);
    if (same) return same.result;
    const call = { source, options, key };
    call.result = new Promise((resolve, reject) => Object.assign(call, { resolve, reject }));
    if (this.#sent === SENT) this.#prepare(call);
    this.#waiting.push(call);
    this.#next();
    return call.result;
  }

  /** Rejects the calls that wait. */
  end(error) {
    for (const { reject, frame, picture } of this.#waiting.splice(0)) {
      reject(error);
      frame?.close();
      picture?.then((bitmap) => bitmap.close());
    }
  }

  // A call that has to wait. Its source is read now, since the caller may change or close it meanwhile; but of a video
  // only the newest frame is of use, and there is an end to what is held.
  #prepare(call) {
    const kind = Object.prototype.toString.call(call.source);
    if (kind === "[object VideoFrame]") return this.#replaceFrame(call);
    if (kind !== "[object HTMLVideoElement]" && this.#held < HELD) this.#read(call);
  }

  // A VideoFrame keeps its decoder or camera waiting, so that only the newest waits.
  #replaceFrame(call) {
    const [older] = this.#waiting.splice(this.#waiting.findIndex(({ frame }) => frame) >>> 0, 1);
    older?.frame.close();
    older?.reject(failure("SourceInvalid",
      "A newer frame took this one's place, since the detector is busy: wait for a result before the next frame."));
    try {
      call.source = call.frame = call.source.clone();
    } catch { /* It is closed, and reading it will say so. */ }
  }

  #read(call) {
    this.#held += 1;
    call.picture = snapshot(call.source);
    call.picture.catch(() => {}).then(() => call.frame?.close()); // a failure is reported in its turn
    call.source = null;
  }

  #next() {
    while (this.#sent < SENT && this.#waiting.length) this.#run(this.#waiting.shift());
  }

  async #run(call) {
    this.#sent += 1;
    if (!call.picture) this.#read(call);
    const turn = this.#tail.then(async () => {
      const picture = await call.picture;
      // In an object: the next call waits until this one is sent, not until it is answered.
      return { picture, answer: this.#send(picture, call.options) };
    });
    this.#tail = turn.catch(() => {});
    try {
      const { picture, answer } = await turn;
      call.resolve(await answer.catch((error) => {
        picture.close();
        throw error.name === "DataCloneError" ? tainted() : error;
      }));
    } catch (error) {
      call.reject(error);
    }
    this.#sent -= 1;
    this.#held -= 1;
    this.#next();
  }
}

// The source's pixels now. The browser refuses one without any, such as a video before its first frame.
async function snapshot(source) {
  try {
    if (source.complete === false) throw new Error("still loading");
    return await createImageBitmap(source);
  } catch (error) {
    if (error.name === "SecurityError") throw tainted();
    throw failure("SourceInvalid", "The picture has no pixels to read: wait until it has loaded, or use another one.");
  }
}

function tainted() {
  return failure("SourceInvalid", "The picture's site does not let other pages read it: serve the picture with CORS.");
}
