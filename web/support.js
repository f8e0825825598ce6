// What the page's side and the worker share.

/** The name of the WebGPU adapter. Rejects where there is none. */
export async function findAdapter() {
  const adapter = await navigator.gpu?.requestAdapter({ powerPreference: "high-performance" }).catch(() => null);
  if (adapter) return describe(adapter);
  throw failure("WebGpuUnavailable", navigator.gpu ? "This browser offers no WebGPU adapter: update the graphics " +
    "driver, or on Linux start Chrome with --enable-unsafe-webgpu --enable-features=Vulkan."
    : isSecureContext ? "This browser has no WebGPU: use a current Chrome, Edge, Safari or Firefox, or the CPU."
    : "WebGPU needs a secure page: open this one over https or from localhost.");
}

/** An adapter's name. `info` may be missing, or any field of it empty. */
export function describe({ info }) {
  const { vendor, architecture, description, isFallbackAdapter } = info ?? {};
  const name = description || [vendor, architecture].filter(Boolean).join(" ") || "unnamed adapter";
  return isFallbackAdapter ? `${name} (software)` : name;
}

/** An error of the detector: a name of its interface, and a sentence. */
export const failure = (name, message) => Object.assign(new Error(message), { name });

let refused = null; // the last event of the Content Security Policy
globalThis.addEventListener?.("securitypolicyviolation", (event) => {
  if (event.disposition !== "report" && /^(connect|script|worker)-src/.test(event.effectiveDirective)) refused = event;
});

/** What the policy has refused since `start` of `performance`, as a clause, or null. */
export async function refusal(start) {
  await new Promise((done) => setTimeout(done, 50)); // it comes after the error
  if (!(refused?.timeStamp >= start)) return null;
  const { blockedURI: what, effectiveDirective } = refused;
  const site = what.includes("//") ? new URL(what).origin : `${what}:`;
  const missing = what === "wasm-eval" ? "'wasm-unsafe-eval'" : site === origin ? "'self'" : site;
  return `the Content Security Policy forbids it: permit ${missing} in ${effectiveDirective}`;
}

/** An address that may be relative to the document or worker. */
export const absolute = (address) => new URL(address, globalThis.document?.baseURI ?? location.href);

/** The shelf of Cache Storage with fetched weights, and their least bytes: the browser caches smaller ones. */
export const CACHED = "ssd-weights";
export const CACHED_FROM = 25e6;
