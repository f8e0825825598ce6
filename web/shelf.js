// Files in the browser's Cache Storage, each under its SHA-256 and with a note on it; a file is there whole or not at all. What is stored,
// and for how long, is not decided here. Everything rejects where the browser stores nothing: an insecure page, a private window, no room.

const NOTE = "x-note";

/** The files of that name. A note is an object with the file's `sum` in it. */
export function shelf(name) {
  const open = () => caches.open(name);
  const key = (sum) => `${location.origin}/${encodeURIComponent(name)}/${sum}`;
  return {
    /** All notes, oldest first. */
    async list() {
      const files = await (await open()).matchAll();
      return files.map(({ headers }) => JSON.parse(decodeURIComponent(headers.get(NOTE))));
    },
    /** A file as a Blob, undefined where there is none. */
    read: async (sum) => (await (await open()).match(key(sum)))?.blob(),
    put: async (note, blob) => {
      const headers = { [NOTE]: encodeURIComponent(JSON.stringify(note)) };
      return (await open()).put(key(note.sum), new Response(blob, { headers }));
    },
    drop: async (sum) => (await open()).delete(key(sum)),
    clear: async () => caches.delete(name),
  };
}

/** The SHA-256 of bytes in hex; null where the page is not secure and the browser computes none. */
export async function sha256(bytes) {
  if (!globalThis.crypto?.subtle) return null;
  const sum = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return Array.from(sum, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
