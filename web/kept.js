// Models that the user keeps in this browser: each is a weights file of ours in the Cache Storage, put there whole or not at all.
// Nothing is kept that the user did not ask for. What a file means is not known here.

import { sha256 } from "./cache.js";
import { size } from "./readout.js";

const NAME = `ssd-models ${new URL("./", import.meta.url).pathname}`; // other pages of this origin have their own
const ENTRY = "x-model"; // the header that says what a file is
const key = (name) => new URL(`kept/${encodeURIComponent(name)}`, import.meta.url).href;

/** Only a secure page may keep anything. */
export const canKeep = Boolean(globalThis.caches && globalThis.crypto?.subtle);

/** What is kept: `{ name, bytes, sum }` each, oldest first. Nothing where the browser lets the page keep nothing. */
export async function listKept() {
  try {
    const cache = await caches.open(NAME);
    return (await cache.matchAll()).map(({ headers }) => JSON.parse(decodeURIComponent(headers.get(ENTRY))));
  } catch {
    return [];
  }
}

/** Keeps a file; says under which name, and whether the browser promised not to drop it. A content that is kept already is not kept twice. */
export async function keep(name, blob) {
  const sum = await sha256(await blob.arrayBuffer());
  const others = await listKept();
  let entry = others.find((other) => other.sum === sum);
  if (!entry) {
    entry = { name: unlike(name, others.map((other) => other.name)), bytes: blob.size, sum };
    const headers = { [ENTRY]: encodeURIComponent(JSON.stringify(entry)) };
    await put(entry, new Response(blob, { headers }));
  }
  return { ...entry, lasting: await navigator.storage?.persist?.().catch(() => false) };
}

async function put({ name, bytes }, response) {
  try {
    await (await caches.open(NAME)).put(key(name), response);
  } catch (error) {
    const { quota = 0, usage = 0 } = await navigator.storage?.estimate?.().catch(() => ({})) ?? {};
    const why = error.name === "QuotaExceededError"
      ? `it takes ${size(bytes)} and the browser leaves this page ${size(Math.max(0, quota - usage))}: forget another model or free some disk space`
      : `${error.message}: allow this site to store data`;
    throw new Error(`${name} could not be kept (${why}).`);
  }
}

/** The file of that name. */
export async function openKept(name) {
  const response = await caches.open(NAME).then((cache) => cache.match(key(name))).catch(() => null);
  if (response) return response.blob();
  throw Object.assign(new Error(`${name} is no longer kept here, for the browser dropped it`), { name: "WeightsInvalid" });
}

export async function forgetKept(name) {
  await (await caches.open(NAME)).delete(key(name));
}

/** A name that is not among `taken`: with a number behind it where it has to be. */
export function unlike(name, taken) {
  let other = name;
  for (let number = 2; taken.includes(other); number += 1) other = `${name} (${number})`;
  return other;
}
