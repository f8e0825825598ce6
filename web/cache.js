// Weights that were fetched, by content: a file lies under its SHA-256, and under each address what that address last gave.
// It is used by the worker, which fetches, and by the page, which says how much is there and clears it. Where the storage does not
// work (an insecure page, a private window, no room) everything here does nothing, and weights are fetched each time.

const NAME = "ssd-weights";
const WORTH = 25e6; // smaller files are left to the browser's own cache
const MOST = 1e9; // bytes of all files; what was used last stays

const key = (kind, name) => `${location.origin}/${NAME}/${kind}/${encodeURIComponent(name)}`;

const guarded = (task) => async (...values) => {
  try {
    return await task(await caches.open(NAME), ...values);
  } catch {
    return null;
  }
};

/** The SHA-256 of bytes in hex; null where the page is not secure and the browser computes none. */
export async function sha256(bytes) {
  if (!globalThis.crypto?.subtle) return null;
  const sum = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return Array.from(sum, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** What is held for an address, or for a content that is known: `{ bytes, sum, etag, modified }`, or null. It is whole. */
export const recall = guarded(async (cache, url, known) => {
  const entry = await (await cache.match(key("url", url)))?.json();
  const sum = known ?? entry?.sum;
  const file = sum && await cache.match(key("sha256", sum));
  if (!file) return null;
  const bytes = new Uint8Array(await file.arrayBuffer());
  if (await sha256(bytes) !== sum) return null;
  await note(cache, url, { ...entry, sum, size: bytes.length });
  return { ...entry, bytes };
});

/** Holds what an address gave, if that is large. `entry` is `{ sum, etag, modified }`. */
export const remember = guarded(async (cache, url, entry, bytes) => {
  const size = bytes.length;
  if (size < WORTH || size > MOST || !entry.sum) return;
  await tidy(MOST - size);
  await cache.put(key("sha256", entry.sum), new Response(new Blob([bytes])));
  await note(cache, url, { ...entry, size });
  await tidy(MOST); // a file that this address gave before
});

const note = (cache, url, entry) => cache.put(key("url", url), Response.json({ ...entry, used: Date.now() }));

// What the addresses gave, last used first, with the key of each.
async function entries(cache) {
  const keys = (await cache.keys()).filter(({ url }) => url.startsWith(key("url", "")));
  const all = await Promise.all(keys.map(async (request) => ({ request, ...await (await cache.match(request)).json() })));
  return all.sort((a, b) => b.used - a.used);
}

/** Drops files that no address gives any more, and what was not used for longest above `most` bytes. */
export const tidy = guarded(async (cache, most) => {
  const files = new Set();
  let sum = 0;
  for (const entry of await entries(cache)) {
    const more = files.has(entry.sum) ? 0 : entry.size;
    if (sum + more > most) {
      await cache.delete(entry.request);
      continue;
    }
    sum += more;
    files.add(entry.sum);
  }
  const used = new Set([...files].map((name) => key("sha256", name)));
  const lost = (await cache.keys()).filter(({ url }) => url.startsWith(key("sha256", "")) && !used.has(url));
  await Promise.all(lost.map((request) => cache.delete(request)));
});

/** What is held: `{ count, bytes }` of different files, or null. */
export const held = guarded(async (cache) => {
  const files = new Map((await entries(cache)).map(({ sum, size }) => [sum, size]));
  return { count: files.size, bytes: [...files.values()].reduce((sum, size) => sum + size, 0) };
});

/** Drops all of it. */
export const clear = guarded(() => caches.delete(NAME));
