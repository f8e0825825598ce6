// Names of classes: the field and the chips below the picture, which name the selected box or the next one, and the
// list beside it, where a name is changed in all pictures.

import { $, make } from "../dom.js";
import { boxesText } from "./album.js";

/** Binds them. `editor` has the selected box; `labels()` are those of the model, offered for completion. */
export function bindClasses(album, editor, labels) {
  const field = $("teach-name");
  const chips = $("teach-chips");
  const list = $("teach-list");
  const names = () => album.classes.map(({ name }) => name);

  function choose(text) {
    const label = text.trim().replace(/\s+/g, " ");
    if (!label) return show();
    album.label = label;
    editor.label(label);
    album.tell();
  }

  const selectedLabel = () => editor.box?.label ?? album.label;

  function show() {
    const chosen = selectedLabel();
    if (document.activeElement !== field) field.value = chosen;
    const shown = names();
    if (album.label && !shown.includes(album.label) && !editor.box) shown.push(album.label);
    while (chips.children.length > shown.length) chips.lastChild.remove();
    while (chips.children.length < shown.length) chips.append(make("button", { type: "button" }));
    shown.forEach((name, index) => {
      const chip = chips.children[index];
      chip.textContent = name;
      chip.ariaPressed = String(name === chosen);
      chip.style.setProperty("--class", album.colour(name));
      if (index < 9) chip.title = `Key ${index + 1}`;
    });
    showList();
    const offered = [...new Set([...names(), ...labels()])];
    if (offered.join("\n") === field.dataset.offered) return;
    field.dataset.offered = offered.join("\n");
    $("teach-names").replaceChildren(...offered.map((value) => make("option", { value })));
  }

  function showList() {
    const counts = [...album.counts()];
    $("teach-classless").hidden = counts.length > 0;
    while (list.children.length > counts.length) list.lastChild.remove();
    while (list.children.length < counts.length) {
      list.append(make("li", {}, make("input", { type: "text", maxLength: 60, spellcheck: false }), make("span")));
    }
    counts.forEach(([name, count], index) => {
      const [input, number] = list.children[index].children;
      list.children[index].style.setProperty("--class", album.colour(name));
      if (document.activeElement !== input) input.value = name;
      Object.assign(input, { ariaLabel: `Rename ${name}`, name });
      number.textContent = boxesText(count);
    });
  }

  field.onkeydown = ({ key }) => {
    if (key === "Escape") field.value = selectedLabel();
    if (key !== "Enter" && key !== "Escape") return;
    if (key === "Enter") choose(field.value);
    editor.select(editor.selected); // the keys go to the picture again
    if (document.activeElement === field) field.blur();
  };
  field.onchange = () => choose(field.value);
  field.onblur = show;
  chips.onclick = ({ target }) => target.closest("button") && choose(target.closest("button").textContent);
  list.onchange = ({ target }) => {
    const to = target.value.trim().replace(/\s+/g, " ");
    if (to && to !== target.name) album.rename(target.name, to);
    else target.value = target.name;
  };
  list.onkeydown = ({ key, target }) => key === "Enter" && target.blur();
  album.watch(show);

  return {
    show,
    /** Asks for a name, with the one there is selected. */
    ask() {
      field.value = selectedLabel() || "object";
      field.focus();
      field.select();
    },
    /** Chooses the class at a place; false if there is none. */
    pick(place) {
      const name = names()[place];
      if (name) choose(name);
      return Boolean(name);
    },
  };
}
