//! Adapters that offer little, and devices that are lost or full. A script in the worker, before all others, makes the
//! emulated adapter such a one.

use std::path::Path;

use anyhow::{Result, ensure};
use serde_json::Value;

use super::page::{Gpu, Page, scenario};
use super::server::{BLANK, Extra};
use super::shipped::{Shipped, shapes_alone};

/// The least that a WebGPU device grants, of everything that the wasm asks for; and a device gives no more.
const LEAST: &str = "
    const LEAST = {
        maxStorageBufferBindingSize: 134217728, maxBufferSize: 268435456, maxStorageBuffersPerShaderStage: 8,
        maxComputeWorkgroupStorageSize: 16384, maxComputeInvocationsPerWorkgroup: 256, maxComputeWorkgroupSizeX: 256,
        maxComputeWorkgroupSizeY: 256, maxComputeWorkgroupSizeZ: 64, maxComputeWorkgroupsPerDimension: 65535,
        maxTextureDimension2D: 8192, minUniformBufferOffsetAlignment: 256, minStorageBufferOffsetAlignment: 256,
    };
    const { get } = Object.getOwnPropertyDescriptor(GPUAdapter.prototype, 'limits');
    const poorer = { get: (limits, name) => LEAST[name] ?? Reflect.get(limits, name, limits) };
    Object.defineProperty(GPUAdapter.prototype, 'limits', { get() { return new Proxy(get.call(this), poorer); } });
    Object.defineProperty(GPUAdapter.prototype, 'features', { get: () => new Set() });
    const { requestDevice } = GPUAdapter.prototype;
    GPUAdapter.prototype.requestDevice = function (asked) {
        const more = Object.entries(asked.requiredLimits ?? {}).filter(([name, value]) => value > LEAST[name]);
        if (more.length || asked.requiredFeatures?.length) throw new TypeError(`more than there is: ${more}`);
        return requestDevice.call(this, asked);
    };
";

/// Refuses the first device.
const REFUSED_ONCE: &str = "
    const { requestDevice } = GPUAdapter.prototype;
    let refused = false;
    GPUAdapter.prototype.requestDevice = function (asked) {
        if (refused) return requestDevice.call(this, asked);
        refused = true;
        return Promise.reject(new DOMException('not now', 'OperationError'));
    };
";

/// Destroys the newest device when the page says so.
const DESTROYED: &str = "
    const { requestDevice } = GPUAdapter.prototype;
    const devices = [];
    GPUAdapter.prototype.requestDevice = async function (asked) {
        devices.push(await requestDevice.call(this, asked));
        return devices.at(-1);
    };
    new BroadcastChannel('destroy').onmessage = () => devices.at(-1).destroy();
";

/// Has no memory for the first of the loads that ask, or for none.
fn full(times: &str) -> String {
    format!(
        "const {{ popErrorScope, pushErrorScope }} = GPUDevice.prototype;
        const scopes = [];
        let left = {times};
        GPUDevice.prototype.pushErrorScope = function (filter) {{
            scopes.push(filter);
            return pushErrorScope.call(this, filter);
        }};
        GPUDevice.prototype.popErrorScope = async function () {{
            const fails = scopes.pop() === 'out-of-memory' && left-- > 0;
            const found = await popErrorScope.call(this);
            return fails ? new GPUOutOfMemoryError('none is left') : found;
        }};"
    )
}

/// An empty page whose workers begin with `prelude`. Defines `load(options)`, `boxes(detector)`, which promises what is
/// found in the sample, and `failed(promise)`, which promises the name of its error or null.
fn prepare(page: &mut Page, prelude: &str) -> Result<()> {
    let Shipped { weights, sample } = shapes_alone(page)?;
    let worker = std::fs::read_to_string(page.dist.join("worker.js"))?;
    let bytes = format!("{prelude}\n{worker}").into_bytes();
    page.server.put("worker.js", Extra { bytes, ..Extra::default() });
    let address = |path: &Path| path.strip_prefix(&page.dist).map(|path| path.display().to_string());
    let script = format!(
        "(async () => {{
            const {{ Detector }} = await import(new URL('./detector.js', location.href));
            const image = new Image();
            image.src = '{}';
            await image.decode();
            window.load = (options) => Detector.load({{ weights: '{}', ...options }});
            window.boxes = async (detector) => (await detector.detect(image)).detections;
            window.failed = (promise) => promise.then(() => null, ({{ name }}) => name);
            window.destroy = () => new BroadcastChannel('destroy').postMessage('now');
        }})()",
        address(&sample)?,
        address(&weights)?,
    );
    page.open(BLANK)?;
    page.eval(&script).map(drop)
}

/// Whether two lists have the same labels, and boxes within two pixels of each other.
fn alike(found: &Value, wanted: &Value) -> bool {
    let sides = ["x", "y", "width", "height"];
    let near = |a: &Value, b: &Value| {
        let off = |side| (a["box"][side].as_f64().unwrap_or(f64::NAN) - b["box"][side].as_f64().unwrap_or(0.0)).abs();
        a["label"] == b["label"] && sides.iter().all(|side| off(side) < 2.0)
    };
    let (Some(found), Some(wanted)) = (found.as_array(), wanted.as_array()) else { return false };
    !found.is_empty() && found.len() == wanted.len() && found.iter().zip(wanted).all(|(a, b)| near(a, b))
}

