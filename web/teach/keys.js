// The keyboard while teaching is on show. The page's own keys rest, but for those of help and of leaving.

const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

/**
 * Binds the keys of the editor, the classes, the album, the sources and of `acts`; `pressed()` comes before each.
 */
export function bindKeys({ shown, editor, classes, album, sources, acts, pressed }) {
  function arrow(event) {
    const { key, shiftKey, ctrlKey, metaKey } = event;
    if (editor.selected === null || event.target.closest("#teach-shelf")) {
      const ends = { Home: 0, End: album.pictures.length - 1 };
      const to = { ArrowLeft: album.index - 1, ArrowRight: album.index + 1, ...ends }[key];
      if (to === undefined || !album.pictures.length) return false;
      album.go(to);
      return true;
    }
    if (!ARROWS[key] || !editor.box) return false;
    const stride = ctrlKey || metaKey ? 1 : editor.stride;
    const by = ARROWS[key].map((way) => way * stride);
    if (shiftKey) editor.resize(...by);
    else editor.move(...by);
    return true;
  }

  function plain({ key, target }) {
    if (key === "Escape") {
      editor.select(null);
      return true;
    }
    if (/^[1-9]$/.test(key)) return classes.pick(Number(key) - 1);
    if (key === "Enter" && editor.selected !== null && !target.closest("button, input, summary, a")) {
      if (editor.isGuess) editor.accept();
      classes.ask();
      return true;
    }
    if (key === " " && sources.live && !target.closest("button, input, summary, a")) {
      sources.snap();
      return true;
    }
    acts[key]?.();
    return Boolean(acts[key]);
  }

  // Before the page's own: in the capturing phase.
  addEventListener("keydown", (event) => {
    const { key, target, ctrlKey, metaKey, altKey, shiftKey } = event;
    if (!shown() || target.closest?.("dialog, select, input[type=text]") || altKey) return;
    const slider = target.closest?.("input[type=range], input[type=radio]");
    if (key !== "Shift" && key !== "Control" && key !== "Meta") pressed();
    let taken = !slider && (ARROWS[key] || key === "Home" || key === "End") && arrow(event);
    if (!taken && (ctrlKey || metaKey)) {
      const redo = (key.toLowerCase() === "z" && shiftKey) || key.toLowerCase() === "y";
      if (!redo && key.toLowerCase() !== "z") return;
      taken = true;
      if (redo) album.redo();
      else album.undo();
    } else if (!taken) {
      taken = plain(event);
    }
    if (taken) event.preventDefault();
    if (taken || !["?", "t", "Tab"].includes(key)) event.stopImmediatePropagation();
  }, true);
}
