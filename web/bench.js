// The measuring page: measures the engines that its form or its address names, one by one, and shows the result.
// The detector's page does not load it. Nothing is sent anywhere.
//
// The address may have weights, onnx, ort, picture, runs, warmup, score, engines (comma-separated), and start, which
// measures at once. For scripts: `document.documentElement.dataset.state` is ready, running, done or error, and
// `window.benchResult` is the result.

import { defaultModel, ENGINES, environment, measure, openInput } from "./bench-measure.js";
import { summary } from "./bench-report.js";
import { $, make } from "./dom.js";
import { fitting, listSamples } from "./samples.js";

const TEXTS = ["weights", "onnx", "ort", "picture", "runs", "warmup", "score"];
const query = new URLSearchParams(location.search);

const state = (name) => { document.documentElement.dataset.state = name; };
const say = (text) => { $("status").textContent = text; };

// ---- the form and the address

async function showForm() {
  // A copy of the page may have none, and weights by their address.
  const [samples, model] = await Promise.all([listSamples(), defaultModel().catch(() => null)]);
  $("picture").append(...samples.map(({ file, title }) => new Option(title, file)));
  const [suitable] = fitting(samples, model?.labels ?? []);
  const given = { runs: "50", warmup: "5", picture: suitable?.file, ...Object.fromEntries(query) };
  for (const id of TEXTS) if (given[id] != null) $(id).value = given[id];
  const usual = given.ort && given.onnx ? "own,ort-webgpu" : "own";
  const chosen = (given.engines ?? usual).split(",");
  $("engines").append(...Object.entries(ENGINES).map(([engine, { title }]) => {
    const box = { type: "checkbox", value: engine, checked: chosen.includes(engine) };
    return make("label", {}, make("input", box), title);
  }));
}

// Reads the form, and writes it into the address, so that a link measures the same.
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
  // The form does not check what comes from the address.
  const wrong = $("form").querySelector("input:invalid");
  if (wrong) return fail(new Error(`${wrong.labels[0].textContent}: ${wrong.validationMessage}`));
  if (!plan.engines.length) return fail(new Error("No engine is chosen: tick at least one."));
  state("running");
  $("fields").disabled = true;
  let input;
  try {
    say("Downloading the picture and the weights.");
    const around = await environment();
    input = await openInput(plan);
    const engines = [];
    for (const engine of plan.engines) {
      engines.push(await measure(engine, around, plan, input, (what) => say(`${ENGINES[engine].title}: ${what}`)));
    }
    const software = engines.some(({ info }) => info?.software);
    if (software) $("notice").textContent = SOFTWARE;
    show(summary({ ...around, software }, plan, input, engines));
    say("Done.");
    state("done");
  } catch (error) {
    fail(error);
  } finally {
    input?.decoder?.dispose();
    $("fields").disabled = false;
  }
}

const SOFTWARE = "The WebGPU adapter is software on the CPU: its times say nothing about a graphics card.";

function fail(error) {
  $("error").textContent = error.message;
  say("");
  state("error");
}

function show({ result, columns, rows, text }) {
  $("head").replaceChildren(...columns.map((name) => make("th", { scope: "col" }, name)));
  $("rows").replaceChildren(...rows.map(({ title, failure, cells }) => make("tr", {},
    make("th", { scope: "row" }, title),
    ...failure
      ? [make("td", { className: "failed", colSpan: columns.length - 1 }, failure)]
      : cells.map((content) => make("td", {}, content)),
  )));
  window.benchResult = result;
  $("text").textContent = text;
  $("json").textContent = JSON.stringify(result, null, 2);
  $("result").hidden = $("copy-json").disabled = $("copy-text").disabled = false;
}

for (const what of ["json", "text"]) {
  $(`copy-${what}`).addEventListener("click", () => navigator.clipboard.writeText($(what).textContent).then(
    () => say("Copied."),
    () => say("The browser did not permit it: select the text and copy it."),
  ));
}

$("form").addEventListener("submit", (event) => {
  event.preventDefault();
  run();
});

await showForm().catch(fail);
if (query.has("start")) run();
