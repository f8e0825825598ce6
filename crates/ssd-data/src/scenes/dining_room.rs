//! A dining table with chairs and bottles, and a guest.

use super::backdrop::boards;
use super::figures::people::{Outfit, SITTING, person};
use super::figures::room::{bottle, chair, potted_plant, table};
use super::living_room::{daylight, print};
use super::look::{GLASS, Look, Paint, layered, light, step};
use super::model::Model;
use super::solid::{Solid, ball, block, curve, egg, limb};
use super::space::{Pose, V, v};
use super::world::{Camera, Plane, World};
use crate::shapes::paint::mix;

fn wall(p: V) -> Look {
    if p.y < 0.1 { Look::matt(0xf3efe6) } else { Look::matt(0xb9c4b8).lit(0.97 + 0.06 * layered(p * 2.0, 3)) }
}

/// A window, 1.2 m wide, looking along x, with a sky behind it.
fn window() -> Model {
    fn view(p: V) -> Look {
        let garden = p.y + 0.5 < 0.22 * layered(v(p.z * 4.0, 0.0, 0.0), 3);
        let sky = mix(light(0xe9f1f4), light(0x8db8dd), step(-0.6, 0.7, p.y));
        let color = if garden { light(0x7f9f5c) } else { sky };
        Look { color, ..Look::matt(0).glow(1.0) }
    }
    let mut m = Model::new();
    m.add(block(v(0.0, 0.0, 0.0), v(0.05, 0.7, 0.62), 0.01), 0xf6f4ee);
    for z in [-0.29, 0.29] {
        m.cover_one(block(v(0.05, 0.0, z), v(0.03, 0.63, 0.25), 0.0), Paint::By(view));
    }
    m.add(block(v(0.06, -0.73, 0.0), v(0.12, 0.025, 0.7), 0.01), 0xf6f4ee);
    m
}

/// A white plate with a rim.
fn plate() -> Model {
    let mut m = Model::new();
    m.add(egg(v(0.0, 0.006, 0.0), v(0.13, 0.012, 0.13)), Look::matt(0xf7f5f0).gloss(0.4));
    m
}

/// A wine glass, 0.19 m high.
fn wine_glass() -> Model {
    let glass = Look { color: light(0xd3dcdc), ..GLASS };
    let profile = curve(&[
        [-0.03, 0.0],
        [0.033, 0.002],
        [0.006, 0.01],
        [0.005, 0.08],
        [0.03, 0.11],
        [0.036, 0.15],
        [0.031, 0.19],
        [-0.03, 0.19],
    ]);
    let mut m = Model::new();
    m.add(Solid::Turned { outline: profile, around: [0.0, 0.0] }, glass);
    m.cover_one(block(v(0.0, 0.12, 0.0), v(0.1, 0.025, 0.1), 0.0), Look::matt(0x7a1f2c).gloss(0.8).mirror(0.1));
    m
}

/// A bowl of apples.
fn fruit() -> Model {
    let mut m = Model::new();
    m.add(egg(v(0.0, 0.06, 0.0), v(0.15, 0.06, 0.15)), Look::matt(0xe9e4d8).gloss(0.3));
    for (x, z, color) in
        [(0.06, 0.02, 0xc8382e), (-0.06, 0.04, 0xd9a62e), (0.0, -0.07, 0x7fa03c), (0.0, 0.02, 0xc8502e)]
    {
        let y = if x == 0.0 && z > 0.0 { 0.165 } else { 0.115 };
        m.add(ball(v(x, y, z), 0.05), Look::matt(color).gloss(0.4));
    }
    m
}

/// A lamp that hangs over the table.
fn pendant() -> Model {
    let shade = curve(&[[-0.2, 1.75], [0.2, 1.72], [0.24, 1.75], [0.17, 1.92], [0.03, 1.98], [-0.2, 1.98]]);
    let mut m = Model::new();
    m.add(Solid::Turned { outline: shade, around: [0.0, 0.0] }, Look::matt(0x3d5f5a).gloss(0.3));
    m.add(limb(&[(v(0.0, 1.9, 0.0), 0.008), (v(0.0, 3.2, 0.0), 0.008)]), 0x2b2b2b);
    m
}

pub(super) fn world() -> World {
    let camera = Camera { eye: v(-0.35, 1.75, 3.9), target: v(0.0, 0.85, 0.0), angle: 37.0 };
    let planes = vec![
        Plane::ground(boards),
        Plane { through: v(0.0, 0.0, -2.2), normal: v(0.0, 0.0, 1.0), look: wall },
        Plane { through: v(2.7, 0.0, 0.0), normal: v(-1.0, 0.0, 0.0), look: wall },
    ];
    let mut w = World::new(camera, daylight(v(-0.5, 0.8, 0.6)), planes);
    w.put(table(0.95, 0.5), Pose::at(0.0, 0.0, 0.0));
    for (x, z, yaw) in [(-0.45, 0.72, 90.0), (0.45, 0.72, 90.0), (-0.45, -0.62, -90.0), (1.2, 0.0, 180.0)] {
        w.put(chair(), Pose::at(x, 0.0, z).yaw(yaw));
    }
    let guest = Outfit {
        skin: 0xdba27e,
        hair: 0x4a2f1e,
        long_hair: true,
        top: 0xc8503c,
        long_sleeves: true,
        trousers: 0x3a3f55,
        shoes: 0x2b2522,
    };
    w.put(person(&guest, &SITTING), Pose::at(-0.45, 0.0, -0.6).yaw(-90.0));
    w.put(bottle(0x2f5a35), Pose::at(0.1, 0.75, -0.05));
    w.put(bottle(0x6b3a22), Pose::at(0.27, 0.75, -0.16));
    w.put(fruit(), Pose::at(0.58, 0.75, 0.05));
    for (x, z) in [(-0.45, 0.28), (0.3, 0.28), (-0.45, -0.25)] {
        w.put(plate(), Pose::at(x, 0.752, z));
        w.put(wine_glass(), Pose::at(x + 0.2, 0.75, z - 0.08));
    }
    w.put(pendant(), Pose::at(0.1, 0.0, 0.0)).put(window(), Pose::at(-1.1, 1.55, -2.2).yaw(-90.0));
    w.put(potted_plant(), Pose::at(1.9, 0.0, -1.6));
    w.put(print([0xead9b8, 0xb86b4b, 0x4a5f52]), Pose::at(0.75, 1.65, -2.18).yaw(-90.0));
    w
}
