//! Boats on a calm sea, seen from a pier.

use super::backdrop::{morning, sea};
use super::figures::people::{Outfit, STANDING, person};
use super::figures::room::wood;
use super::figures::travel::{motor_boat, sail_boat};
use super::look::{Look, Paint, layered};
use super::model::Model;
use super::solid::{block, egg, rod};
use super::space::{Pose, V, v};
use super::world::{Camera, Light, Plane, World};

fn pier() -> Model {
    fn planks(p: V) -> Look {
        let joint = if (p.x / 0.22).rem_euclid(1.0) < 0.08 { 0.5 } else { 1.0 };
        wood(v(p.z, p.x, p.y)).lit(0.85 * joint)
    }
    let mut m = Model::new();
    m.add(block(v(0.0, 0.75, 0.0), v(6.0, 0.07, 1.2), 0.02), Paint::By(planks));
    for x in [-5.6, -2.8, 0.0, 2.8, 5.6] {
        m.pair(rod(v(x, -1.0, 1.15), v(x, 1.3, 1.15), 0.11), 0x6b543c);
    }
    m
}

/// A wooded island, 60 m wide.
fn island() -> Model {
    fn woods(p: V) -> Look {
        Look::between(0x44683f, 0x7f9a62, layered(p * 0.5, 3))
    }
    let mut m = Model::new();
    m.add(egg(v(0.0, -2.0, 0.0), v(34.0, 8.0, 9.0)).rough(0.8, 0.5), Paint::By(woods));
    m.grow(2.0, egg(v(20.0, -2.0, 3.0), v(18.0, 5.0, 8.0)).rough(0.6, 0.5), Paint::By(woods));
    m
}

pub(super) fn world() -> World {
    let camera = Camera { eye: v(0.0, 2.6, 16.0), target: v(0.0, 2.9, 0.0), angle: 38.0 };
    let light = Light { reach: 1.2, haze: 420.0, ..morning(v(-0.6, 0.75, 0.45)) };
    let mut w = World::new(camera, light, vec![Plane::ground(sea)]);
    w.put(island(), Pose::at(-45.0, 0.0, -150.0)).put(island(), Pose::at(60.0, 0.0, -210.0).scaled(1.3));
    w.put(sail_boat(0x2d4f78, 0xf7f3e8), Pose::at(0.2, 0.0, -6.0).yaw(-18.0).scaled(0.82));
    w.put(sail_boat(0xa8382e, 0xfaf0dc), Pose::at(-14.5, 0.0, -42.0).yaw(200.0));
    w.put(motor_boat(0x2d5fa8), Pose::at(6.6, 0.0, -3.5).yaw(200.0).scaled(0.9));
    let fisher = Outfit {
        skin: 0xd9a27c,
        hair: 0x7a6a58,
        long_hair: false,
        top: 0xd98a2b,
        long_sleeves: true,
        trousers: 0x38485f,
        shoes: 0x3a3a34,
    };
    w.put(pier(), Pose::at(-6.6, 0.0, 8.0).yaw(4.0));
    w.put(person(&fisher, &STANDING), Pose::at(-2.3, 0.82, 8.1).yaw(-40.0));
    w
}
