// The page in one file, with another model in place of its own: for people to mail to each other.
//
// In it each file is a block of base64 on a line of its own. The script at its end opens them.

import { sha256 } from "./storage.js";

const WEIGHTS = "model.safetensors";
const MODELS = /<script type="text\/base64" data-path="models\/[^<]*<\/script>/g;

/**
 * Such a page as a Blob of HTML, with the weights file `file` (`Detector.file()`) as its only model. `entry` is what
 * models/index.json says of a model; only its `name` and `labels` are needed. A page from a server needs the network.
 */
export async function standalonePage(file, entry) {
  const page = await thisPage();
  const model = { ...entry, file: WEIGHTS, bytes: file.size, sha256: await sha256(await file.arrayBuffer()) };
  const list = new Blob([JSON.stringify({ default: model.name, models: [model] })]);
  let blocks = await block("models/index.json", "application/json", list);
  blocks += `\n${await block(`models/${WEIGHTS}`, "application/octet-stream", file)}`;
  const changed = page.replace(MODELS, () => {
    const now = blocks;
    blocks = "";
    return now;
  });
  return new Blob([changed], { type: "text/html" });
}

// Its text: as it was opened, or as its server has it.
async function thisPage() {
  if (globalThis.asOpened) return `<!doctype html>\n${globalThis.asOpened.outerHTML}`;
  const answer = await fetch("./standalone.html").catch(() => null);
  if (answer?.ok) return answer.text();
  const why = answer ? `the server answered ${answer.status}` : "its server is out of reach";
  throw new Error(`The page in one file could not be fetched (${why}): try again when it is there.`);
}

async function block(path, type, blob) {
  const data = await new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(reader.result.split(",")[1]);
    reader.onerror = () => reject(reader.error);
    reader.readAsDataURL(blob);
  });
  return `<script type="text/base64" data-path="${path}" data-type="${type}">${data}</script>`;
}
