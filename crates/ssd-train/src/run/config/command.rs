//! The command that repeats a run, for the provenance of its weights.

use std::path::Path;

use serde_json::Value;

use super::recipe;
use super::settings::{TrainConfig, flag, settings};

/// Always included: readers look for them first.
const ALWAYS: [&str; 6] = ["data", "arch", "epochs", "batch_size", "lr", "seed"];

impl TrainConfig {
    /// The command, without `--out`. `init` is the file to name after `--init`. Files are named without their folders:
    /// a path reveals details of a person's machine.
    pub fn command(&self, init: Option<&str>) -> String {
        let mut command = "cargo run --release --bin train --".to_owned();
        if let Ok(Value::String(name)) = serde_json::to_value(self.recipe) {
            command += &format!(" --recipe {name}");
        }
        let (own, base) = (settings(self), settings(&recipe::base(self.recipe, &self.data, Some(self.arch))));
        for (name, value) in
            own.iter().filter(|(name, value)| ALWAYS.contains(&name.as_str()) || base[*name] != **value)
        {
            match (name.as_str(), value) {
                // There is no flag for it, but the run's config.json has it. Overfitting runs have none anyway.
                ("augment", _) if self.overfit.is_none() => command += " --config config.json",
                // The last two come with the file after --init.
                ("recipe" | "init" | "augment" | "priors" | "normalization", _) | (_, Value::Null) => {}
                (name, Value::Array(values)) if name.ends_with("data") => {
                    values.iter().for_each(|value| {
                        command += &format!(" --{} {}", flag(name), quoted(&file_name(&word(value))))
                    });
                }
                (name, Value::Array(values)) => {
                    command += &format!(" --{} {}", flag(name), values.iter().map(word).collect::<Vec<_>>().join(","));
                }
                (name, value) => command += &format!(" --{} {}", flag(name), quoted(&word(value))),
            }
        }
        if let Some(init) = init {
            command += &format!(" --init {}", quoted(init));
        }
        command
    }
}

/// The last part of a path; anything else unchanged.
pub fn file_name(path: &str) -> String {
    Path::new(path).file_name().map_or(path.into(), |name| name.to_string_lossy().into_owned())
}

fn word(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// Quoted as one word for a shell.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "._,:/=+-".contains(c);
    if word.chars().all(plain) { word.into() } else { format!("'{}'", word.replace('\'', "'\\''")) }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::super::TrainArgs;
    use super::*;

    #[test]
    fn the_command_repeats_the_run() {
        let typed = "train --recipe finetune --data photos/pets --batch-size 4 --warmup 7 --ema 0 \
                     --milestones 0.5,0.75 --out x";
        let config = TrainConfig::new(&TrainArgs::parse_from(typed.split(' ')), |_| Ok(None)).expect("it is valid");
        let command = config.command(Some("w.safetensors"));
        let again = command.replace("cargo run --release --bin ", "").replace(" -- ", " ") + " --out x";
        let repeated = TrainConfig::new(&TrainArgs::parse_from(again.split(' ')), |_| Ok(None)).expect("it is valid");
        let expected = TrainConfig { data: vec!["pets".into()], init: Some("w.safetensors".into()), ..config };
        assert_eq!(repeated, expected, "{command}");
    }
}
