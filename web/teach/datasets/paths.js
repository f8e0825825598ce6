// Which annotation belongs to which picture, by their paths.

export const stem = (path) => path.split("/").at(-1).replace(/\.[^.]*$/, "");
export const base = (path) => path.split("/").at(-1);

/** Finds, among files, by a key of their path: the one that shares most folders with another path. */
export function finder(files, path, key) {
  const known = new Map();
  for (const file of files) {
    const name = key(path(file)).toLowerCase();
    known.set(name, [...(known.get(name) ?? []), file]);
  }
  return (wanted) => {
    const folders = wanted.split("/").slice(0, -1);
    const shared = (file) => {
      const own = path(file).split("/").slice(0, -1);
      return own.filter((folder) => folders.includes(folder)).length - Math.abs(own.length - folders.length) / 100;
    };
    const found = known.get(key(wanted).toLowerCase()) ?? [];
    return found.reduce((best, file) => (!best || shared(file) > shared(best) ? file : best), null);
  };
}

/** Whether labels for a picture of that size (which may not be given) are for this one. */
export const fits = ({ width, height }, given) =>
  !(given.width > 0 && given.height > 0) || (given.width === width && given.height === height);
