// The row of the user's pictures, each with its number of boxes. Those in sight alone have elements.

import { $, make } from "../dom.js";

const STEP = 100; // pixels from one picture to the next; teach.css knows it, too

/** Binds the row. */
export function bindShelf(album) {
  const list = $("teach-shelf");
  const track = list.firstElementChild;
  const elements = new Map(); // by the picture's id
  let drawing = 0;
  let last = null; // the picture that was in sight

  const later = () => { drawing ||= requestAnimationFrame(draw); };

  function draw() {
    drawing = 0;
    const { pictures, current, index } = album;
    list.hidden = !pictures.length;
    track.style.width = `${pictures.length * STEP}px`;
    if (current?.id !== last) reveal(index);
    last = current?.id;
    const from = Math.max(0, Math.floor(list.scrollLeft / STEP) - 2);
    const to = Math.ceil((list.scrollLeft + list.clientWidth) / STEP) + 2;
    const wanted = new Map(pictures.slice(from, to).map((picture, place) => [picture.id, from + place]));
    if (current) wanted.set(current.id, index); // screen readers are told its element
    for (const [id, element] of elements) {
      if (wanted.has(id)) continue;
      URL.revokeObjectURL(element.firstChild.src);
      element.remove();
      elements.delete(id);
    }
    for (const [id, place] of wanted) describe(pictures[place], place, elements.get(id) ?? add(pictures[place]));
    list.setAttribute("aria-activedescendant", current ? `teach-${current.id}` : "");
  }

  function reveal(index) {
    const left = index * STEP;
    const least = left + 2 * STEP - list.clientWidth;
    list.scrollLeft = Math.max(least, Math.min(left - STEP, list.scrollLeft));
  }

  function add({ id }) {
    const img = make("img", { alt: "", decoding: "async", draggable: false });
    const element = make("div", { id: `teach-${id}`, role: "option" }, img, make("span"));
    element.onclick = () => album.go(album.pictures.findIndex((picture) => picture.id === id));
    elements.set(id, element);
    track.append(element);
    album.file(id).then((file) => {
      if (element.isConnected) img.src = URL.createObjectURL(file);
    }).catch(() => {}); // shown large, the picture says what is wrong
    return element;
  }

  function describe(picture, place, element) {
    const { name, boxes, empty } = picture;
    const state = boxes.length ? String(boxes.length) : empty ? "0" : "";
    element.style.left = `${place * STEP}px`;
    element.lastChild.textContent = state;
    element.title = name;
    element.ariaLabel = `${name}, ${boxes.length || empty ? `${state} boxes` : "not labelled yet"}`;
    element.ariaSelected = String(picture.id === album.current?.id);
    Object.assign(element, { ariaSetSize: album.pictures.length, ariaPosInSet: place + 1 });
  }

  list.onscroll = later;
  new ResizeObserver(later).observe(list);
  album.watch(later);
  return { draw: later };
}
