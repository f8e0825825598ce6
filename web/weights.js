// Weights of every kind as a Blob, which a worker reads without a copy.

import { CACHED, CACHED_FROM, absolute, failure, refusal } from "./support.js";

const HELD = 2000; // ms that a download outlives its last load, for one that comes at once
const TRIES = 5; // to go on with a download that broke off
const downloads = new Map(); // by what was asked for

/** `{ file, name }` from an address, a Blob, or bytes, until `aborted` rejects. `tell(loaded, total)` counts bytes. */
export async function takeWeights(weights, { sha256, cache }, tell, aborted) {
  const start = performance.now();
  let which = "given";
  try {
    const source = readable(weights);
    const { href, size, name = source.pathname?.split("/").pop() } = source;
    which = href ?? name ?? which;
    if (!href) tell(size, size);
    return { file: await (href ? share(href, sha256, cache ?? true, tell, aborted) : verified(source, sha256)), name };
  } catch ({ message }) {
    const why = (await refusal(start)) ?? `${message}: check address or file`;
    throw failure("WeightsInvalid", `The weights ${which} could not be read (${why}).`);
  }
}

// A URL or a Blob. Types are asked for by name: it may come from another frame.
function readable(weights) {
  const kind = Object.prototype.toString.call(weights).slice(8, -1);
  if (kind === "String" || kind === "URL") return absolute(weights);
  if (kind === "Blob" || kind === "File") return weights;
  if (kind === "ArrayBuffer" || ArrayBuffer.isView(weights)) return new Blob([weights]);
  throw new Error("neither address nor ArrayBuffer nor Blob");
}

async function verified(file, expected) {
  const found = expected && await (await storage()).sha256(await file.arrayBuffer());
  if (found && found !== expected) throw new Error("its SHA-256 is wrong");
  return file;
}

// Takes part in a download, which ends with its last load.
async function share(url, expected, cache, tell, aborted) {
  const key = JSON.stringify([url, expected, cache]);
  const download = downloads.get(key) ?? { listeners: new Set(), abort: new AbortController() };
  const { listeners, abort } = download;
  const drop = () => {
    if (downloads.get(key) === download) downloads.delete(key);
    abort.abort();
  };
  const report = (...bytes) => listeners.forEach((listener) => listener(...bytes));
  listeners.add(tell);
  tell(0, null);
  downloads.set(key, download);
  download.file ??= fetchWeights(url, expected, cache, report, abort.signal);
  download.file.catch(drop); // the next load tries anew
  try {
    return await Promise.race([aborted, download.file]);
  } finally {
    listeners.delete(tell);
    setTimeout(() => listeners.size || drop(), HELD);
  }
}

async function fetchWeights(url, expected, cache, tell, signal) {
  const held = cache && await recall(url, expected).catch(() => null);
  const response = held && expected ? null : await ask(url, held, signal); // known content needs no request
  if (!response) {
    tell(held.size, held.size);
    return held.file;
  }
  if (!response.ok) throw new Error(`the server answered ${response.status}`);
  const file = await verified(await drain(url, response, tell, signal), expected);
  if (cache && file.size >= CACHED_FROM) await (await storage()).remember({ url, tag: tagOf(response) }, file);
  return file;
}

const storage = () => import("./storage.js");
const recall = async (...of) => await caches.has(CACHED) && (await storage()).recall(...of); // may throw

// What changes with the content.
const tagOf = ({ headers }) => headers.get("etag") ?? headers.get("last-modified");

// The server's response; null if it still has what is held, or is out of reach.
async function ask(url, held, signal) {
  const tag = held?.tag;
  // Another site would have to permit a condition: its response is compared and dropped.
  const far = new URL(url).origin !== origin;
  const headers = far || !tag ? {} : { [tag.endsWith('"') ? "If-None-Match" : "If-Modified-Since"]: tag };
  try {
    const response = await fetch(url, { headers, signal, cache: held ? "no-store" : "no-cache" });
    if (response.status !== 304 && !(response.ok && tag && tag === tagOf(response))) return response;
    response.body?.cancel();
  } catch (error) {
    if (!held) throw far ? new Error("its site is out of reach or does not permit it by CORS") : error;
  }
  return null;
}

// The whole of a response. What breaks off goes on from there, if the server still has the same content.
async function drain(url, response, tell, signal) {
  // A compressing server counts other bytes; another site may hide that it compresses.
  const { headers } = response;
  let total = headers.has("content-encoding") ? null : Number(headers.get("content-length")) || null;
  let loaded = 0;
  const parts = [];
  const tag = tagOf(response);
  let next = response;
  for (let tries = 0; tries < TRIES; tries += 1) {
    const reader = next?.body.getReader();
    const read = async () => (await reader?.read().catch(() => null)) ?? {};
    let part = await read();
    for (; part.value; part = await read()) {
      parts.push(part.value);
      loaded += part.value.length;
      if (loaded > total) total = null;
      tell(loaded, total);
      tries = 0;
    }
    if (part.done && !(loaded < total)) return new Blob(parts);
    await new Promise((done) => setTimeout(done, 1000 * tries));
    const asked = { headers: { Range: `bytes=${loaded}-` }, signal, cache: "no-store" };
    next = await fetch(url, asked).catch(() => null);
    if (next && !(next.status === 206 && tag && tag === tagOf(next))) break;
  }
  throw new Error(`the connection broke after ${loaded} bytes`);
}
