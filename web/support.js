// Can this browser run the detector on WebGPU? Asked before the wasm module is touched: the wgpu runtime panics where one of
// these needs is missing. Opens no device.

// Processors that pose as graphics adapters.
const SOFTWARE = /swiftshader|llvmpipe|lavapipe|basic render|software/i;

/** Walks the ladder of needs: `{ ok, reason, adapterName, software }`, `reason` null where `ok` holds. */
export async function preflight() {
  if (!isSecureContext) return no("WebGPU needs a secure page: open this one over https or from localhost.");
  if (!navigator.gpu) return no("This browser has no WebGPU: use a current Chrome, Edge, Safari or Firefox, or the CPU.");
  const adapter = await navigator.gpu.requestAdapter({ powerPreference: "high-performance" }).catch(() => null);
  if (!adapter) {
    return no("This browser offers no WebGPU adapter: update the graphics driver, or on Linux start Chrome with " +
      "--enable-unsafe-webgpu --enable-features=Vulkan.");
  }
  const known = describe(adapter);
  if (!adapter.features.has("timestamp-query")) {
    return no(`The WebGPU adapter "${known.adapterName}" lacks timestamp-query: use a current Chrome or the CPU.`, known);
  }
  return { ok: true, reason: null, ...known };
}

const no = (reason, known) => ({ ok: false, reason, adapterName: "", software: false, ...known });

// Any field of `adapter.info` may be empty, and older browsers have no `info`.
function describe(adapter) {
  const { vendor, architecture, description, isFallbackAdapter } = adapter.info ?? {};
  const adapterName = description || [vendor, architecture].filter(Boolean).join(" ") || "unnamed adapter";
  const software = Boolean(isFallbackAdapter) || SOFTWARE.test(`${adapterName} ${architecture}`);
  return { adapterName, software };
}

/** An error of the detector: its name is part of the interface, its message is one sentence. */
export const failure = (name, message) => Object.assign(new Error(message), { name });
