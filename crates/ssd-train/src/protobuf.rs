//! Protobuf messages written as tables, so that no schema has to be compiled.

/// Makes a struct of each `Name { NUMBER field: Type [kind of field, as prost calls it]; … }`.
macro_rules! messages {
    ($($(#[$doc:meta])* $name:ident { $($number:tt $field:ident: $type:ty [$($kind:tt)*];)* })*) => {$(
        $(#[$doc])*
        #[derive(Clone, PartialEq, prost::Message)]
        pub struct $name { $(#[prost($($kind)*, tag = $number)] pub $field: $type,)* }
    )*};
}

pub(crate) use messages;
