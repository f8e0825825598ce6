// Files from an input, a drop or a paste, with what is inside folders: which are pictures, and their names.

const PICTURE = /\.(jpe?g|png|webp|avif|gif|bmp|svg|ico|tiff?|heic)$/i;

/** Whether a file looks like a picture. Whether this browser can read it shows when it is opened. */
export const isPicture = ({ type, name }) => type.startsWith("image/") || PICTURE.test(name);

export const isVideo = ({ type, name }) => type.startsWith("video/") || /\.(mp4|m4v|webm|mov|mkv|ogv)$/i.test(name);

/**
 * The files of a DataTransfer: `{ files, folders }`, the latter saying whether some were in folders. Call it in the
 * event, since the browser empties the DataTransfer after it.
 */
export async function transferred({ items, files: plain }) {
  const given = [...items].filter(({ kind }) => kind === "file")
    .map((item) => ({ entry: item.webkitGetAsEntry?.(), file: item.getAsFile() }));
  const folders = given.some(({ entry }) => entry?.isDirectory);
  if (!folders) return { folders, files: [...plain] };
  const files = [];
  for (const { entry, file } of given) {
    if (entry) await walk(entry, files);
    else files.push(file);
  }
  return { folders, files };
}

async function walk(entry, files) {
  if (entry.isFile) {
    const file = await new Promise((resolve, reject) => entry.file(resolve, reject)).catch(() => null);
    if (file) files.push(Object.assign(file, { path: entry.fullPath.slice(1) }));
    return;
  }
  const reader = entry.createReader();
  // A browser lists a folder in parts.
  for (let part = [null]; part.length;) {
    part = await new Promise((resolve, reject) => reader.readEntries(resolve, reject)).catch(() => []);
    for (const inner of part) await walk(inner, files);
  }
}

/** A file's path as far as it is known. */
export const path = (file) => file.path || file.webkitRelativePath || file.name;

/** The name, or one like it that is not in `taken`. From now on it is. */
export function unused(name, taken) {
  const [, stem, ending = ""] = name.match(/^(.*?)(\.[^./]*)?$/s);
  let free = name;
  for (let number = 2; taken.has(free); number += 1) free = `${stem} (${number})${ending}`;
  taken.add(free);
  return free;
}

/**
 * The pictures among files, by name: `{ file, name }`. A name is the path below the folder that all have in common, and
 * no two are the same.
 */
export function pictures(files) {
  const found = files.filter((file) => isPicture(file) && !file.name.startsWith("."));
  const [top] = found.length ? path(found[0]).split("/") : [];
  const below = top && found.every((file) => path(file).startsWith(`${top}/`)) ? top.length + 1 : 0;
  const order = new Intl.Collator(undefined, { numeric: true });
  const taken = new Set();
  const named = found.map((file) => ({ file, name: unused(path(file).slice(below), taken) }));
  return named.sort((a, b) => order.compare(a.name, b.name));
}
