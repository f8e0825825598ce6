//! Invalid settings are refused wherever they come from.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::Path;

use clap::Parser;
use ssd_learn::OptimizerName;

use super::{TrainArgs, TrainConfig};
use crate::failure::Failure;

#[test]
fn a_resumed_run_refuses_an_invalid_config() {
    let folder = tempfile::tempdir().unwrap();
    let args = TrainArgs::parse_from(["train", "--data", "voc", "--resume"]);
    let mut config = serde_json::to_value(TrainConfig::new(&args, |_| Ok(None)).unwrap()).unwrap();
    let write =
        |config: &serde_json::Value| std::fs::write(folder.path().join("config.json"), config.to_string()).unwrap();
    write(&config);
    assert!(TrainConfig::resumed(&args, folder.path()).is_ok());
    config["augment"]["expand"]["probability"] = 2.into();
    write(&config);
    let Err(Failure::Input(message)) = TrainConfig::resumed(&args, folder.path()) else { panic!("it was accepted") };
    assert!(message.contains("expand.probability is 2.0") && message.contains("config.json"), "{message}");
}

#[test]
fn a_detector_to_start_from_brings_its_network_unless_another_is_asked_for() {
    let arch = |more: &[&str]| {
        let typed = [&["train", "--data", "voc", "--init", "theirs.tflite", "--recipe", "finetune"], more].concat();
        let found = |path: &Path| {
            assert_eq!(path, Path::new("theirs.tflite"));
            Ok(Some("ssd300-mobilenet-v1-tf-0.75".parse().unwrap()))
        };
        let config = TrainConfig::new(&TrainArgs::parse_from(typed), found).unwrap();
        (config.arch.name(), config.learn.optimizer)
    };
    assert_eq!(arch(&[]), ("ssd300-mobilenet-v1-tf-0.75".into(), OptimizerName::Adamw));
    assert_eq!(arch(&["--arch", "ssd300-vgg16"]), ("ssd300-vgg16".into(), OptimizerName::Sgd));
}

#[test]
fn fine_tuning_suits_the_network() {
    let config = |arch: &str| {
        let typed = ["train", "--data", "voc", "--recipe", "finetune", "--arch", arch];
        TrainConfig::new(&TrainArgs::parse_from(typed), |_| Ok(None)).unwrap().learn
    };
    let tensorflow = config("ssd300-mobilenet-v1-tf");
    assert_eq!((tensorflow.optimizer, tensorflow.lr, tensorflow.freeze), (OptimizerName::Adamw, 1e-4, 0));
    let ours = config("ssd300-mobilenet-v2-lite");
    assert_eq!((ours.optimizer, ours.lr, ours.freeze), (OptimizerName::Sgd, 0.01, 1));
}
