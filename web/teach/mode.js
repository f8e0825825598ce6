// Teaching: labelling pictures, learning from them, and the model that comes out. Here its parts are joined.
//
// For scripts and tests: `document.documentElement.dataset.teach` is absent while teaching is not on show, else
// `ready`, `learning`, `paused` or `done`.

import { $ } from "../dom.js";
import { counted } from "../readout.js";
import { boxesText, isLabelled, openAlbum } from "./album.js";
import { bindClasses } from "./classes.js";
import { bindEditor } from "./editor.js";
import { bindKeys } from "./keys.js";
import { layOut } from "./layout.js";
import { bindLearning } from "./learn.js";
import { makePen } from "./pen.js";
import { bindSaving } from "./save.js";
import { bindShelf } from "./shelf.js";
import { bindSources } from "./sources.js";
import { openStore } from "./store.js";
import { bindSuggestions } from "./suggest.js";

/**
 * Builds teaching, hidden. `host` is main.js: `page` has `source`, `detector` and `model`; `ask(element)` promises
 * what its detector finds, `freeze()` makes a still picture of camera or screen, `models` are those of models.js,
 * `fail(error)` shows an error and `forget()` ends one; `lab()` and `standalone()` promise the modules teach.js and
 * standalone.js.
 */
export async function bindMode(host) {
  const { page, forget } = host;
  const fail = (error) => {
    host.fail(error);
    $("error").scrollIntoView({ block: "nearest" });
  };
  const store = await openStore();
  const album = await openAlbum(store, fail);
  const { pictures, side } = await layOut();
  const root = document.documentElement;
  const mode = { shown: false };
  let said = 0; // until when a word stays, before what is on show is told again

  function say(text) {
    $("teach-status").textContent = text;
    said = performance.now() + 4000;
  }

  const suggestions = bindSuggestions(album, {
    model: () => page.detector,
    ask: host.ask,
    wanted: () => mode.shown && $("teach-suggest").checked,
    changed() {
      editor.draw();
      show();
    },
  });
  const editor = bindEditor(album, {
    guesses: () => suggestions.list(),
    accept: (places, label) => suggestions.accept(places, label),
    dismiss: (place) => suggestions.dismiss(place),
    loaded: (picture, element) => suggestions.show(picture, element),
    name: () => classes.ask(),
    fail,
  });
  const classes = bindClasses(album, editor, () => page.detector?.info.labels ?? []);
  const shelf = bindShelf(album);
  const sources = bindSources(album, { shown: () => page.source, say, fail });
  const learning = bindLearning(album, { host, suggestions, camera: () => sources.camera, fail, forget });
  bindSaving(album, { say, fail });
  const pen = makePen(store, album, () => {
    album.follows = !pen.mine;
    $("teach-elsewhere").hidden = pen.mine;
    root.classList.toggle("following", !pen.mine);
    editor.select(null, false);
  });
  $("teach-here").onclick = pen.take;

  function copy() {
    const { current, index } = album;
    const next = album.pictures[index + 1];
    if (!current?.boxes.length) return say("There is no box to copy: draw one first.");
    if (!next) return say("There is no next picture: add one.");
    const fits = ({ x, y, width, height }) => x + width <= next.width && y + height <= next.height;
    const copied = current.boxes.filter(fits);
    album.change(next, { boxes: [...next.boxes, ...copied] });
    album.go(index + 1);
    if (copied.length < current.boxes.length) say("Some boxes do not fit into the next picture.");
  }

  function toggleEmpty() {
    const { current } = album;
    if (current && !current.boxes.length) album.change(current, { empty: !current.empty });
    else if (current) say("There are boxes in this picture: delete them first.");
  }

  function show() {
    const { current, index } = album;
    const labelled = album.pictures.filter(isLabelled).length;
    $("teach-undo").disabled = !album.canUndo;
    $("teach-redo").disabled = !album.canRedo;
    $("teach-delete").disabled = editor.selected === null;
    for (const id of ["new", "copy", "empty", "remove", "clear"]) $(`teach-${id}`).disabled = !current;
    $("teach-empty").ariaPressed = String(Boolean(current?.empty));
    const guesses = suggestions.list().filter(({ preview }) => !preview).length;
    $("teach-accept").hidden = !guesses;
    $("teach-accept").textContent = editor.isGuess ? "Accept it" : `Accept ${counted(guesses, "suggestion")}`;
    if (performance.now() < said && $("teach-status").textContent) return;
    const what = current && (current.boxes.length ? boxesText(current.boxes.length)
      : current.empty ? "nothing here" : "not labelled yet");
    $("teach-status").textContent = current
      ? `${index + 1} of ${album.pictures.length}: ${current.name}, ${what}; ${labelled} labelled in all` : "";
  }

  // What the page shows comes to rest.
  function rest() {
    const { live, element } = page.source ?? {};
    if (live === "video") element.pause();
    else if (live) host.freeze();
  }

  // An action of the user ends the last word and the last error.
  function touched() {
    said = 0;
    forget();
  }

  const acts = {
    new: () => editor.create(),
    delete: () => editor.delete(),
    undo: () => album.undo(),
    redo: () => album.redo(),
    copy,
    empty: toggleEmpty,
    accept: () => editor.accept(),
    remove: () => album.remove([album.current]),
    async clear() {
      const removed = album.remove(album.pictures);
      say("All pictures are removed. Undo brings them back, until this page is closed.");
      await removed;
    },
    close: () => mode.toggle(),
  };
  for (const [id, act] of Object.entries(acts)) {
    $(`teach-${id}`).onclick = () => {
      touched();
      act();
      show();
    };
  }
  $("teach-suggest").onchange = () => {
    suggestions.look();
    editor.draw();
    show();
  };
  bindKeys({
    shown: () => mode.shown,
    editor,
    classes,
    album,
    sources,
    pressed: touched,
    acts: {
      o: () => $("teach-file").click(),
      n: acts.new,
      a: acts.accept,
      c: copy,
      e: toggleEmpty,
      Delete: acts.delete,
      Backspace: acts.delete,
    },
  });
  for (const part of [pictures, side]) {
    // What is typed into a field is no key of the page's.
    part.addEventListener("keydown", (event) => event.target.matches("input[type=text]") && event.stopPropagation());
  }
  pictures.addEventListener("pointerdown", touched, true);
  $("teach-boxes").addEventListener("focusin", () => {
    show();
    classes.show();
  });
  album.watch(show);
  // A model has come into use, or another one.
  new MutationObserver(() => {
    if (!mode.shown || root.dataset.state !== "ready") return;
    suggestions.look();
    classes.show();
    learning.show();
  }).observe(root, { attributeFilter: ["data-state"] });

  mode.toggle = async () => {
    mode.shown = !mode.shown;
    if (mode.shown) {
      rest();
      await pen.enter();
      if (!mode.shown) return;
    } else {
      sources.closeCamera();
      pen.leave();
    }
    pictures.hidden = side.hidden = !mode.shown;
    root.classList.toggle("teaching", mode.shown);
    learning.mark(mode.shown);
    if (!mode.shown) return $("teach-open").focus();
    editor.show();
    classes.show();
    shelf.draw();
    suggestions.look();
    learning.show();
    show();
  };
  mode.take = (files) => sources.take(files);
  mode.takeAddress = (url) => sources.takeAddress(url);
  return mode;
}
