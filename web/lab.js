// A worker of the lab (lab-worker.js): calls in, promises out. Teaching has one, and “How SSD sees”.

import { spawn } from "./spawn.js";
import { failure } from "./support.js";

const NAMES = ["WeightsInvalid", "SourceInvalid"]; // what cannot be used. All else is the lab's own: it is over

/**
 * Starts one. `stopped(what)` is the sentence for a lab that crashed; `over()` follows its end, whatever that is.
 * Returns `{ ask, end, ended }`, the last being the error of every further call, or null.
 */
export function openLab(stopped, over = () => {}) {
  const calls = new Map();
  let nextId = 1;
  let ended = null;
  const crash = (what) => failure("DeviceLost", stopped(what));
  const worker = spawn(
    () => new Worker(new URL("./lab-worker.js", import.meta.url), { type: "module" }),
    receive,
    end,
    crash,
  );

  function receive({ id, kind, name, message, value }) {
    const call = calls.get(id);
    if (kind === "failed" && !NAMES.includes(name)) return end(crash(message));
    calls.delete(id);
    if (kind === "done") call?.resolve(value);
    else call?.reject(failure(name, message));
  }

  function end(error) {
    if (ended) return;
    ended = error;
    worker.end();
    calls.forEach(({ reject }) => reject(error));
    calls.clear();
    over();
  }

  return {
    /** Asks for one of the worker's CALLS. Bitmaps to `transfer` are closed if it is too late. */
    ask: (kind, request, transfer = []) => new Promise((resolve, reject) => {
      if (ended) {
        transfer.forEach((picture) => picture.close());
        throw ended;
      }
      const id = nextId++;
      worker.post({ id, kind, ...request }, transfer);
      calls.set(id, { resolve, reject });
    }),
    end,
    get ended() { return ended; },
  };
}
