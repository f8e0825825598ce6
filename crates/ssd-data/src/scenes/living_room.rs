//! A living room: a sofa, a television on a sideboard, plants.

use super::backdrop::boards;
use super::figures::animals::cat;
use super::figures::room::{cushion, lamp, potted_plant, sideboard, sofa, television};
use super::look::{Look, layered, light};
use super::model::Model;
use super::solid::block;
use super::space::{Pose, V, v};
use super::world::{Camera, Light, Plane, World};
use crate::shapes::paint::Color;

fn floor(p: V) -> Look {
    let rug = (p.x - 0.1).abs() < 1.35 && (p.z - 0.5).abs() < 1.0;
    if !rug {
        return boards(p);
    }
    let edge = (p.x - 0.1).abs() > 1.25 || (p.z - 0.5).abs() > 0.9;
    Look::matt(if edge { 0xb86b4b } else { 0xe6dcc8 }).lit(0.85 + 0.3 * layered(p * 40.0, 2))
}

fn wall(p: V) -> Look {
    if p.y < 0.1 { Look::matt(0xf1ece2) } else { Look::matt(0xd9d3c3).lit(0.97 + 0.06 * layered(p * 2.0, 3)) }
}

fn room_air(along: V) -> Color {
    let up = 0.5 + 0.5 * along.y;
    light(0xe9e2d4).map(|c| c * (0.35 + 0.45 * up))
}

/// The light of a large window.
pub fn daylight(from: V) -> Light {
    Light {
        from,
        sun: [0.95, 0.88, 0.75],
        soft: 0.22,
        above: [0.6, 0.57, 0.52],
        below: [0.36, 0.31, 0.26],
        sky: room_air,
        haze: 1e6,
        reach: 0.5,
    }
}

/// A framed print of two hills, looking along x.
pub fn print(colors: [u32; 3]) -> Model {
    let [ground, far, near] = colors;
    let mut m = Model::new();
    m.add(block(v(0.0, 0.0, 0.0), v(0.02, 0.36, 0.28), 0.005), 0x2b2723);
    m.cover_one(block(v(0.02, 0.0, 0.0), v(0.02, 0.335, 0.255), 0.0), 0xf4efe4);
    m.cover_one(block(v(0.02, 0.02, 0.0), v(0.02, 0.25, 0.18), 0.0), ground);
    m.cover_one(block(v(0.02, -0.1, 0.06), v(0.02, 0.13, 0.12), 0.0), far);
    m.cover_one(block(v(0.02, -0.14, -0.06), v(0.02, 0.09, 0.12), 0.0), near);
    m
}

pub(super) fn world() -> World {
    let camera = Camera { eye: v(0.5, 1.5, 4.6), target: v(-0.1, 0.78, 0.0), angle: 40.0 };
    let planes = vec![
        Plane::ground(floor),
        Plane { through: v(0.0, 0.0, -1.7), normal: v(0.0, 0.0, 1.0), look: wall },
        Plane { through: v(-2.6, 0.0, 0.0), normal: v(1.0, 0.0, 0.0), look: wall },
    ];
    let mut w = World::new(camera, daylight(v(0.45, 0.8, 0.7)), planes);
    w.put(sofa(0x4f7484, 2), Pose::at(-1.45, 0.0, -0.35).yaw(-38.0));
    w.put(cushion(0xd98a4b), Pose::at(-1.35, 0.52, -0.8).yaw(-38.0).pitch(20.0));
    w.put(sideboard(), Pose::at(0.95, 0.0, -1.4).yaw(-90.0));
    w.put(television(), Pose::at(0.95, 0.5, -1.4).yaw(-90.0));
    w.put(potted_plant(), Pose::at(2.05, 0.0, -1.0));
    w.put(lamp(), Pose::at(-0.35, 0.0, -1.4));
    w.put(print([0xe5c9a0, 0x6f93a6, 0x35566b]), Pose::at(-1.3, 1.6, -1.68).yaw(-90.0));
    w.put(cat(), Pose::at(-1.15, 0.53, -0.35).yaw(-60.0));
    w
}
