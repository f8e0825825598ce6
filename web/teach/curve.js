// The loss as a curve: a point for each step, and a smoothed line through them.

const SIZE = [300, 90];
const SMOOTH = 0.8; // the share of the line before in each of its points

/** A curve in an element. Returns `{ clear, add, draw }`. */
export function makeCurve(parent) {
  const drawing = (name, attributes) => {
    const element = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    return element;
  };
  const svg = drawing("svg", { viewBox: `0 0 ${SIZE.join(" ")}`, preserveAspectRatio: "none", role: "img" });
  const points = drawing("path", { class: "points" });
  const line = drawing("path", { class: "line" });
  svg.append(points, line);
  parent.replaceChildren(svg);
  let losses = [];
  let total = 1;

  const path = (values, most) => values.map((value, index) => {
    const x = (SIZE[0] * (index + 1)) / total;
    const y = SIZE[1] * (1 - 0.95 * Math.min(1, value / most)) - 1;
    return `${index ? "L" : "M"}${x.toFixed(1)} ${y.toFixed(1)}`;
  }).join("");

  function smoothed() {
    let last = losses[0] ?? 0;
    return losses.map((loss) => (last = SMOOTH * last + (1 - SMOOTH) * loss));
  }

  return {
    clear(steps) {
      losses = [];
      total = Math.max(1, steps);
      this.draw();
    },
    add: (loss) => losses.push(loss),
    /** The loss of the last steps together, or null. */
    get last() { return smoothed().at(-1) ?? null; },
    draw() {
      const most = Math.max(...losses.slice(0, 20), 1e-6) * 1.05; // the first steps are the highest as a rule
      points.setAttribute("d", path(losses, most));
      line.setAttribute("d", path(smoothed(), most));
      const text = losses.length ? `Loss from ${losses[0].toFixed(2)} to ${smoothed().at(-1).toFixed(2)}` : "Loss";
      svg.setAttribute("aria-label", text);
    },
  };
}
