// The picture on show with its boxes and suggestions, as elements that pointer and keyboard select.
//
// What is on show is a list of items: the picture's boxes, then the suggestions. `selected` is a place in it, or null.

import { $, make } from "../dom.js";
import { middle, moved, resized } from "./geometry.js";
import { bindPointer } from "./pointer.js";

const LABEL = 22; // CSS pixels that a name takes above its box
const REST = 1000; // ms after which a further key press is a step of its own

/**
 * Binds the editor. `guesses()` are suggestions, or with `preview` what a model finds; `accept(places, label)` makes
 * boxes of some, `dismiss(place)` takes one away; `loaded(picture, element)` follows when a picture is on show;
 * `name()` asks for a name. `fail(error)` tells of a picture that is gone.
 */
export function bindEditor(album, { guesses, accept, dismiss, loaded, name, fail }) {
  const [view, frame, image, layer, handles] =
    ["view", "frame", "picture", "boxes", "handles"].map((part) => $(`teach-${part}`));
  handles.append(...["nw", "n", "ne", "e", "se", "s", "sw", "w"].map((sides) => {
    const handle = make("i");
    handle.dataset.sides = sides;
    return handle;
  }));
  let selected = null;
  let draft = null; // the box while the pointer changes it: `{ place, box }`, with place null for a new one
  let open = null; // the picture whose pixels are on show
  let opening = null; // `{ id }` of the one whose pixels are awaited, an object for each time
  let scale = 1; // CSS pixels to one of the picture, known here so that drawing need not ask for a layout
  let keys = { at: 0, token: null };

  const boxes = () => open?.boxes ?? [];
  const isBox = (place) => place !== null && place < boxes().length;

  function items() {
    const own = boxes().map((box, place) => ({ box: draft?.place === place ? { ...box, ...draft.box } : box }));
    const found = open ? guesses().map((guess) => ({ ...guess, guessed: true })) : [];
    const drawn = draft && draft.place === null ? [{ box: draft.box, drawn: true }] : [];
    return [...own, ...found, ...drawn];
  }

  // As `object-fit: contain`, but the frame itself has that size, so that boxes are shares of it.
  function fit() {
    if (!open) return;
    scale = Math.min(view.clientWidth / open.width, view.clientHeight / open.height);
    const [width, height] = [open.width * scale, open.height * scale];
    const place = { width, height, left: (view.clientWidth - width) / 2, top: (view.clientHeight - height) / 2 };
    for (const [key, value] of Object.entries(place)) frame.style[key] = `${value}px`;
  }

  function draw() {
    const all = items();
    if (selected < 0 || selected >= all.length) selected = null;
    while (layer.children.length > all.length) layer.lastChild.remove();
    while (layer.children.length < all.length) {
      layer.append(make("div", { className: "box", tabIndex: 0, role: "button" }, make("span")));
    }
    const area = ({ box }) => box.width * box.height;
    const rank = new Map([...all].sort((a, b) => area(b) - area(a)).map((item, index) => [item, index]));
    all.forEach((item, index) => describe(layer.children[index], item, index, rank.get(item)));
    const chosen = isBox(selected) && all[selected];
    handles.hidden = !chosen;
    if (chosen) position(handles, chosen.box);
  }

  function describe(element, { box, guessed, preview, drawn }, index, rank) {
    position(element, box);
    element.style.zIndex = index === selected ? 999 : rank; // the small ones can be reached inside the large ones
    element.style.setProperty("--class", album.colour(box.label ?? album.label));
    const low = box.y * scale < LABEL;
    const states = { guess: guessed, preview, selected: index === selected, low };
    element.className = ["box", ...Object.keys(states).filter((name) => states[name])].join(" ");
    element.tabIndex = preview || drawn ? -1 : 0;
    element.ariaCurrent = String(index === selected);
    const label = box.label ?? "";
    const score = guessed ? ` ${Math.round(box.score * 100)}%` : "";
    element.firstChild.textContent = label + score;
    element.ariaLabel = `${guessed ? "Suggestion: " : ""}${label || "new box"}${score}, ${Math.round(box.width)} × ` +
      `${Math.round(box.height)} pixels at ${Math.round(box.x)}, ${Math.round(box.y)}`;
  }

  function position(element, { x, y, width, height }) {
    const share = (value, of) => `${(100 * value) / of}%`;
    const sides = { left: share(x, open.width), top: share(y, open.height), width: share(width, open.width),
      height: share(height, open.height) };
    Object.assign(element.style, sides);
  }

  async function show() {
    const picture = album.current;
    frame.hidden = !picture;
    $("teach-none").hidden = Boolean(picture);
    $("teach").classList.toggle("bare", !picture);
    if (picture && picture.id === open?.id) {
      open = picture;
      return draw();
    }
    if (picture && picture.id === opening?.id) return;
    // Its pixels first: until then nothing is on show, so that nobody draws into the picture before it.
    opening = picture && { id: picture.id };
    open = null;
    selected = null;
    draft = null;
    draw();
    URL.revokeObjectURL(image.src);
    image.removeAttribute("src");
    if (picture) await load(picture);
  }

  async function load(picture) {
    const mine = opening;
    const current = () => opening === mine;
    view.style.setProperty("--ratio", picture.width / picture.height);
    try {
      const url = URL.createObjectURL(await album.file(picture.id));
      if (!current()) return URL.revokeObjectURL(url);
      image.src = url;
      await image.decode();
    } catch (error) {
      if (!current()) return;
      fail(error.name === "EncodingError"
        ? new Error(`${picture.name} can no longer be read: remove it and add it again.`) : error);
      return;
    }
    if (!current()) return;
    opening = null;
    open = album.current;
    image.alt = picture.name;
    fit();
    draw();
    loaded(open, image);
  }

  function select(place, focus = true) {
    selected = place;
    draw();
    if (!focus) return;
    if (place === null) document.activeElement?.closest?.(".box")?.blur();
    else layer.children[place]?.focus({ preventScroll: true });
  }

  const replaced = (place, box) => boxes().map((old, index) => (index === place ? { ...old, ...box } : old));

  /** Adds a box of the chosen class and selects it. The first class of all gets its name right away. */
  function add(box) {
    const label = album.label || "object";
    album.change(open, { boxes: [...boxes(), { label, ...box }] });
    select(boxes().length - 1);
    if (!album.label) name();
  }

  // Presses of keys in a row are one step.
  function nudge(change, dx, dy) {
    const now = performance.now();
    if (now - keys.at > REST || keys.place !== selected) keys = { token: {}, place: selected };
    keys.at = now;
    album.change(open, { boxes: replaced(selected, change(boxes()[selected], dx, dy)) }, keys.token);
  }

  bindPointer(frame, {
    picture: () => open,
    selected: () => (isBox(selected) ? selected : null),
    box: (place) => boxes()[place],
    draft(place, box) {
      draft = box && { place, box };
      draw();
    },
    commit(place, box) {
      draft = null;
      if (place === null) add(box);
      else album.change(open, { boxes: replaced(place, box) });
    },
    select,
  });
  layer.addEventListener("focusin", ({ target }) => {
    const place = [...layer.children].indexOf(target);
    if (place !== selected) select(place, false);
  });
  album.watch(show);
  new ResizeObserver(fit).observe(view);

  return {
    show,
    draw,
    select,
    get selected() { return open ? selected : null; },
    get isGuess() { return selected !== null && !isBox(selected); },
    get box() { return isBox(selected) ? boxes()[selected] : null; },
    get ready() { return Boolean(open); },
    image,

    create() {
      if (open) add(middle(open));
    },

    move: (dx, dy) => isBox(selected) && nudge((box, ...by) => moved(box, ...by, open), dx, dy),
    resize: (dx, dy) => isBox(selected) && nudge((box, ...by) => resized(box, "es", ...by, open), dx, dy),
    /** How far an arrow key goes, in pixels of the picture. */
    get stride() { return Math.max(1, Math.round(Math.max(open?.width ?? 0, open?.height ?? 0) / 100)); },

    delete() {
      if (selected === null) return;
      const place = selected;
      if (!isBox(place)) dismiss(place - boxes().length);
      else album.change(open, { boxes: boxes().filter((_, index) => index !== place) });
      select(null);
    },

    /** Gives the selected box a label, or accepts the selected suggestion under it. */
    label(label) {
      if (selected === null || !open) return;
      if (isBox(selected)) {
        if (boxes()[selected].label !== label) album.change(open, { boxes: replaced(selected, { label }) });
      } else {
        accept([selected - boxes().length], label);
        select(boxes().length - 1, false);
      }
    },

    /** Accepts the selected suggestion, or all of them. */
    accept() {
      if (!open) return;
      const one = selected !== null && !isBox(selected);
      const count = guesses().length;
      if (!count || (selected !== null && !one)) return;
      accept(one ? [selected - boxes().length] : [...Array(count).keys()]);
      select(one ? boxes().length - 1 : null);
    },
  };
}
