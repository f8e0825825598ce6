//! The rules by which tracks begin, go on and end: a table of names, defaults and ranges.

use crate::TrackError;

/// A row of [`RULES`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rule {
    /// The name of the field of [`Rules`].
    pub name: &'static str,
    /// What it is unless it is set.
    pub default: f64,
    /// The least value that makes sense.
    pub least: f64,
    /// The largest.
    pub most: f64,
}

/// Makes struct, defaults and [`RULES`] of one table. A whole number is a number, too, so that all rules are of one
/// type, on a command line and in JavaScript.
macro_rules! rules {
    ($($(#[$doc:meta])* $name:ident = $default:literal in $least:literal ..= $most:literal;)*) => {
        /// The rules by which tracks begin, go on and end.
        #[derive(Debug, Clone, Copy, PartialEq)]
        pub struct Rules {
            $($(#[$doc])* pub $name: f64,)*
        }

        impl Default for Rules {
            fn default() -> Self {
                Self { $($name: $default),* }
            }
        }

        /// Every rule with its default and range.
        pub const RULES: &[Rule] = &[$(Rule {
            name: stringify!($name), default: $default, least: $least, most: $most,
        }),*];

        impl Rules {
            /// The rule of that name.
            fn field(&mut self, name: &str) -> Option<&mut f64> {
                match name {
                    $(stringify!($name) => Some(&mut self.$name),)*
                    _ => None,
                }
            }
        }
    };
}

// The noises are ByteTrack's for 30 frames a second, as what they amount to in a second, whatever the rate.
rules! {
    /// Score from which a detection is strong: it is associated first, and begins a track where none is.
    strong = 0.5 in 0.0..=1.0;
    /// Score from which a weak detection continues a track.
    weak = 0.1 in 0.0..=1.0;
    /// Least IoU of a strong detection with the prediction of its track.
    iou_strong = 0.2 in 0.0..=1.0;
    /// The same for a weak detection.
    iou_weak = 0.5 in 0.0..=1.0;
    /// The same for a track that is not confirmed yet.
    iou_new = 0.3 in 0.0..=1.0;
    /// Frames in a row in which an object has to be seen for its track to be confirmed.
    confirm = 2.0 in 1.0..=100.0;
    /// Seconds after which a track ends that is not seen any more.
    lost_seconds = 1.0 in 0.0..=3600.0;
    /// Seconds beyond the last frame for which boxes are predicted; after that they stay.
    ahead_seconds = 0.5 in 0.0..=60.0;
    /// Positions of a track's past that are kept.
    trail = 64.0 in 0.0..=10_000.0;
    /// Standard deviation of a detected position, in heights of the box.
    noise = 0.05 in 0.0001..=10.0;
    /// How far an object strays from a steady course in a second, in heights.
    drift = 0.27 in 0.0..=100.0;
    /// How much its speed changes in a second, in heights a second.
    agility = 1.0 in 0.0..=1000.0;
    /// How fast it may be when it is first seen, in heights a second.
    speed = 2.0 in 0.0..=1000.0;
    /// Standard deviation of a detected aspect, width by height.
    aspect_noise = 0.1 in 0.0001..=10.0;
    /// How much the aspect changes in a second.
    aspect_drift = 0.055 in 0.0..=100.0;
}

impl Rules {
    /// Sets the rule of that name.
    ///
    /// # Errors
    /// If there is none, or the value is out of its range.
    pub fn set(&mut self, name: &str, value: f64) -> Result<(), TrackError> {
        let Some(field) = self.field(name) else {
            let names: Vec<&str> = RULES.iter().map(|rule| rule.name).collect();
            return Err(TrackError::UnknownRule(name.to_owned(), names.join(", ")));
        };
        *field = value;
        self.checked().map(drop)
    }

    /// The rules themselves, once every value is known to be in its range.
    ///
    /// # Errors
    /// If one is not.
    pub fn checked(mut self) -> Result<Self, TrackError> {
        for &Rule { name, least, most, .. } in RULES {
            let value = self.field(name).copied().unwrap_or(f64::NAN);
            if !(least..=most).contains(&value) {
                return Err(TrackError::Rule { name, value, least, most });
            }
        }
        Ok(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_are_in_their_ranges_and_nonsense_is_refused_by_name() {
        let mut rules = Rules::default().checked().expect("the defaults");
        rules.set("lost_seconds", 2.5).expect("a rule");
        assert_eq!(rules.lost_seconds, 2.5);
        let refused = rules.set("weak", f64::NAN).expect_err("not a number").to_string();
        assert_eq!(refused, "weak is NaN, and may be 0 to 1: choose a value in that range.");
        let unknown = rules.set("lost", 1.0).expect_err("no rule").to_string();
        assert!(unknown.contains("\"lost\"") && unknown.contains("lost_seconds, ahead_seconds"), "{unknown}");
    }
}
