//! Learning in a browser: the same lesson as natively, step by step, and the same weights file.

use anyhow::{Context, Result, ensure};
use half::f16;
use image::ImageFormat;
use safetensors::{Dtype, SafeTensors};
use serde_json::{Value, json};
use ssd::weights::Provenance;
use ssd::{Arch, GroundTruth};
use ssd_data::{Dataset, Format};
use ssd_teach::{Lesson, Role, TeachConfig};
use ssd_tests::fresh::fresh_network;

use super::page::{Gpu, Page, scenario};
use super::server::{BLANK, Extra};

/// Both sum in another order here and there, and ten steps make more of that.
const TOLERANCE: f32 = 1e-4;

const STEPS: usize = 10;

const PICTURES: usize = 4;

/// What both learn from.
struct Given {
    start: Vec<u8>,
    scenes: Dataset,
}

impl Given {
    fn new() -> Self {
        let arch: Arch = "ssd96-mobilenet-v1-tf-0.25".parse().expect("the name of a network");
        let scenes = ssd_data::open(&["shapes:3:20"], Format::AUTO, None, None).expect("a generated set");
        Self { start: fresh_network(arch, &["cat", "dog"]), scenes }
    }

    /// The losses of all steps, and the weights file.
    fn natively(&self, labels: &[String], keep_classes: bool) -> Result<(Vec<f32>, Vec<u8>)> {
        let config = TeachConfig { keep_classes, steps: STEPS, seed: 7, ..TeachConfig::default() };
        let mut lesson = Lesson::new(self.start.clone(), labels, config)?;
        for index in 0..PICTURES {
            let sample = self.scenes.get(index)?;
            let name = |class: usize| &self.scenes.labels()[class - 1];
            let class = |truth: &GroundTruth| labels.iter().position(|label| label == name(truth.class));
            let truths: Vec<GroundTruth> = (sample.truths.iter())
                .filter_map(|truth| Some(GroundTruth { class: class(truth)? + 1, ..*truth }))
                .collect();
            lesson.open(sample.image, &truths, Role::Lesson);
            while lesson.look()? > 0 {}
        }
        let losses = (0..STEPS).map(|_| Ok(lesson.step()?.iter().sum())).collect::<Result<_>>()?;
        Ok((losses, lesson.file(Provenance::default())?))
    }
}

#[test]
fn a_lesson_in_the_browser_has_the_losses_and_makes_the_file_of_the_native_one() {
    scenario("learning", Gpu::None, |page| {
        let given = Given::new();
        prepare(page, &given)?;
        for keep_classes in [false, true] {
            let made = page.eval(&format!(
                "(async () => {{
                    const start = await Detector.load({{ weights: './start.safetensors', backend: 'cpu' }});
                    const stop = new AbortController();
                    const stopped = start.teach(samples, {{ signal: stop.signal }}).catch(({{ name }}) => name);
                    stop.abort(); // while the start's file is read
                    const losses = [];
                    const stages = new Set();
                    const taught = await start.teach(samples, {{
                        keepClasses: {keep_classes}, steps: {STEPS}, seed: 7,
                        onProgress: ({{ stage, loss }}) => (stages.add(stage), loss === null || losses.push(loss)),
                    }});
                    const labels = taught.info.labels;
                    const bytes = new Uint8Array(await (await taught.file()).arrayBuffer());
                    start.dispose();
                    taught.dispose();
                    return {{ losses, labels, bytes: Array.from(bytes), stages: [...stages], stopped: await stopped }};
                }})()"
            ))?;
            let labels: Vec<String> = serde_json::from_value(made["labels"].clone())?;
            let known = if keep_classes { 2 } else { 0 };
            ensure!(!keep_classes || labels[..2] == ["cat", "dog"], "{labels:?}");
            ensure!(made["stages"] == json!(["features", "learn"]), "{}", made["stages"]);
            ensure!(made["stopped"] == "AbortError", "a teaching that was stopped: {}", made["stopped"]);
            let (losses, file) = given.natively(&labels[known..], keep_classes)?;
            let here = numbers(&made["losses"]);
            eprintln!("in the browser {here:?}, natively {losses:?}");
            let close = |(here, native): (&f32, &f32)| (here - native).abs() <= TOLERANCE * native.abs();
            ensure!(here.len() == STEPS && here.iter().zip(&losses).all(close), "{here:?}, natively {losses:?}");
            ensure!(losses[STEPS - 1] < losses[0], "nothing was learned: {losses:?}");
            let bytes: Vec<u8> = numbers(&made["bytes"]).into_iter().map(|byte| byte as u8).collect();
            same_weights(&bytes, &file)?;
        }
        Ok(())
    });
}

