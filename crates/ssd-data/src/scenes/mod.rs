//! Scenes of everyday things for the page: small worlds of solids, drawn with sun and shadow, in which a detector that
//! learned from photographs finds people, vehicles, animals and furniture.
//!
//! A scene's file says what stands where, with what light; `figures` has the things, each a `model` of `solid`s with
//! `look`s; `world` draws the picture. No chance is involved: noise is a function of the place, so that a scene looks
//! the same on every machine, up to the last bit of a system's sine.

mod airport;
mod backdrop;
mod dining_room;
mod figures;
mod harbour;
mod living_room;
mod look;
mod meadow;
mod model;
mod park;
mod solid;
mod space;
mod station;
mod street;
mod world;

use image::RgbImage;

use self::world::World;

/// A picture of the page's strip.
pub struct Scene {
    /// The name of its file.
    pub file: &'static str,
    /// What it shows, for the page.
    pub title: &'static str,
    /// Its objects' classes, by their names in Pascal VOC, most prominent first.
    pub classes: &'static [&'static str],
    /// Its width in pixels.
    pub width: u32,
    /// Its height in pixels.
    pub height: u32,
    world: fn() -> World,
}

impl Scene {
    /// Draws it: a matter of seconds on all cores.
    pub fn picture(&self) -> RgbImage {
        (self.world)().picture(self.width, self.height)
    }
}

/// The strip, in the page's order.
pub const SCENES: [Scene; 8] = [
    Scene {
        file: "street.jpg",
        title: "A wide picture: a bus, a car, people and a dog in a street",
        classes: &["bus", "person", "car", "dog"],
        width: 720,
        height: 400,
        world: street::world,
    },
    Scene {
        file: "living-room.jpg",
        title: "A cat on a sofa, a television and a plant in a living room",
        classes: &["sofa", "pottedplant", "tvmonitor", "cat"],
        width: 640,
        height: 480,
        world: living_room::world,
    },
    Scene {
        file: "park.jpg",
        title: "An upright picture: a cyclist in a park",
        classes: &["person", "bicycle"],
        width: 480,
        height: 640,
        world: park::world,
    },
    Scene {
        file: "meadow.jpg",
        title: "A rider, a cow and sheep on a meadow",
        classes: &["horse", "person", "cow", "sheep"],
        width: 640,
        height: 480,
        world: meadow::world,
    },
    Scene {
        file: "harbour.jpg",
        title: "Boats, and a person on a pier",
        classes: &["boat", "person"],
        width: 640,
        height: 480,
        world: harbour::world,
    },
    Scene {
        file: "dining-room.jpg",
        title: "A guest at a table with chairs and bottles",
        classes: &["person", "diningtable", "chair", "pottedplant", "bottle"],
        width: 640,
        height: 480,
        world: dining_room::world,
    },
    Scene {
        file: "station.jpg",
        title: "A train and two travellers at a station",
        classes: &["train", "person"],
        width: 640,
        height: 480,
        world: station::world,
    },
    Scene {
        file: "airport.jpg",
        title: "An aeroplane shortly after take-off",
        classes: &["aeroplane"],
        width: 640,
        height: 480,
        world: airport::world,
    },
];

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use std::collections::BTreeSet;
    use std::path::PathBuf;

    use serde_json::Value;

    use super::*;

    const VOC: &str = "aeroplane bicycle bird boat bottle bus car cat chair cow diningtable dog horse motorbike person \
                       pottedplant sheep sofa train tvmonitor";

    fn samples() -> PathBuf {
        PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../web/samples")
    }

    #[test]
    fn the_strip_shows_most_classes_of_voc_and_people_in_several_pictures() {
        let known: BTreeSet<&str> = VOC.split(' ').collect();
        let shown: BTreeSet<&str> = SCENES.iter().flat_map(|scene| scene.classes).copied().collect();
        assert!(shown.is_subset(&known), "{shown:?}");
        assert!(shown.len() >= 12, "{shown:?}");
        assert!(SCENES.iter().filter(|scene| scene.classes.contains(&"person")).count() >= 4);
        assert!(SCENES.iter().any(|scene| scene.width < scene.height));
    }

    #[test]
    fn each_shipped_picture_is_what_its_scene_draws() {
        for scene in &SCENES {
            let shipped = image::open(samples().join(scene.file)).unwrap().into_rgb8();
            assert_eq!(shipped.dimensions(), (scene.width, scene.height), "{}", scene.file);
            let world = (scene.world)();
            let (mut sum, mut count) = (0.0, 0);
            for y in (9..scene.height).step_by(29) {
                for x in (9..scene.width).step_by(29) {
                    let drawn = world.pixel(x, y, scene.width, scene.height);
                    let apart = (0..3).map(|c| f32::from(drawn[c].abs_diff(shipped[(x, y)][c]))).sum::<f32>() / 3.0;
                    (sum, count) = (sum + apart, count + 1);
                }
            }
            // What JPEG changes.
            let mean = sum / count as f32;
            assert!(
                mean < 5.0,
                "{}: {mean} levels apart on average; run `cargo run --release --bin scenes`",
                scene.file
            );
        }
    }

    #[test]
    fn the_list_of_samples_names_each_scene_and_files_that_exist() {
        let list: Vec<Value> = serde_json::from_slice(&std::fs::read(samples().join("index.json")).unwrap()).unwrap();
        for entry in &list {
            let file = entry["file"].as_str().unwrap();
            assert!(samples().join(file).is_file(), "{file} is listed and is not there");
            assert!(!entry["classes"].as_array().unwrap().is_empty(), "{file} has no classes");
        }
        let listed: Vec<&str> = list.iter().filter_map(|entry| entry["file"].as_str()).collect();
        assert!(SCENES.iter().all(|scene| listed.contains(&scene.file)), "{listed:?}");
    }
}
