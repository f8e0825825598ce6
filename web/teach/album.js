// The pictures with their labels, in memory and in the store. Every change is written at once and can be undone.
//
// A picture is `{ id, name, bytes, width, height, boxes, empty }`: boxes are `{ label, x, y, width, height }` in pixels
// as shown; `empty` says that the user has looked and nothing is in it. Pictures and boxes are replaced, never changed.
// A class is `{ name, colour }`, the latter a number that stays with it.

import { colour } from "../overlay.js";
import { makeHistory } from "./history.js";

/** Whether a picture can be learned from: it has boxes, or is known to have none. */
export const isLabelled = ({ boxes, empty }) => boxes.length > 0 || empty;

/** `1 box`, `3 boxes`. */
export const boxesText = (count) => `${count} box${count === 1 ? "" : "es"}`;

const ELSEWHERE = "Your pictures are open in another tab: press “Change them here” first.";

/**
 * Opens the album in a store. `fail(error)` is told what could not be written. Nothing changes while `follows` is set:
 * then another tab has the pen.
 */
export async function openAlbum(store, fail) {
  const { classes, pictures } = await store.read();
  const steps = makeHistory();
  const watchers = new Set();
  const files = new Map(); // of pictures that are not in the store: one that was removed may come back
  const unwritten = new Map(); // changes that the store did not take, by key
  let written = Promise.resolve(); // the last write's end: they go one after the other
  let lastId = Math.max(0, ...pictures.map(({ id }) => id));
  let shown = pictures[0]?.id ?? null;

  const album = { classes, pictures, label: classes[0]?.name ?? "", follows: false };
  const place = (id) => album.pictures.findIndex((picture) => picture.id === id);
  const find = (id) => album.pictures[place(id)] ?? null;
  const tell = () => watchers.forEach((watch) => watch());

  function apply({ key, after }) {
    if (key === "classes") {
      album.classes = after;
      return;
    }
    const others = album.pictures.filter(({ id }) => id !== key);
    if (key === shown && !after) shown = (others[Math.min(place(key), others.length - 1)] ?? { id: null }).id;
    album.pictures = after ? [...others, after].sort((a, b) => a.id - b.id) : others;
  }

  function inTurn(task) {
    const done = written.then(task);
    written = done.catch(() => {});
    return done;
  }

  const write = (changes) => inTurn(() => writeNow(changes));

  // A change that is not kept stays in memory and is written with the next one.
  async function writeNow(changes) {
    for (const { key, after } of changes) {
      // What is taken away may come back.
      const leaves = key !== "classes" && !after && !files.get(key);
      if (leaves) files.set(key, await store.file(key).catch(() => undefined));
      unwritten.set(key, { key, value: after, file: after ? files.get(key) : undefined });
    }
    const mine = [...unwritten.values()];
    if (!mine.length) return;
    await store.write(mine);
    for (const change of mine) {
      if (unwritten.get(change.key) === change) unwritten.delete(change.key);
      if (change.file) files.delete(change.key);
    }
  }

  // The classes in use with their colours; a new one takes the lowest that is free.
  function classesNow() {
    const used = new Set(album.pictures.flatMap(({ boxes }) => boxes.map(({ label }) => label)));
    const kept = album.classes.filter(({ name }) => used.delete(name));
    for (const name of used) {
      const taken = new Set(kept.map(({ colour: number }) => number));
      let number = 1;
      while (taken.has(number)) number += 1;
      kept.push({ name, colour: number });
    }
    return kept;
  }

  // Applies changes as a step; returns them all.
  function make(changes, token) {
    const known = changes.map(({ key, after }) =>
      ({ key, after, before: key === "classes" ? album.classes : find(key) }));
    known.forEach(apply);
    const [before, after] = [album.classes, classesNow()];
    if (JSON.stringify(before) !== JSON.stringify(after)) {
      album.classes = after;
      known.push({ key: "classes", before, after });
    }
    steps.push(known, token);
    shown ??= album.pictures[0]?.id ?? null;
    tell();
    return known;
  }

  const properties = Object.getOwnPropertyDescriptors({
    get index() { return place(shown); },
    get current() { return find(shown); }, // null without pictures
    get canUndo() { return steps.canUndo; },
    get canRedo() { return steps.canRedo; },

    /** Calls `watch` after every change. */
    watch: (watch) => watchers.add(watch),
    tell,

    /** Shows the picture at a place. */
    go(index) {
      const picture = album.pictures[Math.max(0, Math.min(album.pictures.length - 1, index))];
      shown = picture?.id ?? null;
      tell();
    },

    /** Makes changes, each `{ key, after }`. Resolves when they are kept. */
    async commit(changes, token) {
      if (album.follows) return fail(new Error(ELSEWHERE));
      await write(make(changes, token)).catch(fail);
    },

    /** Changes what is known of a picture. Boxes in it end that it is empty. */
    change(picture, fields, token) {
      const after = { ...picture, ...fields };
      if (after.boxes.length) after.empty = false;
      return album.commit([{ key: picture.id, after }], token);
    },

    /** Adds a picture. One that does not fit into the storage is not added. */
    async add(file, { name, width, height, boxes = [], empty = false }, token) {
      if (album.follows) throw new Error(ELSEWHERE);
      lastId = Math.max(lastId + 1, Date.now() * 1000); // above those of other tabs, too
      const after = { id: lastId, name, bytes: file.size, width, height, boxes, empty: empty && !boxes.length };
      await inTurn(() => store.write([{ key: after.id, value: after, file }]));
      await write(make([{ key: after.id, after }], token).filter(({ key }) => key === "classes"));
      return after;
    },

    /** Removes pictures. */
    remove: (removed) => album.commit(removed.map(({ id }) => ({ key: id, after: null }))),

    /** Gives a class another name, which may be that of another class, in all pictures. */
    rename(from, to) {
      const named = (box) => (box.label === from ? { ...box, label: to } : box);
      const has = ({ boxes }) => boxes.some(({ label }) => label === from);
      const merged = album.classes.some(({ name }) => name === to);
      const after = merged ? album.classes.filter(({ name }) => name !== from)
        : album.classes.map((entry) => (entry.name === from ? { ...entry, name: to } : entry));
      const changed = album.pictures.filter(has)
        .map((picture) => ({ key: picture.id, after: { ...picture, boxes: picture.boxes.map(named) } }));
      if (album.label === from) album.label = to;
      return album.commit([{ key: "classes", after }, ...changed]);
    },

    undo: () => step(steps.undo),
    redo: () => step(steps.redo),

    /** Takes over what another tab has changed in the store. */
    async refresh() {
      const stored = await store.read().catch(fail);
      const now = { classes: album.classes, pictures: album.pictures };
      if (!stored || JSON.stringify(stored) === JSON.stringify(now)) return;
      Object.assign(album, stored);
      lastId = Math.max(lastId, ...stored.pictures.map(({ id }) => id));
      steps.clear();
      files.clear();
      if (!find(shown)) shown = album.pictures[0]?.id ?? null;
      tell();
    },

    /** Promises whether all changes are in the store, once none is on its way. */
    async settled() {
      for (let last; last !== written;) await (last = written);
      return !unwritten.size;
    },

    file: async (id) => files.get(id) ?? unwritten.get(id)?.file ?? store.file(id),

    /** How many boxes have each label. */
    counts() {
      const counts = new Map(album.classes.map(({ name }) => [name, 0]));
      for (const { label } of album.pictures.flatMap(({ boxes }) => boxes)) counts.set(label, counts.get(label) + 1);
      return counts;
    },

    /** A label's colour; that of the next class for one that is not there yet. */
    colour: (label) =>
      colour(album.classes.find(({ name }) => name === label)?.colour ?? album.classes.length + 1),
  });
  Object.defineProperties(album, properties);

  async function step(take) {
    if (album.follows) return fail(new Error(ELSEWHERE));
    const changes = take();
    if (!changes) return;
    changes.forEach(apply);
    const changed = changes.filter(({ key, after }) => key !== "classes" && after).map(({ key }) => key);
    if (changed.length && !changed.includes(shown)) shown = Math.min(...changed);
    if (!find(shown)) shown = album.pictures[0]?.id ?? null;
    tell();
    await write(changes).catch(fail);
  }

  return album;
}
