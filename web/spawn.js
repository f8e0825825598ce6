// Starts a worker wherever this module came from: beside the page, from a bundler, from another site, inside a worker.
// Where it does not start, finds out why.

import { failure, watchPolicy } from "./support.js";

/** The error of a worker that stopped working. */
export const crash = (what) => failure("DeviceLost", `The detector stopped working (${what}): load it again.`);

/**
 * `make` is `() => new Worker(new URL("./FILE.js", import.meta.url), { type: "module" })`, literally: bundlers know no
 * other form. The worker's first message is "started". `receive` gets the others, `fail` the error that ended it.
 */
export function spawn(make, receive, fail) {
  const { Worker: Native } = globalThis;
  const policy = watchPolicy("worker-src");
  const waiting = []; // messages to it
  let started = false;
  let worker = null;
  let address = null;

  // A bundler has changed the address, so it is read here. A script of another site may not become a worker, but a
  // worker may import it.
  function FromAnywhere(url, options) {
    address = new URL(url, globalThis.document?.baseURI ?? location.href).href;
    if (new URL(address).origin === origin) return new Native(url, options);
    const text = JSON.stringify(address);
    const load = options?.type === "module" ? `import(${text}).catch(({ message }) => postMessage({ message }))`
      : `importScripts(${text})`;
    const script = `addEventListener("securitypolicyviolation", ({ effectiveDirective, blockedURI, disposition }) =>
      postMessage({ refused: { effectiveDirective, blockedURI, disposition } })); ${load}`;
    return new Native(URL.createObjectURL(new Blob([script], { type: "text/javascript" })), options);
  }

  function end() {
    worker?.terminate();
    worker = null;
    policy.stop();
  }

  async function explain(message) {
    const why = started || ((await policy.reason()) ?? (message || (await fault(address))));
    end();
    fail(started ? crash(message) : failure("DeviceLost", `The detector's worker did not start (${why}).`));
  }

  try {
    if (!Native) throw new Error("there are none here: load it in a browser");
    globalThis.Worker = FromAnywhere;
    worker = make();
    worker.onerror = ({ message }) => explain(message);
    worker.onmessage = ({ data }) => {
      if (started) return receive(data);
      if (data.refused) return policy.note(data.refused);
      if (data !== "started") return explain(data.message);
      started = true;
      waiting.forEach((message) => worker.postMessage(message));
    };
  } catch ({ message }) {
    explain(message);
  } finally {
    globalThis.Worker = Native;
  }
  const post = (message, transfer) => (started ? worker?.postMessage(message, transfer) : waiting.push(message));
  return { post, end };
}

// Why a script did not become a worker, of which the browser says nothing.
async function fault(address) {
  const response = await fetch(address).catch(() => null);
  if (!response) return `${address} is out of reach or its site does not permit it by CORS`;
  if (!response.ok) return `the server answered ${response.status} for ${address}`;
  return `${address} or what it imports did not load: serve the detector's folder whole, scripts as text/javascript`;
}
