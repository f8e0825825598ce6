// A line over the picture, which the user moves by its two ends, with a pointer or the arrow keys. It is kept as four
// numbers, as parts of the picture's width and height.

import { $, make } from "./dom.js";

const FIRST = "0.5,0.95,0.5,0.05"; // upright in the middle
const STEP = 0.02; // of a key

/** The kind of setting: on with a line, or off. */
export const line = () => ({
  parse(text) {
    const ends = text?.split(",").map(Number) ?? [];
    return ends.length === 4 && ends.every((part) => part >= 0 && part <= 1) ? text : null;
  },
  prepare() {},
  show: (control, value) => { control.checked = Boolean(value); },
  read: (control) => (control.checked ? FIRST : null),
});

/**
 * Binds the ends to `settings.line`; `moved()` is called once the line is elsewhere, `draw()` while it moves. Returns
 * `show(place)`, which draws it where `drawOverlay` placed the picture, or hides it.
 */
export function bindLine(settings, moved, draw) {
  let place = null;
  const ends = ["Start of the line", "End of the line"].map((ariaLabel, index) => {
    const title = "Drag it, or move it with the arrow keys";
    const end = make("button", { type: "button", className: "line-end", ariaLabel, title, hidden: true });
    end.onpointerdown = ({ pointerId }) => end.setPointerCapture(pointerId);
    end.onpointermove = ({ pointerId, clientX, clientY }) => {
      if (!place || !end.hasPointerCapture(pointerId)) return;
      const { left, top } = $("view").getBoundingClientRect();
      put(index, place.from(clientX - left, clientY - top));
    };
    end.onpointerup = moved;
    end.onkeydown = (event) => {
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
    return end;
  });
  $("view").append(...ends);

  const numbers = () => settings.line.split(",").map(Number);
  const points = () => [numbers().slice(0, 2), numbers().slice(2)];

  function put(index, parts) {
    const all = points();
    all[index] = parts.map((part) => Math.min(1, Math.max(0, part)));
    settings.line = all.flat().map((part) => Number(part.toFixed(3))).join(",");
    draw();
  }

  return {
    /** The ends in pixels of a picture. */
    points: ({ width, height }) => points().map(([x, y]) => ({ x: x * width, y: y * height })),
    show(placed) {
      place = placed;
      for (const end of ends) end.hidden = !placed;
      if (!placed) return;
      const [a, b] = points().map((parts) => place.to(...parts));
      [a, b].forEach(([x, y], index) => {
        ends[index].style.left = `${x}px`;
        ends[index].style.top = `${y}px`;
      });
      paint(placed.pen, a, b, placed.mirrored);
    },
  };
}

// The line, and an arrow in its middle for the way that counts as forward: to the right, seen along it.
function paint(pen, a, b, mirrored) {
  const [dx, dy] = [b[0] - a[0], b[1] - a[1]];
  const length = Math.hypot(dx, dy) || 1;
  const side = mirrored ? -1 : 1;
  const [nx, ny] = [(-dy / length) * side, (dx / length) * side];
  const [mx, my] = [(a[0] + b[0]) / 2, (a[1] + b[1]) / 2];
  const [tx, ty] = [mx + nx * 22, my + ny * 22];
  const wing = (along) => [tx - nx * 8 + (dx / length) * along, ty - ny * 8 + (dy / length) * along];
  pen.save();
  pen.scale(devicePixelRatio, devicePixelRatio);
  for (const [style, width] of [["rgb(0 0 0 / 55%)", 5], ["#fff", 2.5]]) {
    pen.strokeStyle = style;
    pen.lineWidth = width;
    pen.beginPath();
    for (const [first, ...rest] of [[a, b], [[mx, my], [tx, ty]], [wing(-6), [tx, ty], wing(6)]]) {
      pen.moveTo(...first);
      for (const point of rest) pen.lineTo(...point);
    }
    pen.stroke();
  }
  pen.restore();
}
