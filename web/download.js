// The worker that fetches weights and checks and caches them. Their meaning is not known here.
//
// Message in:   { weights, sha256, cache }, where `weights` is an address or a Blob.
// Messages out: { progress: [stage, loaded, total] }, and at the end { blob } or { name, message }.

import { recall, remember, sha256 as sha256Of } from "./storage.js";
import { watchPolicy } from "./support.js";

const policy = watchPolicy();
const tell = (...progress) => postMessage({ progress });

self.onmessage = async ({ data: { weights, sha256, cache } }) => {
  try {
    const bytes = await (weights instanceof Blob ? weights.arrayBuffer() : fetchWeights(weights, sha256, cache));
    if (weights instanceof Blob) {
      await check(bytes, sha256);
      tell("weights", weights.size, weights.size);
    }
    postMessage({ blob: weights instanceof Blob ? weights : new Blob([bytes]) });
  } catch ({ message }) {
    const which = weights.name ?? (weights instanceof Blob ? "given" : weights);
    const why = (await policy.reason()) ?? `${message}: check address or file`;
    postMessage({ name: "WeightsInvalid", message: `The weights ${which} could not be read (${why}).` });
  }
};

// The SHA-256 of bytes; null and not checked on an insecure page.
async function check(bytes, expected) {
  const found = await sha256Of(bytes);
  if (expected && found && found !== expected.toLowerCase()) throw new Error("its SHA-256 is wrong");
  return found;
}

async function fetchWeights(url, expected, cache) {
  tell("weights", 0, null);
  const held = cache ? await recall(url, expected) : null;
  // Known content needs no request.
  const response = held && expected ? null : await ask(url, held);
  if (!response) {
    tell("weights", held.size, held.size);
    return held.bytes;
  }
  if (!response.ok) throw new Error(`the server answered ${response.status}`);
  const bytes = await drain(response);
  const sum = await check(bytes, expected);
  if (cache) await remember({ url, sum, ...validators(response) }, bytes);
  return bytes;
}

const validators = ({ headers }) => ({ etag: headers.get("etag"), modified: headers.get("last-modified") });

// The server's response; null if it still has what is held, or is out of reach.
async function ask(url, held) {
  const { etag: old, modified: before } = held ?? {};
  // Another site would have to permit a condition; its response is compared and dropped instead.
  const sameSite = new URL(url).origin === origin;
  const headers = !sameSite ? {} : old ? { "If-None-Match": old } : before ? { "If-Modified-Since": before } : {};
  try {
    const response = await fetch(url, { headers, cache: held ? "no-store" : "no-cache" });
    const { etag, modified } = validators(response);
    const same = old ? old === etag : before && before === modified;
    if (response.status !== 304 && !(response.ok && same)) return response;
    response.body?.cancel();
  } catch (error) {
    if (!held) throw sameSite ? error : new Error("its site is out of reach or does not permit it by CORS");
  }
  return null;
}

// One stream into one buffer, as long as the server says; else it grows.
async function drain({ headers, body }) {
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
