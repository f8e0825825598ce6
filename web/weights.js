// Weights of every kind as a Blob, which a worker reads without a copy. Their meaning is not known here.

import { recall, remember, sha256 as sumOf } from "./storage.js";
import { absolute, failure, refusal } from "./support.js";

const HELD = 2000; // ms that a download outlives its last load: one that comes at once takes it over
const downloads = new Map(); // by what was asked for

/** `{ file, name }` from an address, a Blob, or bytes, until `aborted` rejects. `tell(loaded, total)` counts bytes. */
export async function takeWeights(weights, { sha256, cache }, tell, aborted) {
  const start = performance.now();
  let which = "given";
  try {
    const source = readable(weights);
    const { size, name } = source;
    which = name ?? source.href ?? which;
    if (source.href) return await share(source, sha256, cache ?? true, tell, aborted);
    tell(size, size);
    return { file: await check(source, sha256), name };
  } catch ({ message }) {
    const why = (await refusal(start)) ?? `${message}: check address or file`;
    throw failure("WeightsInvalid", `The weights ${which} could not be read (${why}).`);
  }
}

// A URL or a Blob. Asks for a type by its name, since it may come from another frame.
function readable(weights) {
  const kind = Object.prototype.toString.call(weights).slice(8, -1);
  if (kind === "String" || kind === "URL") return absolute(weights);
  if (kind === "Blob" || kind === "File") return weights;
  if (kind === "ArrayBuffer" || ArrayBuffer.isView(weights)) return new Blob([weights]);
  throw new Error("neither address nor ArrayBuffer nor Blob");
}

// The file, if its SHA-256 is as expected.
async function check(file, expected) {
  const found = expected && await sumOf(await file.arrayBuffer());
  if (found && found !== expected) throw new Error("its SHA-256 is wrong");
  return file;
}

// Takes part in a download, which ends when nobody does any more.
async function share({ href, pathname }, expected, cache, tell, aborted) {
  const key = JSON.stringify([href, expected, cache]);
  const download = downloads.get(key) ?? { listeners: new Set(), last: [0, null], abort: new AbortController() };
  const { listeners, abort } = download;
  const drop = () => {
    if (downloads.get(key) === download) downloads.delete(key);
    abort.abort();
  };
  const report = (...bytes) => {
    download.last = bytes;
    for (const listener of listeners) listener(...bytes);
  };
  listeners.add(tell);
  tell(...download.last);
  downloads.set(key, download);
  download.file ??= fetchWeights(href, expected, cache, report, abort.signal);
  download.file.catch(drop); // the next load tries anew
  try {
    return { file: await Promise.race([aborted, download.file]), name: pathname.split("/").pop() };
  } finally {
    listeners.delete(tell);
    setTimeout(() => listeners.size || drop(), HELD);
  }
}

async function fetchWeights(url, expected, cache, tell, signal) {
  const held = cache ? await recall(url, expected) : null;
  const response = held && expected ? null : await ask(url, held, signal); // known content needs no request
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
  const far = new URL(url).origin !== origin;
  const headers = far ? {} : old ? { "If-None-Match": old } : before ? { "If-Modified-Since": before } : {};
  try {
    const response = await fetch(url, { headers, signal, cache: held ? "no-store" : "no-cache" });
    const { etag, modified } = validators(response);
    const same = old ? old === etag : before && before === modified;
    if (response.status !== 304 && !(response.ok && same)) return response;
    response.body?.cancel();
  } catch (error) {
    if (!held) throw far ? new Error("its site is out of reach or does not permit it by CORS") : error;
  }
  return null;
}

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
