// The bytes of weights, from an address, a Blob or an ArrayBuffer, for the worker. What they mean is not known here.

import { recall, remember, sha256 } from "./cache.js";
import { failure } from "./support.js";

/** A Blob as it is, all else as one Uint8Array. With `sum`, a SHA-256, only bytes that have it. `tell(loaded, total)` hears of progress. */
export async function takeWeights(weights, { sum, cache }, tell) {
  const what = typeof weights === "string" ? `weights at ${weights}` : `file ${weights.name ?? "of weights"}`;
  const refuse = (why) => failure("WeightsInvalid", `The ${what} ${why}.`);
  let bytes = null;
  try {
    if (typeof weights === "string") return await fetchWeights(weights, { sum, cache }, tell, refuse);
    tell(weights.size ?? weights.byteLength, weights.size ?? weights.byteLength);
    if (weights instanceof Blob && !sum) return weights;
    bytes = new Uint8Array(weights instanceof Blob ? await weights.arrayBuffer() : weights);
    await check(bytes, sum, refuse);
    return weights instanceof Blob ? weights : bytes;
  } catch (error) {
    if (error.name === "WeightsInvalid") throw error;
    throw refuse(`could not be read (${error.message}): check the address or the file`);
  }
}

/** Weights as the wasm reads them: `read(start, end)` gives bytes at once. Of a Blob nothing else is held. */
export function readable(weights) {
  if (!(weights instanceof Blob)) return { size: weights.length, read: (start, end) => weights.subarray(start, end) };
  const reader = new FileReaderSync(); // workers alone have it
  return { size: weights.size, read: (start, end) => new Uint8Array(reader.readAsArrayBuffer(weights.slice(start, end))) };
}

// The sum that was found. Where none can be computed, none is checked.
async function check(bytes, sum, refuse) {
  const found = await sha256(bytes);
  if (sum && found && found !== sum) throw refuse("are not those that were named, for their SHA-256 is another one: load them again");
  return found;
}

async function fetchWeights(url, { sum, cache }, tell, refuse) {
  tell(0, null);
  const held = cache && /^https?:/.test(url) ? await recall(url, sum) : null;
  // A content that is known need not be asked for.
  const response = held && sum ? null : await ask(url, held);
  if (!response) {
    tell(held.bytes.length, held.bytes.length);
    return held.bytes;
  }
  if (!response.ok) throw new Error(`the server answered ${response.status}`);
  const bytes = await drain(response, tell);
  const { headers } = response;
  const entry = { sum: await check(bytes, sum, refuse), etag: headers.get("etag"), modified: headers.get("last-modified") };
  if (cache) await remember(url, entry, bytes);
  return bytes;
}

// The server's answer, or null where what is held is what it has, or where it cannot be reached.
async function ask(url, held) {
  // Another site would have to permit the conditions; its answer says the same, and is given up then.
  const conditions = held && new URL(url).origin === location.origin
    ? { "If-None-Match": held.etag, "If-Modified-Since": held.modified } : {};
  const headers = Object.entries(conditions).filter(([, value]) => value);
  let response;
  try {
    response = await fetch(url, { headers, cache: held ? "no-store" : "no-cache" });
  } catch (error) {
    if (held) return null;
    throw new Error(`${error.message}; another site has to permit it by CORS`);
  }
  const now = (name) => response.headers.get(name);
  const same = held && (held.etag ? now("etag") === held.etag : held.modified && now("last-modified") === held.modified);
  if (response.status !== 304 && !(response.ok && same)) return response;
  response.body?.cancel();
  return null;
}

// One stream into one buffer, which is as large as the server says, or grows where it does not say.
async function drain(response, tell) {
  // Behind a compressing server the length counts other bytes than the stream delivers.
  let total = response.headers.has("content-encoding") ? null : Number(response.headers.get("content-length")) || null;
  let bytes = new Uint8Array(total ?? 1 << 20);
  let loaded = 0;
  const reader = response.body.getReader();
  const broken = () => new Error(`the connection broke after ${loaded}${total ? ` of ${total}` : ""} bytes`);
  for (;;) {
    const { done, value } = await reader.read().catch(() => { throw broken(); });
    if (done) break;
    if (loaded + value.length > bytes.length) {
      total = null; // another site may hide that it compresses
      const larger = new Uint8Array(2 * (loaded + value.length));
      larger.set(bytes.subarray(0, loaded));
      bytes = larger;
    }
    bytes.set(value, loaded);
    loaded += value.length;
    tell(loaded, total);
  }
  if (total && loaded < total) throw broken();
  return bytes.subarray(0, loaded);
}
