//! Furniture and what stands on it.

use crate::scenes::look::{Look, Paint, layered, light, step};
use crate::scenes::model::Model;
use crate::scenes::solid::{Solid, block, curve, disc, egg, limb, rod};
use crate::scenes::space::{Pose, V, v};
use crate::shapes::outline::Outline;
use crate::shapes::paint::mix;

/// Wood with its grain along x.
pub fn wood(p: V) -> Look {
    let grain = layered(v(p.x * 2.0, p.y * 30.0, p.z * 30.0), 3);
    Look::between(0x8a5a33, 0xb98552, grain).gloss(0.15)
}

/// Two or three seats wide, looking along x, 0.9 m deep.
pub fn sofa(color: u32, seats: usize) -> Model {
    let cloth = Look::matt(color);
    let mut m = Model::new();
    let half = 0.36 * seats as f32;
    m.add(block(v(0.0, 0.24, 0.0), v(0.43, 0.14, half + 0.1), 0.05), cloth.lit(0.92));
    m.grow(
        0.02,
        block(v(0.0, 0.0, 0.0), v(0.12, 0.36, half + 0.16), 0.1).posed(Pose::at(-0.36, 0.52, 0.0).pitch(8.0)),
        cloth,
    );
    m.pair(block(v(0.0, 0.36, half + 0.18), v(0.45, 0.27, 0.11), 0.1), cloth);
    for i in 0..seats {
        let z = 0.72 * (i as f32 + 0.5) - half;
        m.add(block(v(0.06, 0.43, z), v(0.4, 0.1, 0.355), 0.07), cloth);
        let back = block(v(0.0, 0.0, 0.0), v(0.1, 0.25, 0.345), 0.09);
        m.add(back.posed(Pose::at(-0.23, 0.72, z).pitch(12.0)), cloth.lit(1.05));
    }
    for x in [0.36, -0.36] {
        m.pair(rod(v(x, 0.02, half), v(x, 0.12, half), 0.025), 0x3b2a1e);
    }
    m
}

/// A loose cushion, upright.
pub fn cushion(color: u32) -> Model {
    let mut m = Model::new();
    m.add(egg(v(0.0, 0.2, 0.0), v(0.1, 0.24, 0.24)), color);
    m.grow(0.05, block(v(0.0, 0.2, 0.0), v(0.03, 0.2, 0.2), 0.03), color);
    m
}

/// A flat television of 1.2 m, looking along x, on its foot; it shows hills.
pub fn television() -> Model {
    fn picture(p: V) -> Look {
        let (u, w) = (p.z / 0.6, (p.y - 0.42) / 0.34);
        let sky = mix(light(0xf2d9a8), light(0x4f8fd0), step(-0.2, 0.9, w));
        let far = w < 0.05 + 0.25 * layered(v(2.2 * u + 4.0, 0.0, 0.0), 3);
        let near = w < -0.45 + 0.3 * layered(v(1.3 * u, 5.0, 0.0), 2);
        let color = if near {
            light(0x3d6b34)
        } else if far {
            light(0x5c7f96)
        } else {
            sky
        };
        let sun = step(0.16, 0.13, ((u - 0.35) * (u - 0.35) * 3.0 + (w - 0.45) * (w - 0.45)).sqrt());
        Look { color: mix(color, light(0xfff3cf), sun), ..Look::matt(0).glow(0.75).gloss(0.2) }
    }
    let mut m = Model::new();
    m.add(block(v(0.0, 0.42, 0.0), v(0.03, 0.37, 0.63), 0.015), Look::matt(0x17181a).gloss(0.6).mirror(0.04));
    m.cover_one(block(v(0.04, 0.43, 0.0), v(0.03, 0.34, 0.605), 0.0), Paint::By(picture));
    m.add(block(v(0.0, 0.04, 0.0), v(0.035, 0.05, 0.05), 0.02), 0x17181a);
    m.add(block(v(0.0, 0.012, 0.0), v(0.12, 0.012, 0.28), 0.01), 0x17181a);
    m
}

/// A low sideboard, 1.8 m wide, looking along x.
pub fn sideboard() -> Model {
    fn front(p: V) -> Look {
        wood(v(p.z, p.y, p.x))
    }
    let mut m = Model::new();
    m.add(block(v(0.0, 0.3, 0.0), v(0.22, 0.2, 0.9), 0.015), Paint::By(front));
    for z in [-0.3, 0.3] {
        m.cover_one(block(v(0.22, 0.3, z), v(0.05, 0.18, 0.006), 0.0), 0x4a2f1c);
    }
    for z in [-0.6, 0.0, 0.6] {
        m.add(block(v(0.23, 0.38, z), v(0.012, 0.01, 0.07), 0.006), 0x2b2b2b);
    }
    for x in [0.16, -0.16] {
        m.pair(rod(v(x, 0.0, 0.8), v(x, 0.12, 0.8), 0.02), 0x3b2a1e);
    }
    m
}

