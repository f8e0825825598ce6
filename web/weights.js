// Weights of every kind as one Blob, which workers read without a copy. Loads of one address at a time share its
// download, which a worker of its own does, since a large file would block the page.

import { spawn } from "./spawn.js";
import { failure, unlessAborted } from "./support.js";

// Milliseconds that a download is held after its last load ended: a page that loads anew at once takes it over.
const HELD = 2000;

const downloads = new Map(); // by what was asked for

/**
 * The weights as `{ file, name }`, from an address (a string or URL), a Blob, or bytes. `tell` is called with the
 * progress in bytes. Rejects with the reason of `signal` once that is aborted.
 */
export async function takeWeights(weights, { sha256, cache }, tell, signal) {
  const source = readable(weights);
  const fetched = typeof source === "string";
  const name = fetched ? source.split(/[?#]/)[0].split("/").pop() : weights.name;
  if (!fetched && !sha256) {
    tell("weights", source.size, source.size);
    return { file: source, name };
  }
  const request = { weights: source, sha256: sha256 ?? null, cache: cache ?? true };
  // Blobs are not shared: two of them look alike as a key.
  const key = fetched ? JSON.stringify(request) : Symbol(name);
  if (!downloads.has(key)) downloads.set(key, download(key, request));
  return { file: await downloads.get(key)(tell, signal), name };
}

// An absolute address, or a Blob. Asks for a type by its name, since it may come from another frame.
function readable(weights) {
  const kind = Object.prototype.toString.call(weights).slice(8, -1);
  try {
    if (kind === "String" || kind === "URL") {
      return new URL(weights, globalThis.document?.baseURI ?? location.href).href;
    }
    if (kind === "Blob" || kind === "File") return weights;
    if (kind === "ArrayBuffer" || ArrayBuffer.isView(weights)) return new Blob([weights]);
  } catch ({ message }) {
    throw failure("WeightsInvalid", `The weights ${weights} cannot be read (${message}): check their address.`);
  }
  throw failure("WeightsInvalid", "The weights are neither an address nor a file: give a URL, ArrayBuffer or Blob.");
}

// Starts a download. Returns the function by which a load takes part in it.
function download(key, request) {
  const listeners = new Set();
  let last = null;
  let worker = null;
  const drop = () => {
    if (downloads.get(key) === join) downloads.delete(key);
    worker?.end();
  };
  const file = new Promise((resolve, reject) => {
    const receive = ({ progress, name, message, blob }) => {
      if (progress) {
        last = progress;
        return listeners.forEach((tell) => tell(...last));
      }
      worker.end();
      return blob ? resolve(blob) : reject(failure(name, message));
    };
    worker = spawn(() => new Worker(new URL("./download.js", import.meta.url), { type: "module" }), receive, reject);
    worker.post(request);
  });
  file.catch(drop); // the next load tries anew
  return join;

  async function join(tell, signal) {
    listeners.add(tell);
    if (last) tell(...last);
    try {
      return await unlessAborted(signal, file);
    } finally {
      listeners.delete(tell);
      setTimeout(() => listeners.size || drop(), HELD);
    }
  }
}
