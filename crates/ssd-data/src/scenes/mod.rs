//! Scenes for the page: small worlds of everyday things, in which a detector of photographs' classes finds them.

mod airport;
mod backdrop;
mod dining_room;
pub mod figures;
mod harbour;
mod living_room;
pub mod look;
mod meadow;
pub mod model;
mod park;
pub mod solid;
pub mod space;
mod station;
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
    Scene { file: "street", title: "Street", classes: &["person", "car"], width: 720, height: 400, world: street::world },
    Scene { file: "living-room", title: "Street", classes: &["person", "car"], width: 640, height: 480, world: living_room::world },
    Scene { file: "harbour", title: "Street", classes: &["person", "car"], width: 640, height: 480, world: harbour::world },
    Scene { file: "airport", title: "Street", classes: &["person", "car"], width: 640, height: 480, world: airport::world },
    Scene { file: "park", title: "Street", classes: &["person", "car"], width: 480, height: 640, world: park::world },
    Scene { file: "meadow", title: "Street", classes: &["person", "car"], width: 640, height: 480, world: meadow::world },
    Scene { file: "station", title: "Street", classes: &["person", "car"], width: 640, height: 480, world: station::world },
    Scene { file: "dining-room", title: "Street", classes: &["person", "car"], width: 640, height: 480, world: dining_room::world },
];
