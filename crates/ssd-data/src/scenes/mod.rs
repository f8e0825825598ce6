//! Scenes for the page: small worlds of everyday things, in which a detector of photographs' classes finds them.

pub mod figures;
pub mod look;
pub mod model;
pub mod solid;
pub mod space;
mod street;
pub mod world;

/// A picture of the strip.
pub struct Scene {
    /// Its file, without the extension.
    pub file: &'static str,
    /// What it shows, as a sentence for the page.
    pub title: &'static str,
    /// VOC classes of the objects in it.
    pub classes: &'static [&'static str],
    /// Its width in pixels.
    pub width: u32,
    /// Its height in pixels.
    pub height: u32,
    /// Builds what it shows.
    pub world: fn() -> world::World,
}

/// The strip.
pub const SCENES: &[Scene] = &[
    Scene { file: "street", title: "Street", classes: &["person", "car"], width: 640, height: 480, world: street::world },
];
