//! The part of TensorBoard's `event.proto` and `summary.proto` that scalars and pictures need, as protobuf messages
//! with their names and numbers. No schema is compiled.

use prost::Message;

/// An event; one of the last three fields is set.
#[derive(Clone, PartialEq, Message)]
pub struct Event {
    /// Seconds since 1970.
    #[prost(double, tag = "1")]
    pub wall_time: f64,
    /// The optimiser step.
    #[prost(int64, tag = "2")]
    pub step: i64,
    /// The file's format, in its first event.
    #[prost(string, optional, tag = "3")]
    pub file_version: Option<String>,
    /// Measured values.
    #[prost(message, optional, tag = "5")]
    pub summary: Option<Summary>,
    /// Marks the start of a run.
    #[prost(message, optional, tag = "7")]
    pub session_log: Option<SessionLog>,
}

/// Measured values of one step.
#[derive(Clone, PartialEq, Message)]
pub struct Summary {
    /// The values.
    #[prost(message, repeated, tag = "1")]
    pub value: Vec<Value>,
}

/// One measured value; one of the last two fields is set.
#[derive(Clone, PartialEq, Message)]
pub struct Value {
    /// Its name; the part before a `/` is a group.
    #[prost(string, tag = "1")]
    pub tag: String,
    /// A number.
    #[prost(float, optional, tag = "2")]
    pub simple_value: Option<f32>,
    /// A picture.
    #[prost(message, optional, tag = "4")]
    pub image: Option<Image>,
}

/// A picture, encoded.
#[derive(Clone, PartialEq, Message)]
pub struct Image {
    /// In pixels.
    #[prost(int32, tag = "1")]
    pub height: i32,
    /// In pixels.
    #[prost(int32, tag = "2")]
    pub width: i32,
    /// The number of channels.
    #[prost(int32, tag = "3")]
    pub colorspace: i32,
    /// A PNG.
    #[prost(bytes = "vec", tag = "4")]
    pub encoded_image_string: Vec<u8>,
}

/// Marks that a run started or resumed.
#[derive(Clone, PartialEq, Message)]
pub struct SessionLog {
    /// [`SESSION_START`].
    #[prost(int32, tag = "1")]
    pub status: i32,
}

/// The format's version; TensorBoard checks it first.
pub const FILE_VERSION: &str = "brain.Event:2";

/// A run starts or resumes.
pub const SESSION_START: i32 = 1;

/// Red, green, blue.
pub const RGB_CHANNELS: i32 = 3;
