//! The part of TensorBoard's `event.proto` and `summary.proto` that scalars and pictures need, with their names and
//! numbers.

use crate::protobuf::messages;

messages! {
    /// An event: seconds since 1970, the optimiser step, and one of the others. The file's first event has its version.
    Event {
        1 wall_time: f64 [double];
        2 step: i64 [int64];
        3 file_version: Option<String> [string, optional];
        5 summary: Option<Summary> [message, optional];
        7 session_log: Option<SessionLog> [message, optional];
    }

    /// Measured values of one step.
    Summary { 1 value: Vec<Value> [message, repeated]; }

    /// One measured value, a number or a picture; the part of its name before a `/` is a group.
    Value {
        1 tag: String [string];
        2 simple_value: Option<f32> [float, optional];
        4 image: Option<Image> [message, optional];
    }

    /// A picture as PNG, its sides in pixels and its number of channels.
    Image {
        1 height: i32 [int32];
        2 width: i32 [int32];
        3 colorspace: i32 [int32];
        4 encoded_image_string: Vec<u8> [bytes = "vec"];
    }

    /// Marks that a run started or resumed.
    SessionLog { 1 status: i32 [int32]; }
}

/// The format's version; TensorBoard checks it first.
pub const FILE_VERSION: &str = "brain.Event:2";

/// A run starts or resumes.
pub const SESSION_START: i32 = 1;

/// Red, green, blue.
pub const RGB_CHANNELS: i32 = 3;
