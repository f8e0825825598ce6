//! A rider on a meadow, with cows and sheep.

use super::backdrop::{grass, morning};
use super::figures::animals::{cow, horse, sheep, tack};
use super::figures::land::{bush, fence, tree};
use super::figures::people::{Outfit, RIDING, person};
use super::look::Paint;
use super::model::Model;
use super::solid::egg;
use super::space::{Pose, v};
use super::world::{Camera, Plane, World};

/// A wide hill.
fn hill() -> Model {
    let mut m = Model::new();
    m.add(egg(v(0.0, -14.0, 0.0), v(120.0, 24.0, 40.0)), Paint::By(|p| grass(p * 0.3).lit(0.8)));
    m
}

pub(super) fn world() -> World {
    let camera = Camera { eye: v(0.2, 1.75, 8.0), target: v(0.15, 1.3, 0.0), angle: 32.0 };
    let mut w = World::new(camera, morning(v(-0.5, 0.8, 0.65)), vec![Plane::ground(grass)]);
    w.put(hill(), Pose::at(-50.0, 0.0, -120.0)).put(hill(), Pose::at(70.0, -3.0, -150.0));
    for i in 0..7 {
        w.put(fence(), Pose::at(-12.0 + 4.0 * i as f32, 0.0, -14.0));
    }
    w.put(tree(2.0), Pose::at(-7.0, 0.0, -18.0)).put(tree(5.0), Pose::at(10.5, 0.0, -24.0));
    w.put(bush(1.0), Pose::at(3.0, 0.0, -20.0).scaled(1.8));
    let rider = Outfit {
        skin: 0xdba27e,
        hair: 0x2b1f18,
        long_hair: false,
        top: 0x31598a,
        long_sleeves: true,
        trousers: 0xe4dcc8,
        shoes: 0x2a1f18,
    };
    let place = Pose::at(-1.05, 0.0, 1.2).yaw(-18.0);
    w.put(horse(0x8a5230, 0x2b1c14), place).put(tack(), place).put(person(&rider, &RIDING), place);
    w.put(cow(), Pose::at(2.0, 0.0, -1.6).yaw(205.0));

    for (x, z, yaw) in
        [(4.6, -6.5, 195.0), (2.6, -8.5, 160.0), (3.7, -9.8, -10.0), (6.4, -9.0, 170.0), (-5.2, -7.5, 10.0)]
    {
        w.put(sheep(), Pose::at(x, 0.0, z).yaw(yaw));
    }
    w
}
