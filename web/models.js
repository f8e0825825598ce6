// The models: those that ship, those kept in this browser, those of this visit. A model is `{ name, weights, labels, sha256, entry, kept }`:
// `weights` an address, a File, or a function that promises one; `entry` its line in models/index.json; `kept` its note in storage.js.

import { size } from "./readout.js";
import { clearCached, forgetKept, keep, listCached, listKept, openKept } from "./storage.js";

const $ = (id) => document.getElementById(id);
const make = (tag, properties) => Object.assign(document.createElement(tag), properties);

/** `page` has the `model` and `detector` in use, `load(model)` changes them; `say(text)` tells the user. */
export function bindModels(page, load, say) {
  const models = new Map();
  const add = (model) => models.set(model.name, model);
  const stored = (note) => ({ weights: () => openKept(note), sha256: note.sum, kept: note, labels: null });

  // A name that no model has yet.
  function fresh(name) {
    let other = name;
    for (let number = 2; models.has(other); number += 1) other = `${name} (${number})`;
    return other;
  }

  async function show() {
    const { model, detector } = page;
    $("model").replaceChildren(...[...models.keys()].map((name) => new Option(name)));
    $("model").hidden = models.size < 2;
    $("model").value = model?.name ?? "";
    $("keep").hidden = !isSecureContext || !model || model.entry || model.kept || typeof model.weights === "string";
    $("keep").textContent = `Keep for next time (${size(detector?.info.bytes ?? 0)})`;
    const cached = await listCached();
    const bytes = cached.reduce((sum, note) => sum + note.size, 0);
    $("cached").hidden = !bytes;
    $("cached-text").textContent = `${cached.length} model${cached.length > 1 ? "s" : ""} cached, ${size(bytes)}`;
    $("kept").replaceChildren(...(await listKept()).map((note) => {
      const onclick = () => forget(note);
      const item = make("li", { textContent: `${note.name}, ${size(note.size)}` });
      item.append(make("button", { textContent: "Forget", ariaLabel: `Forget ${note.name}`, onclick }));
      return item;
    }));
  }

  async function forget(note) {
    const model = [...models.values()].find(({ kept }) => kept?.sum === note.sum);
    // What is in use stays for this visit.
    if (model === page.model) Object.assign(model, { weights: await page.detector.file(), kept: null });
    else models.delete(model?.name);
    await forgetKept(note);
    await show();
    say(`${note.name} is forgotten.`);
  }

  async function keepCurrent() {
    const { model } = page;
    const note = await keep(model.name, await page.detector.file());
    // The same content under another name.
    for (const { name, kept } of models.values()) if (kept?.sum === note.sum) models.delete(name);
    Object.assign(model, stored(note));
    await show();
    say(`Kept as ${note.name}, ${size(note.size)}.`);
  }

  // A model of the user's. One that is opened again takes its own place, no other's.
  async function open({ name, weights, labels }) {
    const old = models.get(name);
    const model = { name: old?.entry || old?.kept ? fresh(name) : name, weights, labels };
    add(model);
    await show();
    return load(model);
  }

  $("keep").addEventListener("click", keepCurrent);
  $("cached-clear").addEventListener("click", () => clearCached().then(show));

  return {
    /** Reads what ships and what is kept, and loads the model at `address`, else the one that the page starts with. */
    async start(address) {
      const index = await fetch("./models/index.json", { cache: "no-cache" }).then((answer) => answer.json())
        .catch(({ message }) => ({ models: [], message }));
      for (const entry of index.models) add({ name: entry.name, weights: `./models/${entry.file}`, sha256: entry.sha256, entry });
      for (const note of await listKept()) add({ name: fresh(note.name), ...stored(note) });
      await show();
      if (address) return open({ name: address.split("/").pop(), weights: address });
      const first = models.get(index.default) ?? [...models.values()][0];
      if (!first) throw new Error(`The file models/index.json is not there (${index.message}): use your own weights.`);
      return load(first);
    },

    /** Takes a file and a list of names, one on a line; without a file the names are for the model in use. */
    async take(file, names) {
      const labels = names && (await names.text()).split("\n");
      if (file || page.model) await open(file ? { name: file.name, weights: file, labels } : { ...page.model, labels });
    },

    select: (name) => load(models.get(name)),
    show,

    /** After a model that did not load, gives the error to show. One that is kept and damaged or gone is forgotten. */
    async refused(model, error) {
      if (error.name === "WeightsInvalid" && !model.entry) {
        if (model.kept) {
          await forgetKept(model.kept);
          error.message += ` ${model.name} is forgotten here: open its file again.`;
        }
        models.delete(model.name);
        if (page.model) add(page.model);
      }
      await show();
      return error;
    },
  };
}
