// The models in a menu: those that ship, those kept in this browser, those of this visit; and what is kept and cached. A model is
// `{ name, weights, labels, sha256, entry, kept }`: `weights` an address, a File, or a function that promises one; `entry` its line in
// models/index.json; `kept` the note on it in the storage.

import { clear, held } from "./cache.js";
import { canKeep, forgetKept, keep, listKept, openKept, unlike } from "./kept.js";
import { size } from "./readout.js";

const $ = (id) => document.getElementById(id);
const make = (tag, properties) => Object.assign(document.createElement(tag), properties);

/** `load(model)` puts a model to use; `say(text)` and `fail(error)` tell the user. */
export function bindModels({ load, say, fail }) {
  const models = new Map();
  let current = {}; // `{ model, detector }` in use

  const add = (model) => models.set(model.name, model);
  const stored = (note) => ({ weights: () => openKept(note), sha256: note.sum, kept: note, labels: null });
  const fresh = (name) => unlike(name, [...models.keys()]);

  async function show() {
    const { model, detector } = current;
    $("model").replaceChildren(...[...models.keys()].map((name) => new Option(name)));
    $("model").hidden = models.size < 2;
    $("model").value = model?.name ?? "";
    $("keep").hidden = !canKeep || !model || model.entry || model.kept || typeof model.weights === "string";
    $("keep").textContent = `Keep for next time (${size(detector?.info.bytes ?? 0)})`;
    const cached = await held() ?? [];
    $("cached").hidden = !cached.length;
    const bytes = cached.reduce((sum, note) => sum + note.size, 0);
    $("cached-text").textContent = `${cached.length} model${cached.length > 1 ? "s" : ""} cached, ${size(bytes)}`;
    const kept = await listKept();
    $("kept").hidden = !kept.length;
    $("kept").replaceChildren(...kept.map((note) => {
      const onclick = () => forget(note).catch(fail);
      const item = make("li", { textContent: `${note.name}, ${size(note.size)}` });
      item.append(make("button", { textContent: "Forget", ariaLabel: `Forget ${note.name}`, onclick }));
      return item;
    }));
  }

  async function forget(note) {
    const model = [...models.values()].find(({ kept }) => kept?.sum === note.sum);
    // What is in use stays for this visit.
    if (model === current.model) Object.assign(model, { weights: await current.detector.file(), kept: null });
    else models.delete(model?.name);
    await forgetKept(note);
    await show();
    say(`${note.name} is forgotten.`);
  }

  async function keepCurrent() {
    const { model, detector } = current;
    const note = await keep(model.name, await detector.file());
    Object.assign(model, stored(note));
    await show();
    say(`Kept as ${note.name}, ${size(note.size)}${note.lasting ? "" : ", until the browser needs the room"}.`);
  }

  $("keep").addEventListener("click", () => keepCurrent().catch(fail));
  $("cached-clear").addEventListener("click", () => clear().then(show));

  return {
    /** Reads what ships and what is kept, and loads the model at `address`, else the one that the page starts with. */
    async start(address) {
      const index = await fetch("./models/index.json", { cache: "no-cache" }).then((answer) => answer.json())
        .catch(({ message }) => ({ models: [], message }));
      for (const entry of index.models) add({ name: entry.name, weights: `./models/${entry.file}`, sha256: entry.sha256, entry });
      for (const note of await listKept()) add({ name: fresh(note.name), ...stored(note) });
      await show();
      if (address) return this.open({ name: address.split("/").pop(), weights: address });
      const first = models.get(index.default) ?? [...models.values()][0];
      if (!first) throw new Error(`models/index.json could not be read (${index.message}): use your own weights.`);
      return load(first);
    },

    /** Takes a model of the user into the menu and loads it. One that is opened again takes its own place, no other's. */
    async open({ name, weights, labels }) {
      const old = models.get(name);
      const model = { name: old?.entry || old?.kept ? fresh(name) : name, weights, labels };
      add(model);
      await show();
      return load(model);
    },

    /** Other class names for the model in use. */
    async relabel(labels) {
      const { model, detector } = current;
      if (!model) throw new Error("There is no model yet that has these classes: open it together with its names.");
      return this.open({ ...model, weights: model.kept ? await detector.file() : model.weights, labels });
    },

    select: (name) => load(models.get(name)),

    /** A detector is in use now. */
    use(model, detector) {
      current = { model, detector };
      return show();
    },

    /** After a model that did not load, gives the error to show. One that is kept and damaged or gone is forgotten. */
    async refused(model, error) {
      if (error.name === "WeightsInvalid" && !model.entry) {
        if (model.kept) {
          await forgetKept(model.kept).catch(() => {});
          error.message += ` ${model.name} is forgotten here: open its file again.`;
        }
        if (model !== current.model) models.delete(model.name);
      }
      await show();
      return error;
    },
  };
}
