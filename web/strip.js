// The strip: several pictures, one of them on show, each with its number of objects.
//
// An item is `{ name, file, index, report, error }`; `report` is what was detected in it (formats.js), `error` why it
// cannot be used. However many there are, only those in sight have elements, and no picture is held.

import { $, make } from "./dom.js";
import { counted } from "./readout.js";

const STEP = 100; // pixels from one picture to the next; style.css knows it, too

/** Binds the strip. `choose(item)` shows a picture, `changed()` follows every change of what is known of them. */
export function bindStrip({ choose, changed }) {
  const list = $("pictures");
  const track = list.firstElementChild;
  const elements = new Map(); // of items
  let items = [];
  let chosen = null;
  let drawing = 0;

  const later = () => { drawing ||= requestAnimationFrame(draw); };

  function draw() {
    drawing = 0;
    const first = Math.max(0, Math.floor(list.scrollLeft / STEP) - 2);
    const last = Math.ceil((list.scrollLeft + list.clientWidth) / STEP) + 2;
    const wanted = new Set(items.slice(first, last));
    if (chosen) wanted.add(chosen); // screen readers are told its element
    for (const [item, element] of elements) {
      if (wanted.has(item)) continue;
      URL.revokeObjectURL(element.firstChild.src);
      element.remove();
      elements.delete(item);
    }
    for (const item of wanted) describe(item, elements.get(item) ?? add(item));
    const known = items.filter(({ report, error }) => report || error).length;
    $("strip-text").textContent = known && known < items.length
      ? `${known} of ${counted(items.length, "picture")} detected` : summary();
    changed();
  }

  function add(item) {
    const img = make("img", { src: URL.createObjectURL(item.file), alt: "", decoding: "async", draggable: false });
    img.onerror = () => { img.hidden = true; };
    const element = make("div", { id: `picture-${item.index}`, role: "option", title: item.name }, img, make("span"));
    element.style.left = `${item.index * STEP}px`;
    element.onclick = () => go(item.index);
    Object.assign(element, { ariaSetSize: items.length, ariaPosInSet: item.index + 1 });
    elements.set(item, element);
    track.append(element);
    return element;
  }

  function describe({ name, report, error }, element) {
    const count = report?.detections.length;
    element.lastChild.textContent = error ? "!" : count ?? "";
    element.ariaLabel = name + (error ? ", cannot be used" : report ? `, ${counted(count, "object")}` : "");
    element.ariaSelected = element.id === list.getAttribute("aria-activedescendant");
    element.classList.toggle("bad", Boolean(error));
  }

  // All results together: how many of which class.
  function summary() {
    const reports = items.flatMap(({ report }) => report ?? []);
    if (!reports.length) return counted(items.length, "picture");
    const labels = new Map();
    for (const { label } of reports.flatMap(({ detections }) => detections)) {
      labels.set(label, (labels.get(label) ?? 0) + 1);
    }
    const total = [...labels.values()].reduce((sum, count) => sum + count, 0);
    const most = [...labels].sort(([, a], [, b]) => b - a).map(([label, count]) => `${label} ${count}`);
    const bad = items.filter(({ error }) => error).length;
    const parts = [counted(items.length, "picture"), counted(total, "object")];
    return parts.join(", ") + (most.length ? `: ${most.join(", ")}` : "") + (bad ? `; ${bad} cannot be used` : "");
  }

  function go(index) {
    if (!items.length) return;
    chosen = items[Math.max(0, Math.min(items.length - 1, index))];
    list.setAttribute("aria-activedescendant", `picture-${chosen.index}`);
    const left = chosen.index * STEP;
    // In sight, and so that the next one is, too.
    const least = left + 2 * STEP - list.clientWidth;
    list.scrollLeft = Math.max(least, Math.min(left - STEP, list.scrollLeft));
    draw();
    choose(chosen);
  }

  function set(pictures) {
    items = pictures.map(({ file, name }, index) => ({ file, name, index, report: null, error: "" }));
    chosen = null;
    $("strip").hidden = !items.length;
    track.style.width = `${items.length * STEP}px`;
    list.scrollLeft = 0;
    draw();
  }

  list.onscroll = later;
  new ResizeObserver(later).observe(list);

  return {
    get items() { return items; },
    get chosen() { return chosen; },
    open(pictures) {
      set(pictures);
      go(0);
    },
    close: () => items.length && set([]),
    /** Goes where a key leads; false if it leads nowhere. */
    press(key) {
      const places = { ArrowLeft: chosen?.index - 1, ArrowRight: chosen?.index + 1, Home: 0, End: items.length - 1 };
      if (!items.length || !Object.hasOwn(places, key)) return false;
      go(places[key]);
      return true;
    },
    summary,
    /** Takes down what is known of an item now. */
    note(item, known) {
      Object.assign(item, known);
      later();
    },
    /** Forgets all reports. */
    forget() {
      for (const item of items) item.report = null;
      later();
    },
    /** `3 of 40: `, for the status line. */
    place: (item) => (item ? `${item.index + 1} of ${items.length}: ` : ""),
  };
}
