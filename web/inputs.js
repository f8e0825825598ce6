// What the user does: buttons, files, drops, pastes, keys, samples. Every act ends in one call of `acts`.

const $ = (id) => document.getElementById(id);

/** Binds all inputs. Returns `{ showSamples }`. */
export function bindInputs(acts) {
  // A list of class names goes with the weights beside it, or with those in use.
  function takeFiles([...files], isWeights = /\.(safetensors|pth|pt|ckpt|bin|tar)$/i) {
    const find = (pattern) => files.find(({ name }) => pattern.test(name));
    const [weights, names] = [find(isWeights), find(/\.(txt|names)$/i)];
    if (weights || names) acts.loadWeights(weights, names);
    else acts.openFile(files[0]);
  }

  // Of a drop or a paste: the files, or else an address in the text.
  function takeData(data) {
    const [line] = data.getData("text/plain").trim().split(/\s/);
    if (data.files.length) takeFiles(data.files);
    else if (/^(https?:\/\/|data:image\/)/i.test(line) && URL.canParse(line)) acts.openAddress(line);
  }

  // Weights may have any name there.
  for (const [id, isWeights] of [["file"], ["weights-file", /^(?!.*\.(txt|names)$)/i]]) {
    $(id).addEventListener("change", ({ target }) => {
      if (target.files.length) takeFiles(target.files, isWeights);
      target.value = ""; // so that the same file can be chosen again
    });
  }

  const help = () => $("help").showModal();
  const clicks = { camera: acts.camera, screen: acts.screen, "save-png": acts.savePng, "save-json": acts.saveJson, "help-open": help };
  for (const [id, act] of Object.entries(clicks)) $(id).addEventListener("click", () => act());
  $("screen").hidden = !navigator.mediaDevices?.getDisplayMedia; // phones have none
  for (const id of ["model", "camera-device"]) $(id).addEventListener("change", ({ target }) => acts[id](target.value));

  const mark = (on) => document.documentElement.classList.toggle("dropping", on);
  addEventListener("dragover", (event) => {
    event.preventDefault();
    mark(true);
  });
  // `relatedTarget` is null only where the pointer leaves the window.
  addEventListener("dragleave", ({ relatedTarget }) => relatedTarget || mark(false));
  addEventListener("drop", (event) => {
    event.preventDefault();
    mark(false);
    takeData(event.dataTransfer);
  });
  addEventListener("paste", ({ clipboardData }) => takeData(clipboardData));

  const keys = { o: () => $("file").click(), c: acts.camera, s: acts.savePng, "?": help };
  addEventListener("keydown", (event) => {
    if (!keys[event.key] || event.ctrlKey || event.metaKey || event.altKey || event.target.closest?.("select, dialog")) return;
    event.preventDefault();
    keys[event.key]();
  });

  return {
    showSamples(samples) {
      $("samples").hidden = !samples.length;
      $("samples").replaceChildren(...samples.map(({ file, title }) => {
        const src = `./samples/${file}`;
        const button = Object.assign(document.createElement("button"), { type: "button", title });
        button.append(Object.assign(new Image(), { src, alt: title }));
        button.addEventListener("click", () => acts.openAddress(src));
        const item = document.createElement("li");
        item.append(button);
        return item;
      }));
    },
  };
}
