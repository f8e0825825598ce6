//! A train at a platform, and travellers.

use super::backdrop::{grass, morning, paving};
use super::figures::land::{bush, tree};
use super::figures::people::{Outfit, STANDING, WALKING, person};
use super::figures::travel::railcar;
use super::look::{Look, layered, noise};
use super::model::Model;
use super::solid::{block, limb, rod};
use super::space::{Pose, V, v};
use super::world::{Camera, Plane, World};

/// How high the platform and the rails are above the ground.
const PLATFORM: f32 = 0.75;
const RAIL: f32 = 0.15;

fn ground(p: V) -> Look {
    if p.x < -3.0 || p.x > 5.0 {
        return grass(p);
    }
    Look::between(0x6d655c, 0xa69c90, layered(p * 11.0, 2)).lit(0.85 + 0.3 * noise(p * 3.0))
}

fn track() -> Model {
    let mut m = Model::new();
    for i in 0..44 {
        m.add(block(v(0.0, 0.03, 8.0 - 0.65 * i as f32), v(1.25, 0.05, 0.12), 0.02), 0x5d5046);
    }
    for x in [-0.72, 0.72] {
        m.add(block(v(x, 0.11, -20.0), v(0.035, 0.05, 40.0), 0.01), Look::matt(0x8d8378).gloss(0.4));
    }
    m
}

fn platform() -> Model {
    fn slabs(p: V) -> Look {
        let edge = p.x > 2.4 - 0.75 && p.x < 2.4 - 0.6;
        if edge { Look::matt(0xf0ede4) } else { paving(p) }
    }
    let mut m = Model::new();
    m.add(block(v(0.0, 0.5 * PLATFORM, -30.0), v(2.4, 0.5 * PLATFORM, 50.0), 0.02), super::look::Paint::By(slabs));
    m
}

/// A lamp on the platform.
fn lamp() -> Model {
    let mut m = Model::new();
    m.add(limb(&[(v(0.0, 0.0, 0.0), 0.06), (v(0.0, 3.6, 0.0), 0.04)]), 0x3f5a50);
    m.add(rod(v(-0.5, 3.6, 0.0), v(0.5, 3.6, 0.0), 0.03), 0x3f5a50);
    for x in [-0.5, 0.5] {
        m.add(block(v(x, 3.5, 0.0), v(0.16, 0.07, 0.16), 0.06), 0xf2efe4);
    }
    m
}

pub(super) fn world() -> World {
    let camera = Camera { eye: v(-2.3, 2.35, 8.6), target: v(0.25, 1.9, -2.0), angle: 36.0 };
    let mut w = World::new(camera, morning(v(-0.45, 0.8, 0.7)), vec![Plane::ground(ground)]);
    w.put(track(), Pose::at(1.2, 0.0, 0.0)).put(platform(), Pose::at(-3.0, 0.0, 0.0));
    w.put(railcar(0xb8352c), Pose::at(1.2, RAIL, -14.6).yaw(-90.0));
    w.put(lamp(), Pose::at(-4.2, PLATFORM, -3.0)).put(lamp(), Pose::at(-4.2, PLATFORM, -16.0));
    for (i, (x, z)) in
        [(8.0, -10.0), (9.5, -22.0), (7.5, -34.0), (-8.5, -22.0), (-9.0, -38.0), (-3.0, -60.0)].into_iter().enumerate()
    {
        w.put(tree(i as f32 + 3.0), Pose::at(x, 0.0, z).scaled(1.2));
    }
    for i in 0..5 {
        w.put(bush(i as f32), Pose::at(6.2 + 0.4 * (i % 2) as f32, 0.0, -4.0 - 3.0 * i as f32));
    }
    let her = Outfit {
        skin: 0x8f5f42,
        hair: 0x17120f,
        long_hair: true,
        top: 0xe0a52e,
        long_sleeves: true,
        trousers: 0x34415c,
        shoes: 0x2b2522,
    };
    let him = Outfit {
        skin: 0xe2b08c,
        hair: 0x8a6a45,
        long_hair: false,
        top: 0x3d5f4c,
        long_sleeves: true,
        trousers: 0x4a4642,
        shoes: 0x2b2522,
    };
    w.put(person(&her, &WALKING), Pose::at(-2.55, PLATFORM, 2.6).yaw(-80.0));
    w.put(person(&him, &STANDING), Pose::at(-3.2, PLATFORM, -1.2).yaw(-45.0));
    w
}
