// The drawings of “How SSD sees”: boxes that Rust computed, and a feature map's scores as heat, over the picture.

import { make } from "./dom.js";
import { colour, place } from "./overlay.js";

// From nothing to certainty: colour and opacity. Low scores are to be seen, too, so they are spread.
const HEAT = [[40, 20, 90, 0.35], [190, 50, 60, 0.55], [250, 150, 30, 0.7], [255, 245, 160, 0.85]];

function heat(score) {
  const at = Math.sqrt(score) * (HEAT.length - 1);
  const low = Math.min(Math.floor(at), HEAT.length - 2);
  return HEAT[low].map((value, index) => value + (HEAT[low + 1][index] - value) * (at - low));
}

/** Gives `draw(pen, unit)` the canvas over `view`, in pixels of the picture of `width` x `height`. */
export function drawOver(canvas, view, { width, height }, mirrored, draw) {
  const { scale, left, top } = place(canvas, view, { width, height });
  const pen = canvas.getContext("2d");
  pen.save();
  pen.translate(left, top);
  pen.scale(scale, scale);
  if (mirrored) pen.transform(-1, 0, 0, 1, width, 0);
  draw(pen, devicePixelRatio / scale);
  pen.restore();
}

/** Makes the picture darker, so that boxes stand out. */
export function dim(pen, { width, height }) {
  pen.fillStyle = "rgb(0 0 0 / 45%)";
  pen.fillRect(0, 0, width, height);
}

/** A box: dark below, so that it is seen on any picture. */
export function stroke(pen, { x, y, width, height }, style, unit, { line = 2.5, dash = [], alpha = 1 } = {}) {
  pen.globalAlpha = alpha;
  pen.setLineDash(dash.map((length) => length * unit));
  for (const [ink, thickness] of [["rgb(0 0 0 / 60%)", line + 2], [style, line]]) {
    pen.strokeStyle = ink;
    pen.lineWidth = thickness * unit;
    pen.strokeRect(x, y, width, height);
  }
  pen.setLineDash([]);
  pen.globalAlpha = 1;
}

/** A map's scores over the picture, its grid, and a cell of it. */
export function drawHeat(pen, { width, height }, { grid, scores }, { row, column }, unit) {
  const small = make("canvas", { width: grid, height: grid });
  const image = new ImageData(grid, grid);
  scores.forEach((score, cell) => {
    const [red, green, blue, opacity] = heat(score);
    image.data.set([red, green, blue, opacity * 255], cell * 4);
  });
  small.getContext("2d").putImageData(image, 0, 0);
  pen.imageSmoothingEnabled = false;
  pen.drawImage(small, 0, 0, width, height);
  pen.beginPath();
  for (let line = 0; line <= grid; line += 1) {
    pen.moveTo(line * width / grid, 0);
    pen.lineTo(line * width / grid, height);
    pen.moveTo(0, line * height / grid);
    pen.lineTo(width, line * height / grid);
  }
  pen.strokeStyle = "rgb(255 255 255 / 14%)";
  pen.lineWidth = unit;
  pen.stroke();
  pen.fillStyle = "rgb(255 255 255 / 45%)";
  pen.fillRect(column * width / grid, row * height / grid, width / grid, height / grid);
}

/** The priors of a cell, each in a colour of its own. */
export function drawPriors(pen, { boxes, priors, grid }, { row, column }, unit) {
  const first = (row * grid + column) * boxes;
  priors.slice(first, first + boxes).forEach((prior, index) => stroke(pen, prior, colour(index + 1), unit));
}
