// The calls of `detect`: when their pictures are read, and which wait. A bounded number of pictures is held, however
// many calls there are, and a live source does not fall behind.

import { failure } from "./support.js";

const SENT = 2; // pictures at the worker: one is computed while the result of the other is read
const HELD = 8; // pictures in all

/** The calls of one detector. `send(picture, options)` takes an ImageBitmap over and promises its result. */
export class Pictures {
  #send;
  #waiting = []; // calls, in order
  #sent = 0;
  #held = 0;
  #tail = Promise.resolve();

  constructor(send) {
    this.#send = send;
  }

  detect(source, options) {
    const key = JSON.stringify(options);
    // A source that waits unread is read later than this call: its result is for both.
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
    this.#waiting.forEach((call) => this.#drop(call, error));
  }

  // What has to wait is read now, since the caller may change or close it meanwhile; but there is an end to what is
  // held. Of a video only the newest frame is of use, and with too many open VideoFrames its camera or decoder stops.
  #prepare(call) {
    const { source } = call;
    if (source?.codedWidth) {
      call.source = call.frame = source.clone();
      this.#waiting.filter(({ frame }) => frame).forEach((older) => this.#drop(older, failure("SourceInvalid",
        "A newer frame took this one's place, since the detector is busy: wait for a result before the next frame.")));
    } else if (source?.videoWidth === undefined && this.#held < HELD) {
      this.#read(call);
    }
  }

  #drop(call, error) {
    this.#waiting = this.#waiting.filter((other) => other !== call);
    call.reject(error);
    call.frame?.close();
    call.picture?.then((picture) => picture.close());
  }

  #read(call) {
    this.#held += 1;
    call.picture = snapshot(call.source);
    call.picture.catch(() => {}).then(() => call.frame?.close()); // reported in its turn
    call.source = null;
  }

  #next() {
    while (this.#sent < SENT && this.#waiting.length) this.#run(this.#waiting.shift());
  }

  async #run(call) {
    this.#sent += 1;
    if (!call.picture) this.#read(call);
    // In an object: the next call waits until this one is sent, not until it is answered.
    const turn = this.#tail.then(() => call.picture).then((picture) => {
      return { answer: this.#send(picture, call.options).catch((error) => {
        picture.close();
        throw error.name === "DataCloneError" ? tainted() : error;
      }) };
    });
    this.#tail = turn.catch(() => {});
    await turn.then(({ answer }) => answer).then(call.resolve, call.reject);
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
