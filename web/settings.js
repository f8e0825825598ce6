// The settings that live in the page's address, so that a link shares them.
// What is null means: as the weights say.

const RANGES = { score: [0, 1], iou: [0, 1], max: [1, 200] };

/** Reads the address. What makes no sense there counts as not given. */
export function readSettings() {
  const query = new URLSearchParams(location.search);
  const number = (name) => {
    const [low, high] = RANGES[name];
    const value = Number.parseFloat(query.get(name));
    return Number.isNaN(value) ? null : Math.min(high, Math.max(low, value));
  };
  const max = number("max");
  return {
    score: number("score"),
    iou: number("iou"),
    max: max && Math.round(max),
    classes: query.get("classes")?.split(",").map((label) => label.trim()).filter(Boolean) ?? null,
    weights: query.get("weights"),
    backend: ["webgpu", "cpu"].includes(query.get("backend")) ? query.get("backend") : "auto",
    engine: query.get("engine") ?? undefined,
    precision: query.get("precision") ?? undefined,
    source: query.get("source") || "sample",
  };
}

/** Writes the detection settings into the address; the rest of it stays. */
export function writeSettings({ score, iou, max, classes }) {
  const url = new URL(location.href);
  for (const [name, value] of Object.entries({ score, iou, max, classes })) {
    if (value === null) url.searchParams.delete(name);
    else url.searchParams.set(name, value);
  }
  history.replaceState(null, "", url);
}
