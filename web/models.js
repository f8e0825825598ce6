// The models: those that ship, those that the user kept in this browser, those opened in this visit. Here are their menu, what is
// kept and forgotten, and what is cached. A model is `{ name, weights, labels, sha256, entry, kept }`: `weights` is an address, a
// File, or gives a promise of one; `entry` is its line in models/index.json, `kept` its name in the storage.

import { clear, held } from "./cache.js";
import { canKeep, forgetKept, keep, listKept, openKept, unlike } from "./kept.js";
import { size } from "./readout.js";

const $ = (id) => document.getElementById(id);

/** `acts.load(model)` puts a model to use, `acts.say(text)` and `acts.fail(error)` tell the user. */
export function bindModels(acts) {
  const models = new Map();
  let current = null; // { model, detector } in use

  const fromStorage = ({ name, sum }) => ({ weights: () => openKept(name), sha256: sum, kept: name });
  const fresh = (name) => unlike(name, [...models.keys()]);

  function showMenu() {
    $("model").replaceChildren(...[...models.keys()].map((name) => new Option(name)));
    $("model").hidden = models.size < 2;
    $("model").value = current?.model.name ?? "";
  }

  async function showStored() {
    const { count, bytes } = await held() ?? { count: 0 };
    $("cached").hidden = !count;
    $("cached-text").textContent = `${count} model${count === 1 ? "" : "s"} cached, ${size(bytes ?? 0)}`;
    const kept = await listKept();
    $("kept").hidden = !kept.length;
    $("kept").replaceChildren(...kept.map(({ name, bytes }) => {
      const button = Object.assign(document.createElement("button"), { type: "button", textContent: "Forget", ariaLabel: `Forget ${name}` });
      button.addEventListener("click", () => forget(name).catch(acts.fail));
      const item = document.createElement("li");
      item.append(Object.assign(document.createElement("span"), { textContent: `${name}, ${size(bytes)}` }), button);
      return item;
    }));
  }

  // What is in use stays in the menu for this visit.
  async function forget(name) {
    const model = [...models.values()].find(({ kept }) => kept === name);
    if (model && model === current?.model) {
      const file = await current.detector.file();
      Object.assign(model, { weights: file, kept: undefined });
    } else if (model) models.delete(model.name);
    await forgetKept(name);
    await show();
    acts.say(`${name} is forgotten.`);
  }

  async function show() {
    showMenu();
    $("keep").hidden = !canKeep || !current || current.model.entry || current.model.kept || typeof current.model.weights === "string";
    $("keep").textContent = `Keep for next time (${size(current?.detector.info.bytes ?? 0)})`;
    await showStored();
  }

  $("keep").addEventListener("click", async () => {
    const { model, detector } = current;
    $("keep").disabled = true;
    try {
      const entry = await keep(model.name, await detector.file());
      Object.assign(model, fromStorage(entry));
      const promise = entry.lasting ? "" : " The browser may drop it when room runs out.";
      acts.say(`Kept here as ${entry.name}, ${size(entry.bytes)}.${promise}`);
    } catch (error) {
      acts.fail(error);
    }
    $("keep").disabled = false;
    await show();
  });
  $("cached-clear").addEventListener("click", () => clear().then(showStored));

  return {
    /** Reads what ships and what is kept, and loads the model at `address`, else the one that the page starts with. */
    async start(address) {
      const index = await fetch("./models/index.json", { cache: "no-cache" }).then((answer) => answer.json())
        .catch(({ message }) => ({ models: [], message }));
      for (const entry of index.models) {
        models.set(entry.name, { name: entry.name, weights: `./models/${entry.file}`, sha256: entry.sha256, entry });
      }
      for (const entry of await listKept()) {
        const name = fresh(entry.name);
        models.set(name, { name, ...fromStorage(entry) });
      }
      if (address) return this.add({ name: address.split("/").pop(), weights: address });
      const first = models.get(index.default) ?? [...models.values()][0];
      if (!first) throw new Error(`models/index.json could not be read (${index.message}): use your own weights.`);
      showMenu();
      return acts.load(first);
    },

    /** Takes a model of the user into the menu and loads it. */
    add({ name, weights, labels }) {
      // A file that is opened again takes its own place, not that of a model that stays.
      const old = models.get(name);
      const model = { name: old?.entry || old?.kept ? fresh(name) : name, weights, labels };
      models.set(model.name, model);
      showMenu();
      return acts.load(model);
    },

    /** Other class names for the model in use. */
    async relabel(labels) {
      if (!current) throw new Error("There is no model yet whose classes these could be: open the model, too.");
      const { model, detector } = current;
      return this.add({ ...model, weights: model.kept ? await detector.file() : model.weights, labels });
    },

    select: (name) => acts.load(models.get(name)),

    /** A detector is in use now; null after one that did not load. */
    show(model, detector) {
      if (detector) current = { model, detector };
      return show();
    },

    /** The error to show for a model that did not load. A kept one that is damaged or gone is forgotten. */
    async refused(model, error) {
      if (error.name === "WeightsInvalid" && model.kept) {
        await forgetKept(model.kept).catch(() => {});
        error.message = `${error.message.replace(/\.$/, "")}. ${model.name} is forgotten here: open its file again.`;
      }
      if (error.name === "WeightsInvalid" && model !== current?.model && !model.entry) models.delete(model.name);
      await show();
      return error;
    },
  };
}
