// What a model finds in the picture on show: as suggestions, or while another model learns as its preview.

import { alike, clipped } from "./geometry.js";

/**
 * Binds it. `model()` is the detector in use or null, `ask(element)` promises its result; `changed()` follows what is
 * found. `wanted()` says whether to suggest at all.
 */
export function bindSuggestions(album, { model, ask, wanted, changed }) {
  const seen = { model: null, pictures: new Map() }; // what a model found in each picture, by its id
  let shown = null; // `{ picture, element }`
  let preview = null; // what the model that learns finds in the picture on show: `{ id, found }`
  let asking = null;

  function known() {
    if (seen.model !== model()) Object.assign(seen, { model: model(), pictures: new Map() });
    return seen.pictures;
  }

  const found = (result, picture) => result.detections.flatMap(({ label, score, box }) => {
    const inside = clipped({ label, ...box }, picture);
    return inside ? { ...inside, score } : [];
  });

  // One question at a time; the picture on show when it is answered is the next.
  async function look() {
    if (asking || !shown || !wanted() || !model() || known().has(shown.picture.id)) return;
    const { picture, element } = shown;
    const pictures = known();
    asking = ask(element).then((result) => pictures.set(picture.id, found(result, picture)))
      .catch(() => pictures.set(picture.id, [])); // an aid alone: the page says what ails the model
    await asking;
    asking = null;
    changed();
    look();
  }

  return {
    /** A picture is on show in an element, or none is. */
    show(picture, element) {
      shown = picture && { picture, element };
      look();
    },
    look,
    get shown() { return shown; },

    /** The boxes for the picture on show, each `{ box, preview }`. */
    list() {
      const { current } = album;
      if (!current) return [];
      if (preview) return preview.id === current.id ? preview.found.map((box) => ({ box, preview: true })) : [];
      const all = wanted() ? known().get(current.id) ?? [] : [];
      return all.filter((guess) => current.boxes.every((box) => !alike(box, guess))).map((box) => ({ box }));
    },

    /** Makes boxes of the suggestions at these places, with their own label or another one. */
    accept(places, label) {
      const { current } = album;
      const taken = places.map((place) => this.list()[place]?.box).filter(Boolean).map((box) => {
        const [left, top] = [Math.round(box.x), Math.round(box.y)];
        const [right, bottom] = [Math.round(box.x + box.width), Math.round(box.y + box.height)];
        return { label: label ?? box.label, x: left, y: top, width: Math.max(1, right - left),
          height: Math.max(1, bottom - top) };
      });
      if (taken.length) album.change(current, { boxes: [...current.boxes, ...taken] });
    },

    /** Takes a suggestion away. */
    dismiss(place) {
      const guess = this.list()[place]?.box;
      const { id } = album.current;
      known().set(id, (known().get(id) ?? []).filter((other) => other !== guess));
      changed();
    },

    /** Shows what another model finds, a result for `picture`; null ends it. */
    preview(picture, result) {
      preview = picture && { id: picture.id, found: found(result, picture) };
      changed();
    },
  };
}
