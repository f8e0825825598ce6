// A gate over the picture, where what passes is counted: a line or a region, which the user moves by its corners, with
// a pointer or the arrow keys. It is kept as numbers: x and y of each corner, as parts of the picture's width and
// height.

import { $, make } from "./dom.js";

// Where they begin: an upright line in the middle, a square around it.
const FIRST = { none: null, line: "0.5,0.95,0.5,0.05", region: "0.3,0.3,0.7,0.3,0.7,0.7,0.3,0.7" };
const MOST = 8; // corners
const STEP = 0.02; // of a key

function cornersOf(text) {
  const numbers = text.split(",").map(Number);
  return Array.from({ length: numbers.length / 2 }, (_, index) => numbers.slice(2 * index, 2 * index + 2));
}

const hasExtent = (corners) => corners.some((corner) => `${corner}` !== `${corners[0]}`);

/** The kind of setting: a menu of `none`, `line` and `region`. Two corners are a line, more a region. */
export const gate = () => ({
  parse(text) {
    const parts = text?.split(",").map(Number) ?? [];
    const good = parts.length >= 4 && parts.length <= 2 * MOST && parts.length % 2 === 0;
    return good && parts.every((part) => part >= 0 && part <= 1) && hasExtent(cornersOf(text)) ? text : null;
  },
  prepare() {},
  show(control, value) {
    control.value = !value ? "none" : value.split(",").length === 4 ? "line" : "region";
  },
  read: (control) => FIRST[control.value],
});

/**
 * Binds the corners to `settings.gate`; `moved()` is called once one is let go, `draw()` while it moves. Returns
 * `show(place)`, which draws the gate where `drawOverlay` placed the picture, or hides it.
 */
export function bindGate(settings, moved, draw) {
  let place = null;
  const corners = Array.from({ length: MOST }, (_, index) => {
    const title = "Drag it, or move it with the arrow keys";
    const ariaLabel = `Corner ${index + 1} of the gate`;
    const corner = make("button", { type: "button", className: "gate-corner", ariaLabel, title, hidden: true });
    corner.onpointerdown = ({ pointerId }) => corner.setPointerCapture(pointerId);
    corner.onpointermove = ({ pointerId, clientX, clientY }) => {
      if (!place || !corner.hasPointerCapture(pointerId)) return;
      const { left, top } = $("view").getBoundingClientRect();
      put(index, place.from(clientX - left, clientY - top));
    };
    corner.onlostpointercapture = moved;
    corner.onkeydown = (event) => {
      const [right, down] = {
        ArrowLeft: [-STEP, 0], ArrowRight: [STEP, 0], ArrowUp: [0, -STEP], ArrowDown: [0, STEP],
      }[event.key] ?? [];
      if (right === undefined) return;
      event.preventDefault();
      event.stopPropagation(); // the video has arrow keys, too
      const [x, y] = points()[index];
      put(index, [x + (place?.mirrored ? -right : right), y + down]);
      moved();
    };
    return corner;
  });
  $("view").append(...corners);

  const points = () => cornersOf(settings.gate);

  function put(index, parts) {
    const all = points();
    all[index] = parts.map((part) => Number(Math.min(1, Math.max(0, part)).toFixed(3)));
    if (!hasExtent(all)) return;
    settings.gate = all.join(",");
    draw();
  }

  return {
    /** The corners in pixels of a picture. */
    points: ({ width, height }) => points().map(([x, y]) => ({ x: x * width, y: y * height })),
    show(placed) {
      place = placed;
      const seen = placed ? points().map((parts) => placed.to(...parts)) : [];
      corners.forEach((corner, index) => {
        corner.hidden = index >= seen.length;
        if (corner.hidden) return;
        const [x, y] = seen[index];
        Object.assign(corner.style, { left: `${x}px`, top: `${y}px` });
      });
      if (seen.length === 2) paint(placed.pen, [seen, ...arrow(...seen, placed.mirrored)]);
      else if (placed) paint(placed.pen, [[...seen, seen[0]]]);
    },
  };
}

// An arrow in the middle of a line, for the way that counts as forward: to the right, seen along it.
function arrow(a, b, mirrored) {
  const [dx, dy] = [b[0] - a[0], b[1] - a[1]];
  const length = Math.hypot(dx, dy) || 1;
  const [along, across] = [[dx / length, dy / length], [-dy / length, dx / length]];
  const side = mirrored ? -1 : 1;
  const from = (forward, sideways) =>
    [0, 1].map((axis) => (a[axis] + b[axis]) / 2 + across[axis] * forward * side + along[axis] * sideways);
  return [[from(0, 0), from(22, 0)], [from(14, -6), from(22, 0), from(14, 6)]];
}

function paint(pen, lines) {
  pen.save();
  pen.scale(devicePixelRatio, devicePixelRatio);
  for (const [style, width] of [["rgb(0 0 0 / 55%)", 5], ["#fff", 2.5]]) {
    pen.strokeStyle = style;
    pen.lineWidth = width;
    pen.beginPath();
    for (const [first, ...rest] of lines) {
      pen.moveTo(...first);
      for (const point of rest) pen.lineTo(...point);
    }
    pen.stroke();
  }
  pen.restore();
}
