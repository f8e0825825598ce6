//! Enumerations that are chosen and saved by name.

/// Reading and writing by name, for a type with `ALL`, `name()` and `find()`: `Display`, `FromStr` with an error that
/// lists the names, and serde.
macro_rules! by_name {
    ($type:ident, $what:literal, $unknown:ident) => {
        #[doc = concat!("A name that no ", $what, " has.")]
        #[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
        #[error("there is no {what} {0:?}; choose one of {names}", what = $what, names = $unknown::names())]
        pub struct $unknown(pub String);

        impl $unknown {
            fn names() -> String {
                $type::ALL.map($type::name).join(", ")
            }
        }

        impl std::fmt::Display for $type {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.name())
            }
        }

        impl std::str::FromStr for $type {
            type Err = $unknown;

            fn from_str(name: &str) -> Result<Self, $unknown> {
                Self::find(name).ok_or_else(|| $unknown(name.to_owned()))
            }
        }

        impl serde::Serialize for $type {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.name())
            }
        }

        impl<'de> serde::Deserialize<'de> for $type {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

/// An enumeration whose variants have their names beside them: `ALL`, `name()` and `find()` come from the rows.
macro_rules! named {
    ($(#[$meta:meta])* pub enum $type:ident { $($(#[$doc:meta])* $variant:ident = $name:literal,)+ }) => {
        $(#[$meta])*
        pub enum $type { $($(#[$doc])* $variant,)+ }

        impl $type {
            /// All, in the order in which people see them.
            pub const ALL: [Self; [$($name),+].len()] = [$(Self::$variant),+];

            /// The name by which it is chosen and saved.
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)+ }
            }

            fn find(name: &str) -> Option<Self> {
                Self::ALL.into_iter().find(|value| value.name() == name)
            }
        }
    };
}

pub(crate) use by_name;
pub(crate) use named;
