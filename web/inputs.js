// What the user does: buttons, files, drops, pastes, keys, samples. Each action calls one of `acts`.

import { $, make } from "./dom.js";
import { isPicture, transferred } from "./files.js";

/** Binds all inputs. Returns `{ showSamples }`. */
export function bindInputs(acts) {
  // Class names belong to the weights beside them, or else to those in use. Beside pictures a text is something else.
  function takeFiles([...files], isWeights = /\.(safetensors|pth|pt|ckpt|bin|tar|tflite)$/i) {
    const find = (pattern) => files.find(({ name }) => pattern.test(name));
    const [weights, names] = [find(isWeights), find(/\.(txt|names)$/i)];
    if (weights || (names && !files.some(isPicture))) acts.loadWeights(weights, names);
    else acts.openFiles(files);
  }

  // The files of a drop or a paste, or else the address in its text.
  async function takeData(data) {
    const [line] = data.getData("text/plain").trim().split(/\s/);
    const { files, folders } = await transferred(data);
    if (folders) acts.openFiles(files);
    else if (files.length) takeFiles(files);
    else if (/^(https?:\/\/|data:image\/)/i.test(line) && URL.canParse(line)) acts.openAddress(line);
  }

  $("folder").onchange = ({ target }) => {
    acts.openFiles([...target.files]);
    target.value = "";
  };
  $("folder").parentElement.hidden = !("webkitdirectory" in $("folder")); // not on every phone

  // Chosen as weights, a file may have any name.
  for (const [id, isWeights] of [["file"], ["weights-file", /^(?!.*\.(txt|names)$)/i]]) {
    $(id).onchange = ({ target }) => {
      if (target.files.length) takeFiles(target.files, isWeights);
      target.value = ""; // lets the same file be chosen again
    };
  }

  const help = () => $("help").showModal();
  const { camera, screen, mirror } = acts;
  const clicks = { camera, screen, mirror, "help-open": help, "strip-close": acts.closeStrip };
  for (const [id, act] of Object.entries(clicks)) $(id).onclick = () => act();
  $("screen").hidden = !navigator.mediaDevices?.getDisplayMedia; // phones have none
  for (const id of ["model", "camera-device"]) $(id).onchange = ({ target }) => acts[id](target.value);

  const mark = (on) => document.documentElement.classList.toggle("dropping", on);
  addEventListener("dragover", (event) => {
    event.preventDefault();
    mark(true);
  });
  // `relatedTarget` is null when the pointer leaves the window.
  addEventListener("dragleave", ({ relatedTarget }) => relatedTarget || mark(false));
  addEventListener("drop", (event) => {
    event.preventDefault();
    mark(false);
    takeData(event.dataTransfer);
  });
  addEventListener("paste", ({ clipboardData }) => takeData(clipboardData));

  const keys = {
    o: () => $("file").click(), c: camera, h: acts.seeing, s: acts.savePng, t: acts.teach, "?": help,
  };
  addEventListener("keydown", (event) => {
    const { key, target, ctrlKey, metaKey, altKey } = event;
    if (ctrlKey || metaKey || altKey || target.closest?.("select, dialog, [type=search]")) return;
    // A slider, a radio button and a text have these keys for themselves.
    const own = `input:not([type=file], [type=checkbox])${key === " " ? ", button, summary, a, input" : ""}`;
    const taken = !target.closest?.(own) && acts.press(key);
    if (!taken && !keys[key]) return;
    event.preventDefault();
    if (!taken) keys[key]();
  });

  return {
    showSamples(samples) {
      $("samples").hidden = !samples.length;
      $("samples").replaceChildren(...samples.map(({ file, title }) => {
        const src = `./samples/${file}`;
        const onclick = () => acts.openSample(file);
        return make("li", {}, make("button", { title, onclick }, make("img", { src, alt: title })));
      }));
    },
  };
}