/// Each lesson has a worker with a memory of its own. The worker says with each answer how large that is by then.
#[test]
fn ten_lessons_leave_memory_as_it_is() {
    scenario("ten lessons", Gpu::None, |page| {
        prepare(page, &Given::new())?;
        let mut worker = std::fs::read_to_string(page.dist.join("lab-worker.js"))?;
        worker.push_str(
            "let wasm = null;
            runtime.then((exports) => { wasm = exports; });
            const tell = self.postMessage.bind(self);
            self.postMessage = (message) =>
                tell(message.id ? { ...message, bytes: wasm.memory.buffer.byteLength } : message);",
        );
        page.server.put("lab-worker.js", Extra { bytes: worker.into_bytes(), ..Extra::default() });
        page.eval(
            "(async () => {
                const { Worker } = window;
                window.live = new Set();
                window.bytes = 0;
                window.Worker = class extends Worker {
                    constructor(...given) {
                        super(...given);
                        live.add(this);
                        this.addEventListener('message', ({ data }) => { bytes = Math.max(bytes, data.bytes ?? 0); });
                    }
                    terminate() {
                        live.delete(this);
                        super.terminate();
                    }
                };
                window.start = await Detector.load({ weights: './start.safetensors', backend: 'cpu' });
            })()",
        )?;
        let (mut heaps, mut memories) = (Vec::new(), Vec::new());
        for _ in 0..10 {
            let left = page.eval(
                "(async () => {
                    bytes = 0;
                    (await start.teach(samples.slice(0, 2), { steps: 4 })).dispose();
                    return [bytes, live.size];
                })()",
            )?;
            ensure!(left[1] == 1, "workers that are left beside the first detector's: {left}");
            memories.push(left[0].as_f64().filter(|bytes| *bytes > 0.0).context("no memory")?);
            heaps.push(page.heap()?);
        }
        eprintln!("wasm {memories:?}, heap {heaps:?}");
        ensure!(memories[2..].iter().all(|bytes| *bytes == memories[2]), "a lesson's memory grew: {memories:?}");
        ensure!(heaps[9] < heaps[2] + 3e5, "the page's heap grew: {heaps:?}");
        Ok(())
    });
}

/// Opens an empty page with `Detector`, and with `samples` of the scenes beside the start's file.
fn prepare(page: &mut Page, given: &Given) -> Result<()> {
    page.server.put("start.safetensors", Extra { bytes: given.start.clone(), ..Extra::default() });
    let mut boxes = Vec::new();
    for index in 0..PICTURES {
        let sample = given.scenes.get(index)?;
        let mut bytes = std::io::Cursor::new(Vec::new());
        sample.image.write_to(&mut bytes, ImageFormat::Png)?;
        page.server.put(&format!("{index}.png"), Extra { bytes: bytes.into_inner(), ..Extra::default() });
        let (width, height) = (sample.image.width() as f32, sample.image.height() as f32);
        let named = |truth: &GroundTruth| {
            let px = truth.bbox.scaled(width, height);
            let label = &given.scenes.labels()[truth.class - 1];
            json!({ "label": label, "x": px.x1, "y": px.y1, "width": px.width(), "height": px.height() })
        };
        boxes.push(sample.truths.iter().map(named).collect::<Vec<_>>());
    }
    page.open(BLANK)?;
    page.eval(&format!(
        "(async () => {{
            window.Detector = (await import(new URL('./detector.js', location.href))).Detector;
            const source = async (index) => (await fetch(`./${{index}}.png`)).blob();
            window.samples = {}.map((boxes, index) => ({{ source: () => source(index), boxes }}));
        }})()",
        json!(boxes)
    ))
    .map(drop)
}

fn numbers(array: &Value) -> Vec<f32> {
    array.as_array().into_iter().flatten().filter_map(Value::as_f64).map(|number| number as f32).collect()
}

/// Equal to [`TOLERANCE`], or neighbours among the numbers of half precision, in which they are stored.
fn same_weights(here: &[u8], native: &[u8]) -> Result<()> {
    let [here, native] = [here, native].map(SafeTensors::deserialize);
    let (here, native) = (here?, native?);
    ensure!(here.names().len() == native.names().len(), "other tensors");
    for (name, native) in native.iter() {
        let here = here.tensor(name).with_context(|| format!("{name} is missing"))?;
        let forms = [&here, &native].map(|view| (view.dtype(), view.shape().to_vec()));
        ensure!(forms[0] == forms[1] && forms[0].0 == Dtype::F16, "{name} has another form: {forms:?}");
        let apart = furthest(here.data(), native.data());
        ensure!(apart <= 1.0, "{name} is {apart} times too far away");
    }
    Ok(())
}

/// The largest difference, as a multiple of what is allowed; numbers of half precision.
fn furthest(here: &[u8], native: &[u8]) -> f32 {
    let halves = |bytes: &[u8]| bytes.chunks_exact(2).map(|b| u16::from_le_bytes([b[0], b[1]])).collect::<Vec<_>>();
    let of = |(here, native): (u16, u16)| {
        // Neighbours of one sign differ by one as whole numbers.
        let [far, near] = [here, native].map(|bits| f16::from_bits(bits).to_f32());
        if here.abs_diff(native) <= 1 { 0.0 } else { (far - near).abs() / TOLERANCE }
    };
    halves(here).into_iter().zip(halves(native)).map(of).fold(0.0, f32::max)
}
