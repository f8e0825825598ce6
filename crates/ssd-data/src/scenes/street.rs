//! A street on a bright morning: cars, a bus, people on the pavement.

use super::figures::people::{Outfit, STANDING, WALKING, person};
use super::figures::road::car;
use super::look::{Look, layered, light, noise, step};
use super::space::{Pose, V, v};
use super::world::{Camera, Light, Plane, World};
use crate::shapes::paint::{Color, mix};

pub fn sky(along: V) -> Color {
    let up = along.y.max(0.0);
    let blue = mix(light(0xdfeaf2), light(0x6fa3d8), step(0.0, 0.55, up));
    let p = v(along.x, 0.0, along.z) * (1.0 / (up + 0.12));
    let cloud = step(0.5, 0.75, layered(p * 1.3 + v(3.0, 0.0, 1.0), 4)) * step(0.02, 0.2, up);
    mix(blue, light(0xffffff), 0.8 * cloud)
}

fn ground(p: V) -> Look {
    let rough = 0.85 + 0.3 * layered(p * 6.0, 3);
    if p.z > 2.4 || p.z < -5.2 {
        // Pavement of slabs.
        let (u, w) = ((p.x / 0.6).rem_euclid(1.0), (p.z / 0.6).rem_euclid(1.0));
        let joint = if u < 0.03 || w < 0.03 { 0.75 } else { 1.0 };
        return Look::matt(0xb9b2a6).lit(rough * joint);
    }
    let dash = p.x.rem_euclid(4.0) < 2.0 && (p.z + 1.4).abs() < 0.07;
    if dash { Look::matt(0xe9e7e0) } else { Look::matt(0x6a6c70).lit(rough * (0.9 + 0.2 * noise(p * 0.5))) }
}

pub fn world() -> World {
    let camera = Camera { eye: v(1.0, 1.7, 9.0), target: v(0.0, 1.0, 0.0), angle: 34.0 };
    let sun = Light {
        from: v(-0.5, 0.9, 0.55),
        sun: [1.35, 1.28, 1.12],
        soft: 0.06,
        above: [0.42, 0.5, 0.62],
        below: [0.26, 0.25, 0.23],
        sky,
        haze: 90.0,
        reach: 0.5,
    };
    let mut w = World::new(camera, sun, vec![Plane::ground(ground)]);
    let her = Outfit { skin: 0xe8b48f, hair: 0x5a3620, long_hair: true, top: 0xd9483b, long_sleeves: true, trousers: 0x34466b, shoes: 0x3b2f2a };
    let him = Outfit { skin: 0xc98d66, hair: 0x1f1a18, long_hair: false, top: 0x3f7f6b, long_sleeves: false, trousers: 0x6b5b47, shoes: 0x2c2c30 };
    w.put(car(0xc8382e), Pose::at(0.9, 0.0, -0.2).yaw(180.0));
    w.put(car(0x3c6ea8), Pose::at(-4.5, 0.0, -3.0).yaw(20.0));
    w.put(person(&her, &WALKING), Pose::at(-1.6, 0.0, 3.0).yaw(-60.0));
    w.put(person(&him, &STANDING), Pose::at(2.6, 0.0, 3.2).yaw(-110.0));
    w
}
