// The models that ship, are kept in this browser, or were opened in this visit. One is
// `{ name, weights, labels, sha256, entry, kept }`: `weights` is an address, a File or a function that promises one,
// `entry` is from models/index.json, `kept` is a note of kept.js.

import { $, make } from "./dom.js";
import { download } from "./export.js";
import { forgetKept, keep, listKept, openKept } from "./kept.js";
import { size } from "./readout.js";
import { standalonePage } from "./standalone.js";
import { listCached } from "./storage.js";
import { CACHED } from "./support.js";

/** `page` has the `model` and `detector` in use; `load(model)` changes them; `say(text)` tells the user. */
export function bindModels(page, load, say) {
  const models = new Map();
  const add = (model) => models.set(model.name, model);
  const stored = (note) => ({ weights: () => openKept(note), sha256: note.sum, kept: note, labels: null });

  function freeName(name) {
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
    $("save-page").hidden = !model;
    $("keep").textContent = `Keep for next time (${size(detector?.info.bytes ?? 0)})`;
    const cached = await listCached();
    const bytes = cached.reduce((sum, note) => sum + note.size, 0);
    $("cached").hidden = !bytes;
    $("cached-text").textContent = `${cached.length} model${cached.length > 1 ? "s" : ""} cached, ${size(bytes)}`;
    $("kept").replaceChildren(...(await listKept()).map((note) => {
      const onclick = () => forget(note);
      const button = make("button", { ariaLabel: `Forget ${note.name}`, onclick }, "Forget");
      return make("li", {}, `${note.name}, ${size(note.size)}`, button);
    }));
  }

  async function forget(note) {
    const model = [...models.values()].find(({ kept }) => kept?.sum === note.sum);
    // In use, it stays for this visit.
    if (model === page.model) Object.assign(model, { weights: await page.detector.file(), kept: null });
    else models.delete(model?.name);
    await forgetKept(note);
    await show();
    say(`${note.name} has been forgotten.`);
  }

  async function keepCurrent() {
    const { model } = page;
    const note = await keep(model.name, await page.detector.file());
    // The same file under another name.
    for (const { name, kept } of models.values()) if (kept?.sum === note.sum) models.delete(name);
    Object.assign(model, stored(note));
    await show();
    say(`Kept as ${note.name}, ${size(note.size)}.`);
  }

  async function saveAsPage() {
    const { model: { name, entry }, detector } = page;
    say("Putting the page and the model into one file…");
    const { labels, arch } = detector.info;
    const html = await standalonePage(await detector.file(), { labels, arch, ...entry, name });
    download(html, `${name}.html`);
    say(`${name}.html, ${size(html.size)}, opens by a double-click, without a server.`);
  }

  // Opens a model of the user's, in place of an earlier one of that name.
  async function open({ name, weights, labels }) {
    const old = models.get(name);
    const model = { name: old?.entry || old?.kept ? freeName(name) : name, weights, labels };
    add(model);
    await show();
    return load(model);
  }

  $("keep").onclick = keepCurrent;
  $("save-page").onclick = saveAsPage;
  $("cached-clear").onclick = () => caches.delete(CACHED).then(show);

  return {
    /** Lists what ships and what is kept, and loads the model at `address`, or else the default. */
    async start(address) {
      const index = await fetch("./models/index.json", { cache: "no-cache" }).then((answer) => answer.json())
        .catch(({ message }) => ({ models: [], message }));
      for (const entry of index.models) add({ ...entry, weights: `./models/${entry.file}`, labels: null, entry });
      for (const note of await listKept()) add({ name: freeName(note.name), ...stored(note) });
      await show();
      if (address) return open({ name: address.split("/").pop(), weights: address });
      const first = models.get(index.default) ?? [...models.values()][0];
      if (!first) throw new Error(`There is no model (models/index.json: ${index.message}): use your own weights.`);
      return load(first);
    },

    /** Opens a file, a list of class names, one per line, for the model in use, or both. */
    async take(file, names) {
      const labels = names && (await names.text()).split("\n");
      if (file || page.model) await open(file ? { name: file.name, weights: file, labels } : { ...page.model, labels });
    },

    select: (name) => load(models.get(name)),
    keep: keepCurrent,
    show,

    /** The error to show for a model that did not load. If it was kept, it is forgotten. */
    async refused(model, error) {
      if (error.name === "WeightsInvalid" && !model.entry) {
        if (model.kept) {
          await forgetKept(model.kept);
          error.message += ` ${model.name} has been forgotten here: open its file again.`;
        }
        models.delete(model.name);
        if (page.model) add(page.model);
      }
      await show();
      return error;
    },
  };
}
