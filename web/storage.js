// Weights that were fetched and models that the user keeps, in Cache Storage. A file is stored whole or not at all,
// under its SHA-256, with a note: `{ sum, size }` and `name`, or `url`, `etag`, `modified`. An insecure page has none.

import { failure } from "./support.js";

const CACHED_FROM = 25e6; // bytes; smaller files are left to the browser's own cache
const CACHED_MOST = 1e9; // bytes of all fetched files; the oldest go first

const NOTE = "x-note"; // the header with the note
const CACHED = "ssd-weights";
const KEPT = `ssd-models ${new URL("./", import.meta.url).pathname}`; // apart from other pages of this origin

const key = (sum) => `${location.origin}/${sum}`;
const read = async (shelf, sum) => (await (await caches.open(shelf)).match(key(sum)))?.blob();
const drop = async (shelf, sum) => (await caches.open(shelf)).delete(key(sum));

async function put(shelf, note, blob) {
  const headers = { [NOTE]: encodeURIComponent(JSON.stringify(note)) };
  await (await caches.open(shelf)).put(key(note.sum), new Response(blob, { headers }));
}

async function list(shelf) {
  try {
    const files = await (await caches.open(shelf)).matchAll();
    return files.map(({ headers }) => JSON.parse(decodeURIComponent(headers.get(NOTE))));
  } catch {
    return [];
  }
}

/** The SHA-256 of bytes in hex; null on an insecure page, where browsers compute none. */
export async function sha256(bytes) {
  if (!globalThis.crypto?.subtle) return null;
  const sum = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return Array.from(sum, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** The notes on everything stored, oldest first. */
export const listCached = () => list(CACHED);
export const listKept = () => list(KEPT);

/** What was fetched from `url` or has the SHA-256 `known`: its note with `bytes`; null if not there or damaged. */
export async function recall(url, known) {
  const note = (await listCached()).find(({ sum, url: from }) => (known ? sum === known : from === url));
  const buffer = note && await read(CACHED, note.sum).then((file) => file.arrayBuffer()).catch(() => null);
  return buffer && await sha256(buffer) === note.sum ? { ...note, bytes: new Uint8Array(buffer) } : null;
}

/** Stores what was fetched, if it is large and there is room. */
export async function remember(note, bytes) {
  const size = bytes.length;
  if (!note.sum || size < CACHED_FROM || size > CACHED_MOST) return;
  await tidy(CACHED_MOST - size, note.url);
  await put(CACHED, { ...note, size }, new Blob([bytes])).catch(() => {});
}

/** Drops what was fetched from `url`, and the oldest files above `most` bytes. */
export async function tidy(most, url) {
  let sum = 0;
  for (const note of (await listCached()).reverse()) {
    if (note.url === url || (sum += note.size) > most) await drop(CACHED, note.sum);
  }
}

export const clearCached = () => caches.delete(CACHED);

/** Keeps a file, and asks the browser not to drop it. Returns its note. */
export async function keep(name, blob) {
  const sum = await sha256(await blob.arrayBuffer());
  const note = (await listKept()).find((other) => other.sum === sum) ?? { name, size: blob.size, sum };
  await put(KEPT, note, blob).catch(({ message }) => {
    throw new Error(`The model ${name} could not be kept (${message}): forget another one or allow more storage.`);
  });
  await navigator.storage.persist?.();
  return note;
}

export async function openKept({ name, sum }) {
  const file = await read(KEPT, sum).catch(() => null);
  if (!file) throw failure("WeightsInvalid", `The model ${name} is gone, since the browser dropped it.`);
  return file;
}

export const forgetKept = ({ sum }) => drop(KEPT, sum);