/// Loads, and demands that it is on WebGPU and finds what the CPU finds.
fn detects_on_webgpu(page: &mut Page) -> Result<Value> {
    let info = page.eval("(async () => (window.detector = await load()).info)()")?;
    ensure!(info["backend"] == "webgpu", "not on WebGPU: {info}");
    let found = page.eval("boxes(detector)")?;
    let wanted = page.eval("(async () => boxes(await load({ backend: 'cpu' })))()")?;
    ensure!(alike(&found, &wanted), "on WebGPU {found}, on the CPU {wanted}");
    Ok(info)
}

#[test]
fn an_adapter_with_the_least_of_webgpu_will_do() {
    scenario("least", Gpu::Emulated, |page| {
        prepare(page, LEAST)?;
        let info = detects_on_webgpu(page)?;
        ensure!(info["stageTimes"] == false && info["precision"] == "f32", "more than there is: {info}");
        let timing = page.eval("(async () => (await detector.detect(new ImageData(8, 8))).timing)()")?;
        ensure!(timing["network"].as_f64().is_some_and(|ms| ms > 0.0) && timing["preprocess"] == 0, "{timing}");
        Ok(())
    });
}

#[test]
fn a_device_that_is_refused_once_is_asked_for_again() {
    scenario("refused once", Gpu::Emulated, |page| {
        prepare(page, REFUSED_ONCE)?;
        detects_on_webgpu(page).map(drop)
    });
}

#[test]
fn a_lost_device_is_replaced_and_after_a_second_loss_the_cpu_goes_on() {
    scenario("lost", Gpu::Emulated, |page| {
        prepare(page, DESTROYED)?;
        let before = page.eval(
            "(async () => {
                window.ready = 0;
                const onProgress = ({ stage }) => { window.ready += stage === 'ready'; };
                window.detector = await load({ onProgress });
                return boxes(detector);
            })()",
        )?;
        // Between frames: the next call is answered by a new device.
        let after = page.eval(
            "(async () => {
                destroy();
                await new Promise((done) => setTimeout(done, 500));
                return { boxes: await boxes(detector), backend: detector.info.backend, ready };
            })()",
        )?;
        ensure!(after["backend"] == "webgpu" && after["ready"] == 2, "not replaced: {after}");
        ensure!(alike(&after["boxes"], &before), "before {before}, after {after}");
        // In the middle of frames: each is answered or rejects, and the next ones are answered.
        let again = page.eval(
            "(async () => {
                const flying = [failed(boxes(detector)), failed(boxes(detector)), failed(boxes(detector))];
                destroy();
                const names = await Promise.all(flying);
                const found = await boxes(detector);
                const { backend, fallbackReason } = detector.info;
                return { names, boxes: found, backend, fallbackReason };
            })()",
        )?;
        let names = again["names"].as_array().cloned().unwrap_or_default();
        ensure!(names.iter().all(|name| name.is_null() || name == "DeviceLost"), "other errors: {again}");
        ensure!(alike(&again["boxes"], &before), "before {before}, then {again}");
        let reason = again["fallbackReason"].as_str().unwrap_or_default();
        ensure!(again["backend"] == "cpu" && reason.contains("twice within a minute"), "no word of the CPU: {again}");
        Ok(())
    });
}

#[test]
fn a_demanded_webgpu_is_never_replaced_by_the_cpu() {
    scenario("lost and demanded", Gpu::Emulated, |page| {
        prepare(page, DESTROYED)?;
        let backends = page.eval(
            "(async () => {
                const detector = await load({ backend: 'webgpu' });
                const backends = [];
                for (const loss of [1, 2]) {
                    destroy();
                    await new Promise((done) => setTimeout(done, 500));
                    await boxes(detector);
                    backends.push(detector.info.backend);
                }
                return backends;
            })()",
        )?;
        ensure!(backends == serde_json::json!(["webgpu", "webgpu"]), "{backends}");
        Ok(())
    });
}

#[test]
fn without_memory_for_32_bits_there_are_16_and_without_any_the_cpu() {
    scenario("full", Gpu::Emulated, |page| {
        prepare(page, &full("1"))?;
        let half = page.eval("(async () => (await navigator.gpu.requestAdapter()).features.has('shader-f16'))()")?;
        let info = page.eval("(async () => (await load()).info)()")?;
        if half == true {
            ensure!(info["backend"] == "webgpu" && info["precision"] == "f16", "16 bits were not tried: {info}");
        } else {
            ensure!(info["backend"] == "cpu", "there are no 16 bits here: {info}");
        }
        prepare(page, &full("9"))?;
        let info = page.eval("(async () => (await load()).info)()")?;
        let reason = info["fallbackReason"].as_str().unwrap_or_default();
        ensure!(info["backend"] == "cpu" && reason.contains("memory"), "not the CPU: {info}");
        Ok(())
    });
}
