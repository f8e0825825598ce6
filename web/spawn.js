// Starts a worker wherever this module came from: beside the page, from a bundler, from another site, inside a worker.
// Where one does not start, it finds out why.

import { failure, watchPolicy } from "./support.js";

/**
 * `make` is `() => new Worker(new URL("./FILE.js", import.meta.url), { type: "module" })`, literally: bundlers know
 * that form alone. `receive` is called with each message, `fail` with the error that ended the worker.
 */
export function spawn(make, receive, fail) {
  const { Worker: Native } = globalThis;
  const refusal = watchPolicy("worker-src");
  let worker = null;
  let address = null;
  let blob = "";
  let started = false;

  // Bundlers write another address into `make`, so it is read where it arrives. No site may start a worker from
  // another's address, but a script of its own may import one.
  function FromAnywhere(url, options) {
    address = new URL(url, globalThis.document?.baseURI ?? location.href);
    if (address.origin === origin) return new Native(address, options);
    const text = JSON.stringify(address.href);
    const script = options?.type === "module" ? `import ${text};` : `importScripts(${text});`;
    blob = URL.createObjectURL(new Blob([script], { type: "text/javascript" }));
    return new Native(blob, options);
  }

  function end() {
    worker?.terminate();
    worker = null;
    settle();
  }

  function settle() {
    refusal.stop();
    if (blob) URL.revokeObjectURL(blob);
    blob = "";
  }

  async function explain(message) {
    const reason = started ? null : (await refusal.reason()) ?? message ?? (await fault(address));
    end();
    fail(reason ? failure("DeviceLost", `The detector's worker did not start (${reason}).`) : crash(message));
  }

  try {
    if (!Native) throw new Error("there are no workers here: load the detector in a browser");
    Reflect.set(globalThis, "Worker", FromAnywhere);
    worker = make();
  } catch ({ message }) {
    explain(message);
  } finally {
    if (Native) Reflect.set(globalThis, "Worker", Native);
  }
  if (worker) {
    worker.onerror = ({ message }) => explain(message);
    worker.onmessage = ({ data }) => {
      if (!started) settle();
      started = true;
      receive(data);
    };
  }
  return { post: (message, transfer = []) => worker?.postMessage(message, transfer), end };
}

/** The error of a worker that stopped working. */
export function crash(what) {
  return failure("DeviceLost", `The detector stopped working (${what}): load it again.`);
}

// Why a script could not become a worker. The browser says only that it did not.
async function fault({ href }) {
  const response = await fetch(href).catch(() => null);
  if (!response) return `${href} is out of reach, or its server does not let other sites read it: permit it by CORS`;
  if (!response.ok) return `the server answered ${response.status} for ${href}: serve the detector's folder whole`;
  const type = response.headers.get("content-type");
  if (!type?.includes("javascript")) return `${href} is served as ${type}: serve it as text/javascript`;
  return `${href} or a file that it imports did not load: serve the detector's folder whole, of one version`;
}
