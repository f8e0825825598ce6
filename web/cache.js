// Weights that were fetched, by their content. The worker asks here before it fetches; the page says how much is there and clears it.
// Where the browser stores nothing, everything here gives null, and weights are fetched each time.

import { sha256, shelf } from "./shelf.js";

const WORTH = 25e6; // bytes; smaller files are left to the browser's own cache
const MOST = 1e9; // bytes of all files; the oldest go first

const files = shelf("ssd-weights");
const guarded = (task) => (...values) => task(...values).catch(() => null);

/** What is held, whole, for an address, or of a content that is known: `{ bytes, sum, etag, modified }`. */
export const recall = guarded(async (url, known) => {
  const note = (await files.list()).find((note) => (known ? note.sum === known : note.url === url));
  const bytes = note && new Uint8Array(await (await files.read(note.sum)).arrayBuffer());
  return bytes && await sha256(bytes) === note.sum ? { ...note, bytes } : null;
});

/** Holds what an address gave, if that is large. `note` is `{ url, sum, etag, modified }`. */
export const remember = guarded(async (note, bytes) => {
  const size = bytes.length;
  if (!note.sum || size < WORTH || size > MOST) return;
  await tidy(MOST - size, note.url);
  await files.put({ ...note, size }, new Blob([bytes]));
});

/** Drops what `url` gave before, and the oldest files above `most` bytes. */
export const tidy = guarded(async (most, url) => {
  let sum = 0;
  for (const note of (await files.list()).reverse()) {
    if (note.url === url || (sum += note.size) > most) await files.drop(note.sum);
  }
});

/** The notes on all that is held, with their `size`. */
export const held = guarded(files.list);

/** Drops all of it. */
export const clear = guarded(files.clear);
