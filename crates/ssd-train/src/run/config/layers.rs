//! A run's settings, merged from their three layers: flags over a file over a recipe.

use std::fmt;
use std::path::Path;

use serde_json::{Map, Value};
use ssd::Arch;

use super::args::{RunArgs, TrainArgs};
use super::recipe;
use super::settings::{TrainConfig, names, unknown};
use crate::failure::Failure;

impl TrainConfig {
    /// The settings of a new run. `detector` gets the file to start from, and returns the network of the detector in
    /// it: the one to train, unless another is asked for.
    ///
    /// # Errors
    /// If an argument is missing or out of range, or the `--config` file is invalid, and those of `detector`.
    pub fn new(
        args: &TrainArgs,
        detector: impl FnOnce(&Path) -> Result<Option<Arch>, Failure>,
    ) -> Result<Self, Failure> {
        let file = args.config.as_deref().map(read_settings).transpose()?.unwrap_or_default();
        let mut typed = typed(&args.run)?;
        let start = typed.get("init").or_else(|| file.get("init")).and_then(Value::as_str).map(Path::new);
        let found = start.map(detector).transpose()?.flatten();
        if let (Some(found), None) = (found, typed.get("arch").or_else(|| file.get("arch"))) {
            typed.insert("arch".into(), found.name().into());
        }
        let stated = |name: &str| typed.get(name).or_else(|| file.get(name));
        let data = stated("data").cloned().map(serde_json::from_value).transpose();
        let data: Vec<String> = data.ok().flatten().unwrap_or_default();
        let recipe = match (args.recipe, file.get("recipe")) {
            (None, Some(named)) => serde_json::from_value(named.clone()).map_err(|error| {
                let path = args.config.as_deref().map(|path| path.display().to_string()).unwrap_or_default();
                Failure::Input(format!("{path}: recipe is invalid ({error}); correct it."))
            })?,
            (recipe, _) => recipe,
        };
        let arch = stated("arch").cloned().and_then(|name| serde_json::from_value(name).ok());
        let base = recipe::base(recipe, &data, arch);
        let rate_is_stated = stated("lr").is_some();
        let mut config = base.with(file, args.config.as_deref())?.with(typed, None)?;
        // The recipe actually used, whatever the file says.
        config.recipe = recipe;
        if !rate_is_stated {
            config.learn.lr = base.learn.lr * config.pictures_a_step() as f64 / base.pictures_a_step() as f64;
        }
        config.checked()
    }

    /// The settings of a resumed run: its `config.json`, overridden by flags.
    ///
    /// # Errors
    /// If there is no such file, and those of [`Self::new`].
    pub fn resumed(args: &TrainArgs, out: &Path) -> Result<Self, Failure> {
        if args.recipe.is_some() || args.config.is_some() {
            return Err(Failure::Input(
                "--resume continues with the settings of the run; leave --recipe and --config out.".into(),
            ));
        }
        if args.run.init.is_some() {
            return Err(Failure::Input("--resume continues from the run's own weights; leave --init out.".into()));
        }
        let path = out.join("config.json");
        let text = std::fs::read_to_string(&path).map_err(|error| {
            Failure::Input(format!(
                "{} cannot be read ({error}), so there is no run to resume; start without --resume.",
                path.display()
            ))
        })?;
        let damaged = |why: &dyn fmt::Display| {
            Failure::Input(format!(
                "{} is damaged ({why}); restore it, or start anew in another --out.",
                path.display()
            ))
        };
        let settings: Map<String, Value> = serde_json::from_str(&text).map_err(|error| damaged(&error))?;
        if let Some(name) = unknown(&settings) {
            return Err(damaged(&format!("there is no setting {name}")));
        }
        let saved: Self = serde_json::from_value(Value::Object(settings)).map_err(|error| damaged(&error))?;
        let config = saved.with(typed(&args.run)?, None)?;
        if config.arch != saved.arch {
            let (was, now) = (saved.arch, config.arch);
            return Err(Failure::Input(format!("The run trains {was}, and --arch is {now}; leave --arch out.")));
        }
        config.checked()
    }

    /// These settings with others replaced, which come from `file` or the command line.
    fn with(&self, settings: Map<String, Value>, file: Option<&Path>) -> Result<Self, Failure> {
        let place = file.map_or("the command line".into(), |path| path.display().to_string());
        if let Some(name) = unknown(&settings) {
            let names = Vec::from_iter(names().into_iter().map(|(name, _)| name)).join(", ");
            return Err(Failure::Input(format!("{place}: there is no setting {name}; choose from {names}.")));
        }
        let whole = serde_json::to_value(self).map_err(Failure::run)?;
        let merged = |settings: Value| {
            let mut whole = whole.clone();
            merge(&mut whole, settings);
            serde_json::from_value::<Self>(whole)
        };
        let mut config = merged(Value::Object(settings.clone())).map_err(|error| {
            // The first setting that is invalid by itself.
            let alone = |(name, value): (&String, &Value)| {
                let error = merged(Value::Object(Map::from_iter([(name.clone(), value.clone())]))).err()?;
                Some(format!("{place}: {name} is invalid ({error}); correct it."))
            };
            Failure::Input(settings.iter().find_map(alone).unwrap_or(format!("{place}: {error}; correct it.")))
        })?;
        if config.overfit.is_some() {
            config.augment = None;
        }
        Ok(config)
    }
}

/// The flags given, by the names of [`TrainConfig`].
fn typed(args: &RunArgs) -> Result<Map<String, Value>, Failure> {
    if let Some(name) = &args.arch {
        // For its error, which lists the names.
        name.parse::<Arch>().map_err(Failure::input)?;
    }
    let Value::Object(mut all) = serde_json::to_value(args).map_err(Failure::run)? else { return Ok(Map::new()) };
    all.retain(|_, value| !value.is_null() && *value != Value::Array(Vec::new()));
    Ok(all)
}

/// The settings of a `--config` file.
fn read_settings(path: &Path) -> Result<Map<String, Value>, Failure> {
    let wrong = |why: &str| Failure::Input(format!("{}: {why}; check the path after --config.", path.display()));
    let text = std::fs::read_to_string(path).map_err(|error| wrong(&format!("cannot be read ({error})")))?;
    let mut settings: Map<String, Value> =
        serde_json::from_str(&text).map_err(|error| wrong(&format!("is not a JSON object of settings ({error})")))?;
    // A single folder needs no list around it.
    for name in ["data", "val_data"] {
        if let Some(one @ Value::String(_)) = settings.get(name).cloned() {
            settings.insert(name.into(), Value::Array(vec![one]));
        }
    }
    Ok(settings)
}

/// Overrides `under` with `over`; objects are merged recursively, everything else is replaced.
fn merge(under: &mut Value, over: Value) {
    match (under, over) {
        (Value::Object(under), Value::Object(over)) => {
            for (name, value) in over {
                merge(under.entry(name).or_insert(Value::Null), value);
            }
        }
        (under, over) => *under = over,
    }
}
