// The bytes of weights, from an address, a Blob or an ArrayBuffer, for the worker. What they mean is not known here.

import { recall, remember, sha256 } from "./storage.js";
import { failure } from "./support.js";

/** A Blob as it is, all else as one Uint8Array. `sum` is the SHA-256 to be found, `tell` hears of progress in bytes. */
export async function takeWeights(weights, sum, cache = true, tell) {
  try {
    if (typeof weights === "string") return await fetchWeights(weights, sum, cache, tell);
    const file = weights instanceof Blob;
    const size = file ? weights.size : weights.byteLength;
    tell("weights", size, size);
    if (sum) await check(file ? await weights.arrayBuffer() : weights, sum);
    return file ? weights : new Uint8Array(weights);
  } catch ({ message }) {
    const which = typeof weights === "string" ? weights : weights.name ?? "that were given";
    throw failure("WeightsInvalid", `The weights ${which} could not be read (${message}): check the address or the file.`);
  }
}

/** Weights as the wasm reads them: `read(start, end)` gives bytes at once. Of a Blob nothing else is held. */
export function readable(weights) {
  if (!(weights instanceof Blob)) return { size: weights.length, read: (start, end) => weights.subarray(start, end) };
  const reader = new FileReaderSync(); // workers alone have it
  return { size: weights.size, read: (start, end) => new Uint8Array(reader.readAsArrayBuffer(weights.slice(start, end))) };
}

// The sum that was found. Where none can be computed, none is checked.
async function check(bytes, sum) {
  const found = await sha256(bytes);
  if (sum && found && found !== sum) throw new Error("its SHA-256 is not the one that is named for it");
  return found;
}

async function fetchWeights(url, sum, cache, tell) {
  tell("weights", 0, null);
  const held = cache ? await recall(url, sum) : null;
  // A content that is known is not asked for.
  const response = held && sum ? null : await ask(url, held);
  if (!response) {
    tell("weights", held.size, held.size);
    return held.bytes;
  }
  if (!response.ok) throw new Error(`the server answered ${response.status}`);
  const bytes = await drain(response, tell);
  const found = await check(bytes, sum);
  if (cache) await remember({ url, sum: found, ...validators(response) }, bytes);
  return bytes;
}

const validators = ({ headers }) => ({ etag: headers.get("etag"), modified: headers.get("last-modified") });

// The server's answer, or null where it still has what is held, or cannot be reached.
async function ask(url, held) {
  // Another site would have to permit a condition; its answer says the same, and is given up then.
  const { etag: old, modified: before } = held ?? {};
  const headers = new URL(url).origin !== location.origin ? {} : old ? { "If-None-Match": old } : before ? { "If-Modified-Since": before } : {};
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

// One stream into one buffer, which is as large as the server says, or grows where it does not say.
async function drain({ headers, body }, tell) {
  // Behind a compressing server the length counts other bytes than the stream delivers.
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
      const larger = new Uint8Array(2 * end);
      larger.set(bytes);
      bytes = larger;
    }
    bytes.set(value, loaded);
    loaded = end;
    tell("weights", loaded, total);
  }
  if (loaded < total) throw broken();
  return bytes.subarray(0, loaded);
}
