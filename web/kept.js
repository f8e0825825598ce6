// Models that the user keeps in this browser: weights files of ours. A note on one is `{ name, size, sum }`.

import { size } from "./readout.js";
import { sha256, shelf } from "./shelf.js";
import { failure } from "./support.js";

const files = shelf(`ssd-models ${new URL("./", import.meta.url).pathname}`); // other pages of this origin have their own

/** Only a secure page may keep anything. */
export const canKeep = Boolean(globalThis.caches && globalThis.crypto?.subtle);

/** The notes on what is kept; none where the browser lets the page store nothing. */
export const listKept = () => files.list().catch(() => []);

/** Keeps a file, unless its content is kept already. Gives its note, and `lasting`: whether the browser promises not to drop it. */
export async function keep(name, blob) {
  const sum = await sha256(await blob.arrayBuffer());
  const kept = await listKept();
  let note = kept.find((other) => other.sum === sum);
  if (!note) {
    note = { name: unlike(name, kept.map((other) => other.name)), size: blob.size, sum };
    await files.put(note, blob).catch((error) => refuse(note, error));
  }
  return { ...note, lasting: await navigator.storage?.persist?.().catch(() => false) };
}

async function refuse(note, { name, message }) {
  const { quota, usage } = name === "QuotaExceededError" ? await navigator.storage.estimate() : {};
  const why = quota >= 0
    ? `it takes ${size(note.size)} and this page may store ${size(Math.max(0, quota - usage))} more: forget another model or free some room`
    : `${message}: allow this site to store data`;
  throw new Error(`The model ${note.name} could not be kept (${why}).`);
}

/** The file that a note is on. */
export async function openKept({ name, sum }) {
  const file = await files.read(sum).catch(() => null);
  return file ?? Promise.reject(failure("WeightsInvalid", `The model ${name} is no longer here, since the browser dropped it.`));
}

export const forgetKept = ({ sum }) => files.drop(sum);

/** A name that is not among `taken`, with a number behind it where it has to be. */
export function unlike(name, taken) {
  let other = name;
  for (let number = 2; taken.includes(other); number += 1) other = `${name} (${number})`;
  return other;
}
