//! An airliner shortly after take-off.

use super::backdrop::{asphalt, grass, morning};
use super::figures::land::tree;
use super::figures::travel::airliner;
use super::look::Look;
use super::space::{Pose, V, v};
use super::world::{Camera, Light, Plane, World};

fn ground(p: V) -> Look {
    if (p.z + 40.0).abs() < 14.0 { asphalt(p * 0.3) } else { grass(p * 0.25) }
}

pub(super) fn world() -> World {
    let camera = Camera { eye: v(6.0, 2.5, 62.0), target: v(-2.0, 13.0, 0.0), angle: 33.0 };
    let light = Light { reach: 3.0, haze: 420.0, ..morning(v(-0.35, 0.8, 0.7)) };
    let mut w = World::new(camera, light, vec![Plane::ground(ground)]);
    w.put(airliner(0x2d5fa8), Pose::at(0.0, 16.0, 0.0).yaw(-60.0).pitch(5.0));
    for i in 0..34 {
        let (x, near) = (-190.0 + 11.0 * i as f32, (i * 7 % 5) as f32);
        w.put(tree(i as f32), Pose::at(x, -6.0, -170.0 - 12.0 * near).scaled(2.4 + 0.2 * near));
    }
    w
}
