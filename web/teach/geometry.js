// Boxes that the user draws: `{ x, y, width, height }` in whole pixels of the picture, never outside of it.

const between = (value, least, most) => Math.max(least, Math.min(most, value));

const fromSides = (box, [left, top, right, bottom]) =>
  ({ ...box, x: left, y: top, width: right - left, height: bottom - top });

/** The box with these two corners, given in any order. */
export function spanned(from, to, picture) {
  const side = (name, most) => [from[name], to[name]].map((value) => between(Math.round(value), 0, most))
    .sort((a, b) => a - b);
  const [[left, right], [top, bottom]] = [side("x", picture.width), side("y", picture.height)];
  return fromSides({}, [left, top, right, bottom]);
}

/** The box elsewhere, stopped by the picture's edge. */
export const moved = (box, dx, dy, picture) => ({
  ...box,
  x: between(Math.round(box.x + dx), 0, picture.width - box.width),
  y: between(Math.round(box.y + dy), 0, picture.height - box.height),
});

/** The box with the sides in `sides` (some of the letters `nesw`) elsewhere. A side that passes the other one stops. */
export function resized(box, sides, dx, dy, picture) {
  let [left, top, right, bottom] = [box.x, box.y, box.x + box.width, box.y + box.height];
  if (sides.includes("w")) left = between(Math.round(left + dx), 0, right - 1);
  if (sides.includes("e")) right = between(Math.round(right + dx), left + 1, picture.width);
  if (sides.includes("n")) top = between(Math.round(top + dy), 0, bottom - 1);
  if (sides.includes("s")) bottom = between(Math.round(bottom + dy), top + 1, picture.height);
  return fromSides(box, [left, top, right, bottom]);
}

/** The part of a box that lies in the picture, to a hundredth of a pixel; null if nothing of it does. */
export function clipped({ label, x, y, width, height }, picture) {
  const round = (value) => Math.round(value * 100) / 100;
  const [left, right] = [x, x + width].map((value) => round(between(value, 0, picture.width)));
  const [top, bottom] = [y, y + height].map((value) => round(between(value, 0, picture.height)));
  const inside = right > left && bottom > top;
  return inside ? { label, x: left, y: top, width: round(right - left), height: round(bottom - top) } : null;
}

/** A third of the picture, in its middle. */
export function middle({ width, height }) {
  const [wide, high] = [Math.max(1, Math.round(width / 3)), Math.max(1, Math.round(height / 3))];
  return { x: Math.round((width - wide) / 2), y: Math.round((height - high) / 2), width: wide, height: high };
}

/** Whether two boxes mean the same object, so that one need not be suggested beside the other. */
export function alike(one, other) {
  const shared = (from, size) =>
    Math.max(0, Math.min(one[from] + one[size], other[from] + other[size]) - Math.max(one[from], other[from]));
  const both = shared("x", "width") * shared("y", "height");
  return both > 0.5 * (one.width * one.height + other.width * other.height - both);
}
