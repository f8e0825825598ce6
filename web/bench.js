// The measuring page: what its form and its address ask for, measured one engine after the other, shown and ready to copy.
// It is no part of the detector's page, which does not load it. Nothing is sent anywhere.
//
// The address may hold weights, onnx, ort, picture, runs, warmup, score, engines (comma-separated), and start, which measures at
// once. For scripts: `document.documentElement.dataset.state` is ready, running, done or error; `window.benchResult` the result.

import { ENGINES, environment, measure, openInput } from "./bench-measure.js";
import { summary } from "./bench-report.js";

const $ = (id) => document.getElementById(id);
const TEXTS = ["weights", "onnx", "ort", "picture", "runs", "warmup", "score"];
const query = new URLSearchParams(location.search);

const state = (name) => { document.documentElement.dataset.state = name; };
const say = (text) => { $("status").textContent = text; };

// ---- the form and the address

async function showForm() {
  const samples = await fetch("./samples/index.json").then((response) => response.json());
  $("picture").append(...samples.map(({ file, title }) => new Option(title, file)));
  const given = { runs: "50", warmup: "5", picture: samples[0]?.file, ...Object.fromEntries(query) };
  for (const id of TEXTS) if (given[id] != null) $(id).value = given[id];
  const usual = given.ort && given.onnx ? "own,ort-webgpu" : "own";
  const chosen = (given.engines ?? usual).split(",");
  $("engines").append(...Object.entries(ENGINES).map(([engine, { title }]) => {
    const box = Object.assign(document.createElement("input"), { type: "checkbox", value: engine, checked: chosen.includes(engine) });
    const label = document.createElement("label");
    label.append(box, title);
    return label;
  }));
}

// What the form asks for, put into the address too, so that its link asks for the same.
function takeForm() {
  const url = new URL(location.href);
  const plan = { engines: [...$("engines").querySelectorAll(":checked")].map(({ value }) => value) };
  for (const id of TEXTS) {
    plan[id] = $(id).value.trim();
    if (plan[id]) url.searchParams.set(id, plan[id]);
    else url.searchParams.delete(id);
  }
  url.searchParams.set("engines", plan.engines.join());
  history.replaceState(null, "", url);
  const score = Number(plan.score) || null;
  return { ...plan, runs: Number(plan.runs), warmup: Number(plan.warmup), score };
}

// ---- the measurement

async function run() {
  const plan = takeForm();
  $("error").textContent = $("notice").textContent = "";
  window.benchResult = null;
  // What an address asks for has not been checked by the form.
  const wrong = $("form").querySelector("input:invalid");
  if (wrong) return fail(new Error(`${wrong.labels[0].textContent}: ${wrong.validationMessage}`));
  if (!plan.engines.length) return fail(new Error("No engine is chosen: tick at least one."));
  state("running");
  $("fields").disabled = true;
  try {
    say("Fetching the picture and the weights.");
    const [around, input] = await Promise.all([environment(), openInput(plan)]);
    if (around.software) $("notice").textContent = SOFTWARE;
    const engines = [];
    for (const engine of plan.engines) {
      engines.push(await measure(engine, around, plan, input, (what) => say(`${ENGINES[engine].title}: ${what}`)));
    }
    show(summary(around, plan, input, engines));
    say("Done.");
    state("done");
  } catch (error) {
    fail(error);
  } finally {
    $("fields").disabled = false;
  }
}

const SOFTWARE = "The WebGPU adapter is a program on the processor: boxes can be compared here, times say nothing of a graphics card.";

function fail(error) {
  $("error").textContent = error.message;
  say("");
  state("error");
}

function show({ result, columns, rows, text }) {
  const cell = (kind, content) => Object.assign(document.createElement(kind), { textContent: content });
  $("head").replaceChildren(...columns.map((name) => Object.assign(cell("th", name), { scope: "col" })));
  $("rows").replaceChildren(...rows.map(({ title, failure, cells }) => {
    const row = document.createElement("tr");
    row.append(Object.assign(cell("th", title), { scope: "row" }));
    if (failure) row.append(Object.assign(cell("td", failure), { className: "failed", colSpan: columns.length - 1 }));
    else row.append(...cells.map((content) => cell("td", content)));
    return row;
  }));
  window.benchResult = result;
  $("text").textContent = text;
  $("json").textContent = JSON.stringify(result, null, 2);
  $("result").hidden = $("copy-json").disabled = $("copy-text").disabled = false;
}

for (const what of ["json", "text"]) {
  $(`copy-${what}`).addEventListener("click", () => navigator.clipboard.writeText($(what).textContent).then(
    () => say("Copied."),
    () => say("The browser did not allow it: select the text and copy it."),
  ));
}

$("form").addEventListener("submit", (event) => {
  event.preventDefault();
  run();
});

await showForm().catch(fail);
if (query.has("start")) run();
