// Weights of every kind as one Blob, which workers read without a copy. Their meaning is not known here.

import { recall, remember, sha256 as sumOf } from "./storage.js";
import { failure, unlessAborted, watchPolicy } from "./support.js";

// Milliseconds that a download outlives its last load: a page that loads anew at once takes it over.
const HELD = 2000;

const downloads = new Map(); // those that loads share, by what was asked for

/**
 * `{ file, name }` from an address (a string or URL), a Blob, or bytes. `tell(loaded, total)` is called with bytes.
 * Rejects with the reason of `signal` once that is aborted.
 */
export async function takeWeights(weights, { sha256, cache }, tell, signal) {
  const policy = watchPolicy("connect-src");
  let which = "given";
  try {
    const source = readable(weights);
    const fetched = typeof source === "string";
    which = fetched ? source : source.name ?? which;
    if (!fetched) tell(source.size, source.size);
    const file = await (fetched ? share(source, sha256, cache ?? true, tell, signal) : check(source, sha256));
    return { file, name: fetched ? source.split(/[?#]/)[0].split("/").pop() : source.name };
  } catch ({ message }) {
    signal?.throwIfAborted();
    const why = (await policy.reason()) ?? `${message}: check address or file`;
    throw failure("WeightsInvalid", `The weights ${which} could not be read (${why}).`);
  } finally {
    policy.stop();
  }
}

// An absolute address, or a Blob. Asks for a type by its name, since it may come from another frame.
function readable(weights) {
  const kind = Object.prototype.toString.call(weights).slice(8, -1);
  if (kind === "String" || kind === "URL") return new URL(weights, globalThis.document?.baseURI ?? location.href).href;
  if (kind === "Blob" || kind === "File") return weights;
  if (kind === "ArrayBuffer" || ArrayBuffer.isView(weights)) return new Blob([weights]);
  throw new Error("neither an address nor an ArrayBuffer nor a Blob");
}

// The file, if its SHA-256 is the expected one. Insecure pages cannot check it.
async function check(file, expected) {
  const found = expected && await sumOf(await file.arrayBuffer());
  if (found && found !== expected) throw new Error("its SHA-256 is wrong");
  return file;
}

// Takes part in the download that runs, or starts it. It ends when nobody takes part.
async function share(url, expected, cache, tell, signal) {
  const key = JSON.stringify([url, expected, cache]);
  let download = downloads.get(key);
  if (!download) {
    const abort = new AbortController();
    download = { listeners: new Set(), last: [0, null], abort };
    const report = (...progress) => {
      download.last = progress;
      download.listeners.forEach((listener) => listener(...progress));
    };
    download.file = fetchWeights(url, expected, cache, report, abort.signal);
    downloads.set(key, download);
  }
  const { file, last, listeners, abort } = download;
  const drop = () => {
    if (downloads.get(key) === download) downloads.delete(key);
    abort.abort();
  };
  listeners.add(tell);
  tell(...last);
  file.catch(drop); // the next load tries anew
  try {
    return await unlessAborted(signal, file);
  } finally {
    listeners.delete(tell);
    setTimeout(() => listeners.size || drop(), HELD);
  }
}

async function fetchWeights(url, expected, cache, tell, signal) {
  const held = cache ? await recall(url, expected) : null;
  // Known content needs no request.
  const response = held && expected ? null : await ask(url, held, signal);
  if (!response) {
    tell(held.size, held.size);
    return held.file;
  }
  if (!response.ok) throw new Error(`the server answered ${response.status}`);
  const file = await check(await drain(response, tell), expected);
  if (cache) await remember({ url, ...validators(response) }, file);
  return file;
}

const validators = ({ headers }) => ({ etag: headers.get("etag"), modified: headers.get("last-modified") });

// The server's response; null if it still has what is held, or is out of reach.
async function ask(url, held, signal) {
  const { etag: old, modified: before } = held ?? {};
  // Another site would have to permit a condition; its response is compared and dropped instead.
  const sameSite = new URL(url).origin === origin;
  const headers = !sameSite ? {} : old ? { "If-None-Match": old } : before ? { "If-Modified-Since": before } : {};
  try {
    const response = await fetch(url, { headers, signal, cache: held ? "no-store" : "no-cache" });
    const { etag, modified } = validators(response);
    const same = old ? old === etag : before && before === modified;
    if (response.status !== 304 && !(response.ok && same)) return response;
    response.body?.cancel();
  } catch (error) {
    if (!held) throw sameSite ? error : new Error("its site is out of reach or does not permit it by CORS");
  }
  return null;
}

// One stream into one file, with the total that the server says.
async function drain({ headers, body }, tell) {
  // A compressing server counts other bytes; another site may hide that it compresses.
  let total = headers.has("content-encoding") ? null : Number(headers.get("content-length")) || null;
  let loaded = 0;
  const parts = [];
  const broken = () => new Error(`the connection broke after ${loaded} bytes`);
  const reader = body.getReader();
  for (;;) {
    const { done, value } = await reader.read().catch(() => { throw broken(); });
    if (done) break;
    parts.push(value);
    loaded += value.length;
    if (loaded > total) total = null;
    tell(loaded, total);
  }
  if (loaded < total) throw broken();
  return new Blob(parts);
}
