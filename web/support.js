// What the page's side and the workers share. Can this browser run the detector on WebGPU? Asked before the wasm module
// is touched, since its runtime panics where a requirement is missing. Opens no device.

/** The name of the WebGPU adapter. Rejects if a requirement is missing. */
export async function findAdapter() {
  const need = (met, sentence) => {
    if (!met) throw failure("WebGpuUnavailable", sentence);
  };
  need(isSecureContext, "WebGPU needs a secure page: open this one over https or from localhost.");
  need(navigator.gpu, "This browser has no WebGPU: use a current Chrome, Edge, Safari or Firefox, or the CPU.");
  const adapter = await navigator.gpu.requestAdapter({ powerPreference: "high-performance" }).catch(() => null);
  need(adapter, "This browser offers no WebGPU adapter: update the graphics driver, or on Linux start Chrome with " +
    "--enable-unsafe-webgpu --enable-features=Vulkan.");
  const name = describe(adapter);
  need(adapter.features.has("timestamp-query"),
    `The WebGPU adapter "${name}" lacks timestamp-query: use a current Chrome or the CPU.`);
  return name;
}

/** An adapter's name. Any field of its `info` may be empty, and older browsers have no `info`. */
export function describe({ info }) {
  const { vendor, architecture, description, isFallbackAdapter } = info ?? {};
  const name = description || [vendor, architecture].filter(Boolean).join(" ") || "unnamed adapter";
  return isFallbackAdapter ? `${name} (software)` : name;
}

/** An error of the detector: its name is part of the interface, its message is one sentence. */
export const failure = (name, message) => Object.assign(new Error(message), { name });

/** Notes what the Content Security Policy refuses, in `directive` or in all. `reason()` says what to permit, or null. */
export function watchPolicy(directive) {
  let refused = null;
  const note = ({ effectiveDirective: where, blockedURI: what, disposition }) => {
    if (disposition !== "enforce" || (directive && !where.startsWith("script-src") && where !== directive)) return;
    const site = what.includes("//") && new URL(what).origin;
    const missing = what === "wasm-eval" ? "'wasm-unsafe-eval'" : !site ? `${what}:` : site === origin ? "'self'" : site;
    refused = `the Content Security Policy forbids it: permit ${missing} in ${where}`;
  };
  globalThis.addEventListener?.("securitypolicyviolation", note);
  return {
    note,
    async reason() {
      await new Promise((done) => setTimeout(done, 50)); // it is reported after the error that it causes
      return refused;
    },
    stop: () => globalThis.removeEventListener?.("securitypolicyviolation", note),
  };
}

/** What a promise comes to, or the reason of `signal` where that is aborted before. */
export function unlessAborted(signal, promise) {
  if (!signal) return promise;
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason);
    if (signal.aborted) abort();
    signal.addEventListener("abort", abort);
    promise.then(resolve, reject).finally(() => signal.removeEventListener("abort", abort));
  });
}
