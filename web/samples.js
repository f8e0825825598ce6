// The sample pictures: what there is, and what suits a model.

/** `{ file, title, classes, kind }` of each, in the order of the strip; a kind is "everyday" or "shapes". */
export const listSamples = () => fetch("./samples/index.json").then((answer) => answer.json());

/** Those in which a model with these labels knows something, or else all. */
export function fitting(samples, labels) {
  const known = samples.filter(({ classes }) => classes.some((name) => labels.includes(name)));
  return known.length ? known : samples;
}
