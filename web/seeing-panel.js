// The inside of “How SSD sees”: three views of what the lab computed of the picture on show. It computes no box.

import { $, make } from "./dom.js";
import { latest } from "./loop.js";
import { caption, colour } from "./overlay.js";
import { dim, drawHeat, drawOver, drawPriors, stroke } from "./seeing-draw.js";
import { openSight } from "./seeing-sight.js";
import {
  INSIDE, NOTHING, WORKING, cellSays, facts, mapName, rivalSays, rivalsSay, stepSays,
} from "./seeing-text.js";

const VIEWS = ["maps", "box", "nms"];
const PRIOR = "#ffffff";
const RIVAL = "#ff7a70";

/** Fills the panel. `view()` is what to explain (seeing.js), `close(error)` closes it. Returns `{ update }`. */
export async function fill(panel, view, close) {
  panel.insertAdjacentHTML("afterbegin", INSIDE);
  const canvas = make("canvas", { id: "seeing-drawing", ariaHidden: "true" });
  $("view").append(canvas);
  let seen = null; // the answer of the lab
  let shown = "maps";
  let rival = null; // the one to show alone
  let sight = null; // while the panel is open
  const refresh = latest(look);

  const found = () => seen?.detections[$("seeing-found").selectedIndex];
  const map = () => seen.maps[$("seeing-map").selectedIndex];
  const cell = () => ({ row: $("seeing-row").value - 1, column: $("seeing-column").value - 1 });
  const last = () => found().path.length - 1;

  // What is asked for, until the answer is for what is on show.
  async function look() {
    const { detector, source, result, options } = view();
    if (panel.hidden || !result) return;
    if (!seen) show();
    const mine = sight ??= openSight();
    const wanted = () => sight === mine && source === view().source && detector === view().detector;
    try {
      const answer = await mine.explain(detector, source.element, options);
      if (wanted()) take(answer);
    } catch (error) {
      if (wanted()) close(error);
    }
  }

  function take(answer) {
    // At first the map that the best detection comes from.
    const before = seen && [$("seeing-found").selectedIndex, $("seeing-map").selectedIndex];
    const [index, mapIndex] = before ?? [0, answer.detections[0]?.place.map ?? 0];
    seen = answer;
    list("seeing-found", seen.detections.map(caption), index);
    list("seeing-map", seen.maps.map(mapName), mapIndex);
    if (before) goTo(cell().row, cell().column);
    else goToBest();
    show();
  }

  function list(id, names, index) {
    $(id).replaceChildren(...names.map((name) => new Option(name)));
    $(id).selectedIndex = Math.max(0, Math.min(index, names.length - 1));
  }

  // The map's surest cell.
  function goToBest() {
    const { grid, scores } = map();
    const best = scores.indexOf(Math.max(...scores));
    goTo(Math.floor(best / grid), best % grid);
  }

  function goTo(row, column) {
    for (const [name, at] of [["row", row], ["column", column]]) {
      Object.assign($(`seeing-${name}`), { max: map().grid, value: at + 1 });
    }
  }

  // A detection, and the cell that it comes from.
  function choose(index) {
    const { place } = seen.detections[index];
    $("seeing-found").selectedIndex = index;
    $("seeing-map").selectedIndex = place.map;
    goTo(place.row, place.column);
  }

  function show() {
    rival = null; // its button is made anew
    for (const name of VIEWS) $(`seeing-${name}`).ariaPressed = name === shown;
    for (const part of panel.querySelectorAll("[data-view]")) part.hidden = !part.dataset.view.includes(shown);
    $("seeing-says").textContent = WORKING;
    if (!seen) return;
    const detection = found();
    if (detection) $("seeing-step").max = last() + 2;
    for (const slider of panel.querySelectorAll("[type=range]")) {
      slider.nextElementSibling.textContent = slider.value;
    }
    const says = {
      maps: () => cellSays(map(), cell().row, cell().column),
      box: () => stepSays(detection, step(), last()),
      nms: () => rivalsSay(detection),
    };
    const empty = shown !== "maps" && !detection;
    $("seeing-says").textContent = empty ? NOTHING : says[shown]();
    $("seeing-facts").replaceChildren(...(empty || shown !== "box" ? [] : Object.entries(facts(detection, seen.maps))
      .flatMap(([name, value]) => [make("dt", {}, name), make("dd", {}, value)])));
    $("seeing-rivals").replaceChildren(...(empty || shown !== "nms" ? [] : detection.rivals.map((each) => {
      const alone = (on) => () => { rival = on ? each : null; draw(); };
      const events = { onpointerenter: alone(true), onpointerleave: alone(false) };
      return make("li", {}, make("button", { ...events, onfocus: alone(true), onblur: alone(false) }, rivalSays(each)));
    })));
    draw();
  }

  const step = () => Number($("seeing-step").value);

  function draw() {
    $("view").classList.toggle("seen", Boolean(seen) && !panel.hidden);
    if (!seen || panel.hidden) return;
    drawOver(canvas, $("view"), seen, view().source?.mirrored, (pen, unit) => {
      if (shown === "maps") {
        drawHeat(pen, seen, map(), cell(), unit);
        return drawPriors(pen, map(), cell(), unit);
      }
      dim(pen, seen);
      if (found()) ({ box: drawStep, nms: drawRivals })[shown](pen, found(), unit);
    });
  }

  function drawStep(pen, { path, rivals, classIndex }, unit) {
    const end = last();
    if (step() <= end) stroke(pen, path[0], PRIOR, unit, { dash: [6, 5], line: 1.5 });
    if (step() === end + 1) rivals.forEach(({ box }) => stroke(pen, box, RIVAL, unit, { line: 1.2 }));
    if (step()) stroke(pen, path[Math.min(step(), end)], colour(classIndex), unit);
  }

  function drawRivals(pen, { box, rivals, classIndex }, unit) {
    for (const each of rivals) {
      const alpha = rival && rival !== each ? 0.15 : 1;
      stroke(pen, each.box, RIVAL, unit, { line: 1.2, alpha });
    }
    stroke(pen, box, colour(classIndex), unit);
  }

  // The pointer picks a cell, or the smallest detection under it.
  function pick({ offsetX, offsetY }) {
    if (!seen || panel.hidden) return;
    const { clientWidth, clientHeight } = $("view");
    const scale = Math.min(clientWidth / seen.width, clientHeight / seen.height);
    const across = (offsetX - (clientWidth - seen.width * scale) / 2) / scale;
    const x = view().source?.mirrored ? seen.width - across : across;
    const y = (offsetY - (clientHeight - seen.height * scale) / 2) / scale;
    if (x < 0 || y < 0 || x >= seen.width || y >= seen.height) return;
    if (shown === "maps") {
      goTo(Math.floor(y / seen.height * map().grid), Math.floor(x / seen.width * map().grid));
    } else {
      const inside = ({ box }) => x >= box.x && y >= box.y && x < box.x + box.width && y < box.y + box.height;
      const under = seen.detections.filter(inside);
      const [smallest] = under.sort((a, b) => a.box.width * a.box.height - b.box.width * b.box.height);
      if (smallest) choose(seen.detections.indexOf(smallest));
    }
    show();
  }

  // The list beside the picture is a way to a detection, too. Of several that read alike, the one at the same place.
  function pickListed({ target }) {
    if (panel.hidden || !seen) return;
    const place = [...$("detections").children].indexOf(target.closest("li"));
    const alike = (each) => each && caption(each) === target.textContent;
    const index = alike(seen.detections[place]) ? place : seen.detections.findIndex(alike);
    if (index < 0) return;
    choose(index);
    show();
  }

  for (const name of VIEWS) {
    $(`seeing-${name}`).onclick = () => {
      shown = name;
      show();
    };
  }
  for (const name of ["row", "column", "step"]) $(`seeing-${name}`).oninput = show;
  $("seeing-found").oninput = ({ target }) => {
    choose(target.selectedIndex);
    show();
  };
  $("seeing-map").oninput = () => {
    goToBest();
    show();
  };
  $("seeing-close").onclick = () => close();
  canvas.onclick = pick;
  $("detections").addEventListener("click", pickListed);
  new ResizeObserver(draw).observe($("view"));

  return {
    /** Follows what is on show. Closed, or without a result, the panel lets go of what it knows. */
    update() {
      if (!panel.hidden && view().result) {
        refresh();
        return;
      }
      seen = null;
      $("seeing-says").textContent = WORKING;
      draw();
      if (!panel.hidden) return;
      sight?.close();
      sight = null;
    },
  };
}
