//! A training run, from its arguments to the files in `--out`.

pub mod config;

pub mod state;

pub mod checkpoint;

mod data;

mod folder;

mod interrupt;

mod origin;

pub mod metrics;

pub mod profile;

pub mod progress;

pub mod tensorboard;

pub mod validate;

pub mod trainer;

mod teach;

pub mod session;
