// The kinds of settings. `parse` reads the address, with null for nonsense; the other functions are for the control.

import { make } from "./dom.js";
import { colour } from "./overlay.js";

/** A slider with its value beside it. */
export const number = (min, max, step) => ({
  parse(text) {
    const value = Number.parseFloat(text);
    return Number.isNaN(value) ? null : Math.min(max, Math.max(min, step < 1 ? value : Math.round(value)));
  },
  prepare: (control) => Object.assign(control, { min, max, step }),
  show(control, value) {
    control.value = value;
    control.nextElementSibling.textContent = value.toFixed(step < 1 ? 2 : 0);
  },
  read: (control) => control.valueAsNumber,
});

/** A menu: values and their texts. */
export const choice = (choices) => ({
  parse: (text) => (Object.hasOwn(choices, text) ? text : null),
  prepare(control) {
    control.replaceChildren(...Object.entries(choices).map(([value, text]) => new Option(text, value)));
  },
  show: (control, value) => { control.value = value; },
  read: (control) => control.value,
});

/** A checkbox that is `on` by default: 1 or 0, or null for the default. */
export const flag = (on) => ({
  parse: (text) => (text === String(1 - on) ? 1 - on : null),
  prepare() {},
  show: (control, value) => { control.checked = Boolean(value ?? on); },
  read: (control) => (Number(control.checked) === on ? null : 1 - on),
});

/** A checkbox that sets `value`, and is off by default. */
export const optional = (value) => ({
  parse: (text) => (text === value ? value : null),
  prepare() {},
  show: (control, chosen) => { control.checked = Boolean(chosen); },
  read: (control) => (control.checked ? value : null),
});

const MANY = 24; // classes: from here on they can be searched

/** A chip for each class; where there are many, the input before them hides those without its text. */
export const classes = () => ({
  parse: (text) => text?.split(",").map((label) => label.trim()).filter(Boolean) ?? null,
  prepare(control, labels) {
    control.replaceChildren(...labels.map((label, index) => {
      const chip = make("label", {}, make("input", { type: "checkbox", value: label }), label);
      chip.style.setProperty("--class", colour(index + 1));
      return chip;
    }));
    const search = control.previousElementSibling;
    Object.assign(search, { value: "", hidden: labels.length <= MANY });
    search.oninput = () => {
      const wanted = search.value.trim().toLowerCase();
      for (const chip of control.children) chip.hidden = !chip.textContent.toLowerCase().includes(wanted);
    };
  },
  show(control, value) {
    for (const box of control.querySelectorAll("input")) box.checked = value?.includes(box.value) ?? true;
  },
  read(control) {
    const chosen = [...control.querySelectorAll(":checked")].map(({ value }) => value);
    return chosen.length === control.children.length ? null : chosen;
  },
});
