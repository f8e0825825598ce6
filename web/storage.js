// What lies in this browser's Cache Storage: weights that were fetched, and models that the user keeps. A file is there whole or not at all,
// under its SHA-256, with a note: `{ sum, size, name }`, or `url`, `etag` and `modified` for a name. Where the browser stores nothing (an
// insecure page, a private window), nothing is found.

import { failure } from "./support.js";

const WORTH = 25e6; // bytes of a file; smaller ones are left to the browser's own cache
const MOST = 1e9; // bytes of all that was fetched; the oldest go first

const NOTE = "x-note"; // the header that holds it
const CACHED = "ssd-weights";
const KEPT = `ssd-models ${new URL("./", import.meta.url).pathname}`; // other pages of this origin keep their own

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

/** The SHA-256 of bytes in hex; null where the page is not secure and the browser computes none. */
export async function sha256(bytes) {
  if (!globalThis.crypto?.subtle) return null;
  const sum = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return Array.from(sum, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** The notes on all that is there, oldest first. */
export const listCached = () => list(CACHED);
export const listKept = () => list(KEPT);

/** What an address gave before, or a content that is known, whole: its note with `bytes`, or null. */
export async function recall(url, known) {
  const note = (await listCached()).find(({ sum, url: from }) => (known ? sum === known : from === url));
  const buffer = note && await read(CACHED, note.sum).then((file) => file.arrayBuffer()).catch(() => null);
  return buffer && await sha256(buffer) === note.sum ? { ...note, bytes: new Uint8Array(buffer) } : null;
}

/** Stores what an address gave, if that is large and there is room. */
export async function remember(note, bytes) {
  const size = bytes.length;
  if (!note.sum || size < WORTH || size > MOST) return;
  await tidy(MOST - size, note.url);
  await put(CACHED, { ...note, size }, new Blob([bytes])).catch(() => {});
}

/** Drops what `url` gave before, and the oldest of what was fetched above `most` bytes. */
export async function tidy(most, url) {
  let sum = 0;
  for (const note of (await listCached()).reverse()) {
    if (note.url === url || (sum += note.size) > most) await drop(CACHED, note.sum);
  }
}

export const clearCached = () => caches.delete(CACHED);

/** Keeps a file, unless it is kept already, and asks the browser not to drop it. Gives its note. */
export async function keep(name, blob) {
  const sum = await sha256(await blob.arrayBuffer());
  const note = (await listKept()).find((other) => other.sum === sum) ?? { name, size: blob.size, sum };
  await put(KEPT, note, blob).catch(({ message }) => {
    throw new Error(`The model ${name} could not be kept (${message}): forget another one, or let this site store more.`);
  });
  await navigator.storage.persist?.();
  return note;
}

/** The file that a note is on. */
export async function openKept({ name, sum }) {
  const file = await read(KEPT, sum).catch(() => null);
  if (!file) throw failure("WeightsInvalid", `The model ${name} is no longer here, since the browser dropped it.`);
  return file;
}

export const forgetKept = ({ sum }) => drop(KEPT, sum);
