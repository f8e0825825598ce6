// The bytes of weights from an address, a Blob or an ArrayBuffer. Their meaning is not known here.

import { recall, remember, sha256 as sha256Of } from "./storage.js";
import { failure } from "./support.js";

/** A Blob as it is, everything else as one Uint8Array. `tell` is called with the progress in bytes. */
export async function takeWeights(weights, { sha256, cache }, tell) {
  try {
    if (typeof weights === "string") return await fetchWeights(weights, sha256, cache ?? true, tell);
    const isFile = weights instanceof Blob;
    const size = weights.size ?? weights.byteLength;
    tell("weights", size, size);
    if (sha256) await check(isFile ? await weights.arrayBuffer() : weights, sha256);
    return isFile ? weights : new Uint8Array(weights);
  } catch ({ message }) {
    const which = typeof weights === "string" ? weights : weights?.name ?? "given";
    throw failure("WeightsInvalid", `The weights ${which} could not be read (${message}): check address or file.`);
  }
}

/** Weights as the wasm reads them: `read(start, end)` returns bytes, and of a Blob only they are in memory. */
export function readable(weights) {
  if (!(weights instanceof Blob)) return { size: weights.length, read: (start, end) => weights.subarray(start, end) };
  const reader = new FileReaderSync(); // of workers alone
  const read = (start, end) => new Uint8Array(reader.readAsArrayBuffer(weights.slice(start, end)));
  return { size: weights.size, read };
}

// The SHA-256 of bytes; null and not checked on an insecure page.
async function check(bytes, expected) {
  const found = await sha256Of(bytes);
  if (expected && found && found !== expected) throw new Error("its SHA-256 is wrong");
  return found;
}

async function fetchWeights(url, expected, cache, tell) {
  tell("weights", 0, null);
  const held = cache ? await recall(url, expected) : null;
  // Known content needs no request.
  const response = held && expected ? null : await ask(url, held);
  if (!response) {
    tell("weights", held.size, held.size);
    return held.bytes;
  }
  if (!response.ok) throw new Error(`the server answered ${response.status}`);
  const bytes = await drain(response, tell);
  const sum = await check(bytes, expected);
  if (cache) await remember({ url, sum, ...validators(response) }, bytes);
  return bytes;
}

const validators = ({ headers }) => ({ etag: headers.get("etag"), modified: headers.get("last-modified") });

// The server's response; null if it still has what is held, or is out of reach.
async function ask(url, held) {
  const { etag: old, modified: before } = held ?? {};
  // Another site would have to permit a condition; its response is compared and dropped instead.
  const sameSite = new URL(url).origin === location.origin;
  const headers = !sameSite ? {} : old ? { "If-None-Match": old } : before ? { "If-Modified-Since": before } : {};
  try {
    const response = await fetch(url, { headers, cache: held ? "no-store" : "no-cache" });
    const { etag, modified } = validators(response);
    const same = old ? old === etag : before && before === modified;
    if (response.status !== 304 && !(response.ok && same)) return response;
    response.body?.cancel();
  } catch (error) {
    if (!held) throw error;
  }
  return null;
}

// One stream into one buffer, as long as the server says; else it grows.
async function drain({ headers, body }, tell) {
  // A compressing server counts other bytes.
  let total = headers.has("content-encoding") ? null : Number(headers.get("content-length")) || null;
  let bytes = new Uint8Array(total ?? 1 << 20);
  let loaded = 0;
  const broken = () => new Error(`the connection broke after ${loaded} bytes`);
  const reader = body.getReader();
  for (;;) {
    const { done, value } = await reader.read().catch(() => { throw broken(); });
    if (done) break;
    const end = loaded + value.length;
    if (end > bytes.length) {
      total = null; // another site may hide that it compresses
      bytes = new Uint8Array(bytes.buffer.transfer(2 * end));
    }
    bytes.set(value, loaded);
    loaded = end;
    tell("weights", loaded, total);
  }
  if (loaded < total) throw broken();
  return bytes.subarray(0, loaded);
}
