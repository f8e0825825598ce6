// Starts a worker wherever this module is: beside the page, in a bundle, on another site.

import { absolute, failure, refusal } from "./support.js";

export const crash = (what) => failure("DeviceLost", `The detector stopped (${what}) and starts anew: call again.`);

/**
 * `make` is `() => new Worker(new URL("FILE", import.meta.url), { type: "module" })`, which bundlers know. Its first
 * message is "started"; `receive` gets the others, `fail` its end: `lost(why)` once started.
 */
export function spawn(make, receive, fail, lost = crash) {
  const { Worker: Native } = globalThis;
  const start = performance.now();
  const waiting = []; // messages
  let started = false;
  let worker = null;
  let address = null;

  // Bundlers change the address, so it is read here. A worker may import another site's script, not be it.
  function FromAnywhere(url, options) {
    address = absolute(url);
    if (address.origin === origin) return new Native(url, options);
    const text = JSON.stringify(address.href);
    const script = options?.type !== "module" ? `importScripts(${text})`
      : `import(${text}).catch(({ message }) => postMessage({ message }))`;
    return new Native(URL.createObjectURL(new Blob([script], { type: "text/javascript" })));
  }

  const end = () => worker?.terminate();

  async function explain(message) {
    end();
    if (started) return fail(lost(message));
    const why = (await refusal(start)) ?? (message || (await fault(address.href)));
    fail(failure("DeviceLost", `The worker did not start (${why}).`));
  }

  try {
    if (!Native) throw new Error("there are no workers here: load it in a browser");
    globalThis.Worker = FromAnywhere;
    worker = make();
    worker.onerror = ({ message }) => explain(message);
    worker.onmessage = ({ data }) => {
      if (started) return receive(data);
      if (data !== "started") return explain(data.message);
      started = true;
      waiting.forEach((message) => worker.postMessage(message));
    };
  } catch ({ message }) {
    explain(message);
  } finally {
    if (Native) globalThis.Worker = Native;
  }
  const post = (message, transfer) => (started ? worker.postMessage(message, transfer) : waiting.push(message));
  return { post, end };
}

// Why a script did not load. The browser does not say.
async function fault(url) {
  const answer = await fetch(url).then(({ status }) => status, () => "nothing");
  return `the server answered ${answer} for ${url}: serve the folder whole, to other sites with CORS`;
}
