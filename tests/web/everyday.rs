//! The model of everyday things that the page starts with, and TensorFlow's, on photographs where they are at hand and
//! on the samples everywhere.

use std::path::PathBuf;

use anyhow::{Context, Result, anyhow, ensure};
use ssd::weights::Dtype;
use ssd_data::images::read_upright;
use ssd_tests::shared_data;
use ssd_train::detect::detector::Detector;
use ssd_train::detect::engine::EngineArgs;
use ssd_train::device::choice::{DeviceChoice, DeviceKind};
use ssd_train::exchange::convert::convert;

use super::foreign::{CPU, wait_for_model};
use super::page::{Gpu, Page, scenario};
use super::pictures::{counterparts, native, shown};
use super::server::Extra;
use super::shipped::default_model;

const CHOICE: DeviceChoice = DeviceChoice { kind: DeviceKind::Cpu, index: 0 };

#[test]
fn samples_of_everyday_things_give_the_boxes_of_the_native_detector() {
    scenario("everyday samples", Gpu::Emulated, |page| {
        let files = ["street.jpg", "park.jpg"].map(|name| page.dist.join("samples").join(name));
        agrees_on_both_devices(page, &files)
    });
}

#[test]
fn photographs_give_the_boxes_of_the_native_detector() {
    let voc = shared_data("voc2007-own/VOCdevkit/VOC2007");
    scenario("photographs", Gpu::Emulated, |page| {
        let list = std::fs::read_to_string(voc.join("ImageSets/Main/val.txt"))?;
        let files: Vec<PathBuf> =
            list.split_whitespace().take(3).map(|stem| voc.join(format!("JPEGImages/{stem}.jpg"))).collect();
        agrees_on_both_devices(page, &files)
    });
}

#[test]
fn a_tflite_file_dropped_on_the_page_gives_the_boxes_of_the_native_detector() {
    let theirs = shared_data("tensorflow/coco_ssd_mobilenet_v1_0.75_300_quant.tflite");
    scenario("TensorFlow Lite", Gpu::Emulated, |page| {
        let folder = tempfile::tempdir()?;
        let ours = folder.path().join("ours.safetensors");
        convert(&theirs, &ours, &ssd_import::Options::default(), Dtype::F32)
            .map_err(|failure| anyhow!("{failure:?}"))?;
        let detector = Detector::load(&ours, &CHOICE, EngineArgs::default(), 1)?;
        page.server.put("detect.tflite", Extra { bytes: std::fs::read(&theirs)?, ..Extra::default() });
        page.open("")?;
        page.wait_for_result()?;
        page.drop_file("detect.tflite", "detect.tflite")?;
        wait_for_model(page, "detect.tflite")?;
        let recognised = page.text("document.querySelector('#recognised').textContent")?;
        ensure!(recognised.contains("TensorFlow") && recognised.contains("80 classes"), "{recognised}");
        ensure!(recognised.contains("10 detections"), "its own post-processing is not mentioned: {recognised}");
        let files = ["street.jpg", "meadow.jpg"].map(|name| page.dist.join("samples").join(name));
        agrees(page, &detector, &files)
    });
}

/// The default model, on WebGPU and on the CPU.
fn agrees_on_both_devices(page: &mut Page, files: &[PathBuf]) -> Result<()> {
    let detector = Detector::load(&default_model(page)?.weights, &CHOICE, EngineArgs::default(), 1)?;
    for (address, backend) in [("", "webgpu"), (CPU, "cpu")] {
        page.open(address)?;
        page.wait_for_result()?;
        let info = page.eval("document.querySelector('#backend').textContent")?;
        let is_gpu = info.as_str().context("the page does not say where it runs")?.starts_with("WebGPU");
        ensure!(is_gpu == (backend == "webgpu"), "it runs on {info}");
        agrees(page, &detector, files).with_context(|| backend.to_owned())?;
    }
    Ok(())
}

/// Each picture, chosen in the page, gives the native detector's boxes, and some.
fn agrees(page: &mut Page, detector: &Detector, files: &[PathBuf]) -> Result<()> {
    let mut compared = 0;
    for file in files {
        page.eval("window.lastResult = null")?;
        page.choose("#file", file)?;
        page.wait_for_result()?;
        let shown = shown(&page.eval("window.lastResult.detections")?)?;
        let native = native(detector, &read_upright(file)?)?;
        let floor = detector.header().score + 0.01;
        compared += counterparts(&native, &shown, floor).with_context(|| file.display().to_string())?;
        counterparts(&shown, &native, floor).with_context(|| file.display().to_string())?;
    }
    eprintln!("{compared} detections agree");
    ensure!(compared > 0, "the native detector finds nothing in any of the pictures, so nothing was compared");
    Ok(())
}
