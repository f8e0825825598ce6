// Fetched weights in Cache Storage, each under its SHA-256 with a note: `{ sum, size, url, tag }`. An insecure page has
// none. The detector loads this module for large files and for hashes.

import { CACHED } from "./support.js";

const CACHED_MOST = 1e9; // bytes in all; the oldest go first

const key = (sum) => `${origin}/${sum}`;

export const read = async (shelf, sum) => (await (await caches.open(shelf)).match(key(sum)))?.blob();
export const drop = async (shelf, sum) => (await caches.open(shelf)).delete(key(sum));

export async function put(shelf, note, file) {
  const headers = { "x-note": encodeURIComponent(JSON.stringify(note)) };
  await (await caches.open(shelf)).put(key(note.sum), new Response(file, { headers }));
}

/** The notes on what a shelf holds, oldest first. */
export async function list(shelf) {
  try {
    const files = await (await caches.open(shelf)).matchAll();
    return files.map(({ headers }) => JSON.parse(decodeURIComponent(headers.get("x-note"))));
  } catch {
    return [];
  }
}

/** The SHA-256 of bytes in hex; null on an insecure page. */
export async function sha256(bytes) {
  if (!globalThis.crypto?.subtle) return null;
  const sum = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return Array.from(sum, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

export const listCached = () => list(CACHED);

/** What came from `url`, or has the SHA-256 `known`: its note with `file`; null if it is damaged or not there. */
export async function recall(url, known) {
  const note = (await listCached()).find(({ sum, url: from }) => (known ? sum === known : from === url));
  const file = note && await read(CACHED, note.sum).catch(() => null);
  return file && await sha256(await file.arrayBuffer()) === note.sum ? { ...note, file } : null;
}

/** Stores what was fetched, if there is room. */
export async function remember(note, file) {
  const { size } = file;
  if (size > CACHED_MOST) return;
  const sum = await sha256(await file.arrayBuffer());
  if (!sum) return;
  await tidy(CACHED_MOST - size, note.url);
  await put(CACHED, { ...note, sum, size }, file).catch(() => {});
}

/** Drops what came from `url`, and the oldest files above `most` bytes. */
export async function tidy(most, url) {
  let sum = 0;
  for (const note of (await listCached()).reverse()) {
    if (note.url === url || (sum += note.size) > most) await drop(CACHED, note.sum);
  }
}
