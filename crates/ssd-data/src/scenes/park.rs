//! A cyclist on a path under trees: an upright picture.

use super::backdrop::{grass, morning};
use super::figures::land::{bush, tree};
use super::figures::people::{CYCLING, Outfit, person};
use super::figures::road::bicycle;
use super::look::{Look, layered, step};
use super::space::{Pose, V, v};
use super::world::{Camera, Plane, World};

fn ground(p: V) -> Look {
    // The path bends away to the left.
    let middle = -0.03 * (p.z - 1.0) * (p.z - 1.0) * step(1.0, 0.0, p.z);
    let edge = ((p.x - middle).abs() + 0.3 * layered(p * 1.5, 2)) - 1.9;
    let path = Look::between(0xc2ab86, 0xddcaa6, layered(p * 7.0, 3));
    path.mixed(grass(p), step(-0.1, 0.1, edge))
}

pub(super) fn world() -> World {
    let camera = Camera { eye: v(0.0, 1.55, 5.6), target: v(0.0, 1.12, 0.0), angle: 33.0 };
    let mut w = World::new(camera, morning(v(-0.6, 0.85, 0.5)), vec![Plane::ground(ground)]);
    for (i, (x, z)) in
        [(-3.4, -6.0), (3.6, -4.0), (6.0, -13.0), (-7.5, -14.0), (-11.5, -24.0), (2.0, -27.0), (11.0, -26.0)]
            .into_iter()
            .enumerate()
    {
        w.put(tree(i as f32), Pose::at(x, 0.0, z));
    }
    for (i, x) in [-19.0, -14.0, -9.5, -4.0, 1.0, 6.0, 11.0].into_iter().enumerate() {
        w.put(bush(i as f32), Pose::at(x, 0.0, -34.0).scaled(3.5));
    }
    let rider = Outfit {
        skin: 0xe0a884,
        hair: 0x3a2418,
        long_hair: true,
        top: 0xd9533b,
        long_sleeves: false,
        trousers: 0x2f4560,
        shoes: 0xf0ede6,
    };
    let place = Pose::at(-0.1, 0.0, 0.6).yaw(-38.0);
    w.put(bicycle(0x2f7f8a), place).put(person(&rider, &CYCLING), place);
    w
}