/// A plant in a pot, 1.2 m high.
pub fn potted_plant() -> Model {
    fn leaf(p: V) -> Look {
        Look::between(0x2f6b34, 0x6fae57, layered(p * 5.0, 2)).gloss(0.2)
    }
    let mut m = Model::new();
    let pot = Outline::Polygon(vec![[-0.2, 0.0], [0.13, 0.0], [0.19, 0.3], [0.21, 0.3], [0.21, 0.36], [-0.2, 0.36]]);
    m.add(Solid::Turned { outline: pot, around: [0.0, 0.0] }, 0xc4694a);
    m.cover_one(disc(v(0.0, 0.0, 0.0), 0.18, 0.03).posed(Pose::at(0.0, 0.36, 0.0).roll(90.0)), 0x3b2a20);
    // Leaves on stalks, each turned by the golden angle from the one before.
    for i in 0..26 {
        let rise = i as f32 / 25.0;
        let lean = 78.0 - 62.0 * rise;
        let pose = Pose::at(0.0, 0.34 + 0.3 * rise, 0.0).yaw(137.5 * i as f32).pitch(90.0 - lean);
        let length = 0.34 + 0.16 * (1.0 - (2.0 * rise - 1.0).abs());
        m.add(limb(&[(v(0.0, 0.0, 0.0), 0.008), (v(length * 0.6, 0.0, 0.0), 0.006)]).posed(pose), 0x4d8a45);
        m.add(egg(v(length, 0.0, 0.0), v(0.19, 0.014, 0.075)).posed(pose), Paint::By(leaf));
    }
    m
}

/// A wooden chair, its back at negative x.
pub fn chair() -> Model {
    let mut m = Model::new();
    let grain = Paint::By(wood);
    m.add(block(v(0.0, 0.45, 0.0), v(0.22, 0.022, 0.22), 0.02), grain);
    m.pair(limb(&[(v(0.19, 0.44, 0.18), 0.02), (v(0.21, 0.0, 0.2), 0.016)]), grain);
    m.pair(limb(&[(v(-0.23, 0.0, 0.19), 0.016), (v(-0.19, 0.45, 0.18), 0.02), (v(-0.27, 0.93, 0.19), 0.018)]), grain);
    m.add(block(v(0.0, 0.0, 0.0), v(0.016, 0.05, 0.2), 0.012).posed(Pose::at(-0.265, 0.9, 0.0).pitch(9.0)), grain);
    for z in [-0.11, 0.0, 0.11] {
        m.add(rod(v(-0.2, 0.46, z), v(-0.262, 0.9, z), 0.012), grain);
    }
    m.pair(rod(v(0.2, 0.22, 0.19), v(-0.21, 0.22, 0.19), 0.012), grain);
    m
}

/// A dining table, its top at a height of 0.75 m.
pub fn table(half_x: f32, half_z: f32) -> Model {
    let mut m = Model::new();
    m.add(block(v(0.0, 0.73, 0.0), v(half_x, 0.022, half_z), 0.012), Paint::By(wood));
    m.add(block(v(0.0, 0.67, 0.0), v(half_x - 0.08, 0.04, half_z - 0.08), 0.01), Paint::By(wood));
    for x in [half_x - 0.1, 0.1 - half_x] {
        m.pair(limb(&[(v(x, 0.7, half_z - 0.1), 0.042), (v(x, 0.0, half_z - 0.1), 0.028)]), Paint::By(wood));
    }
    m
}

/// A wine bottle, 0.3 m high.
pub fn bottle(color: u32) -> Model {
    let glass = Look::matt(color).gloss(0.9).mirror(0.1);
    let profile = curve(&[
        [-0.037, 0.0],
        [0.036, 0.002],
        [0.0375, 0.02],
        [0.0375, 0.17],
        [0.034, 0.2],
        [0.018, 0.23],
        [0.0145, 0.25],
        [0.0145, 0.29],
        [0.0165, 0.295],
        [0.0165, 0.305],
        [0.014, 0.31],
        [-0.03, 0.31],
    ]);
    let mut m = Model::new();
    m.add(Solid::Turned { outline: profile, around: [0.0, 0.0] }, glass);
    m.cover_one(block(v(0.0, 0.105, 0.0), v(0.1, 0.045, 0.1), 0.0), 0xf1e7cf);
    m.cover_one(block(v(0.0, 0.12, 0.0), v(0.1, 0.006, 0.1), 0.0), 0x8c2f28);
    m.cover_one(block(v(0.0, 0.29, 0.0), v(0.1, 0.035, 0.1), 0.0), Look::matt(0x7a1f24).gloss(0.4));
    m
}

/// A floor lamp, 1.6 m high.
pub fn lamp() -> Model {
    let shade = Outline::Polygon(vec![[-0.2, 1.3], [0.22, 1.3], [0.14, 1.6], [-0.2, 1.6]]);
    let mut m = Model::new();
    m.add(rod(v(0.0, 0.0, 0.0), v(0.0, 1.4, 0.0), 0.014), 0x3a3a3a);
    m.add(egg(v(0.0, 0.01, 0.0), v(0.15, 0.02, 0.15)), 0x3a3a3a);
    m.add(Solid::Turned { outline: shade, around: [0.0, 0.0] }, Look::matt(0xf6e3b8).glow(0.6));
    m
}
