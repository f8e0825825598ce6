// Mouse, pen and finger on a picture: draw a box, move or resize the selected one, select one.
//
// A drag draws wherever it begins, but on the selected box or its handles and on the name of any box, so that objects
// inside of others can be drawn. A press without a drag selects.

import { moved, resized, spanned } from "./geometry.js";

const SLACK = 4; // CSS pixels that a press may slip without being a drag

/**
 * Binds the pointer. `acts`: `picture()` on show, `selected()` box's place, `box(place)`; `draft(place, box)` while one
 * is changed (null ends it), `commit(place, box)` at the end, with the place null for a new box; `select(place)`.
 */
export function bindPointer(frame, acts) {
  let drag = null;

  // In pixels of the picture.
  function position({ clientX, clientY }) {
    const { left, top, width, height } = frame.getBoundingClientRect();
    const picture = acts.picture();
    return { x: ((clientX - left) / width) * picture.width, y: ((clientY - top) / height) * picture.height };
  }

  function begin(target) {
    const element = target.closest(".box");
    const place = element ? [...element.parentElement.children].indexOf(element) : null;
    const selected = acts.selected();
    const { sides } = target.dataset;
    if (sides) return { kind: "resize", place: selected, pressed: selected, sides };
    const held = place !== null && !element.matches(".guess") && (place === selected || target.matches("span"));
    return held ? { kind: "move", place, pressed: place } : { kind: "draw", place: null, pressed: place };
  }

  function changed(event) {
    const picture = acts.picture();
    const at = position(event);
    if (drag.kind === "draw") return spanned(drag.from, at, picture);
    const by = [at.x - drag.from.x, at.y - drag.from.y, picture];
    return drag.kind === "move" ? moved(drag.box, ...by) : resized(drag.box, drag.sides, ...by);
  }

  function end() {
    drag = null;
    acts.draft(null, null);
  }

  frame.addEventListener("pointerdown", (event) => {
    if (drag || event.button !== 0 || !acts.picture()) return;
    event.preventDefault(); // no text is selected, and the focus goes where `select` says
    const { pointerId: id, clientX: x, clientY: y } = event;
    drag = { ...begin(event.target), from: position(event), id, x, y, picture: acts.picture().id };
    if (drag.place !== null) drag.box = acts.box(drag.place);
    if (drag.kind === "move" && drag.place !== acts.selected()) acts.select(drag.place);
    frame.setPointerCapture(event.pointerId);
  });

  // A key may show another picture meanwhile.
  const holds = ({ pointerId }) => pointerId === drag?.id && acts.picture()?.id === drag.picture;

  frame.addEventListener("pointermove", (event) => {
    if (!holds(event)) return;
    drag.going ||= Math.hypot(event.clientX - drag.x, event.clientY - drag.y) > SLACK;
    if (drag.going) acts.draft(drag.place, changed(event));
  });

  frame.addEventListener("pointerup", (event) => {
    if (!holds(event)) return;
    const { going, place, pressed, box: old } = drag;
    const box = going && changed(event);
    end();
    if (!going) acts.select(pressed);
    else if (box.width && box.height && !(old && ["x", "y", "width", "height"].every((key) => old[key] === box[key]))) {
      acts.commit(place, box);
    }
  });

  for (const type of ["pointercancel", "lostpointercapture"]) {
    frame.addEventListener(type, ({ pointerId }) => pointerId === drag?.id && end());
  }
  addEventListener("keydown", ({ key }) => key === "Escape" && drag && end(), true);
}
