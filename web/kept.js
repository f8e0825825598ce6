// Models that the user keeps, in Cache Storage, each with a note: `{ name, sum, size }`.

import { drop, list, put, read, sha256 } from "./storage.js";
import { failure } from "./support.js";

const KEPT = `ssd-models ${new URL("./", location.href).pathname}`; // apart from other pages of this origin

export const listKept = () => list(KEPT);

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
