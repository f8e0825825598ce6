//! A street on a bright morning: a bus and a car on the road, people and a dog on the pavement.

use super::backdrop::{asphalt, morning, paving};
use super::figures::animals::dog;
use super::figures::land::{house, street_lamp, tree};
use super::figures::people::{Outfit, STANDING, WALKING, person};
use super::figures::road::{bus, car};
use super::look::Look;
use super::space::{Pose, V, v};
use super::world::{Camera, Plane, World};

const KERB: f32 = 3.4;

fn ground(p: V) -> Look {
    if p.z > KERB || p.z < -5.2 {
        return paving(p);
    }
    if p.z > KERB - 0.18 || p.z < -5.02 {
        return Look::matt(0xd0cbc0);
    }
    let dash = p.x.rem_euclid(5.0) < 2.5 && (p.z + 0.9).abs() < 0.07;
    if dash { Look::matt(0xe9e7e0) } else { asphalt(p) }
}

pub(super) fn world() -> World {
    let camera = Camera { eye: v(1.0, 1.75, 12.2), target: v(0.2, 1.55, 0.0), angle: 31.0 };
    let mut w = World::new(camera, morning(v(-0.5, 0.9, 0.6)), vec![Plane::ground(ground)]);
    let houses =
        [(-17.0, 0xd9c4a0, 9.0, 3), (-7.6, 0xc98f74, 9.4, 2), (1.6, 0xdfd6c4, 9.0, 3), (10.8, 0xb9c0b4, 9.2, 2)];
    for (x, color, width, floors) in houses {
        w.put(house(color, width, floors), Pose::at(x, 0.0, -9.5).yaw(-90.0));
    }
    w.put(tree(1.0), Pose::at(6.9, 0.0, -6.6)).put(tree(4.0), Pose::at(-9.5, 0.0, -6.6));
    w.put(street_lamp(), Pose::at(2.6, 0.0, -5.6).yaw(-90.0));

    w.put(bus(0xe0a52e), Pose::at(-3.4, 0.0, -2.9).yaw(-16.0));
    w.put(car(0xc8382e), Pose::at(3.55, 0.0, 1.1).yaw(174.0));
    let her = Outfit {
        skin: 0xe8b48f,
        hair: 0x5a3620,
        long_hair: true,
        top: 0x2f6f8f,
        long_sleeves: true,
        trousers: 0x3a3f55,
        shoes: 0x3b2f2a,
    };
    let him = Outfit {
        skin: 0xc98d66,
        hair: 0x1f1a18,
        long_hair: false,
        top: 0xb8473a,
        long_sleeves: false,
        trousers: 0x5f5545,
        shoes: 0x2c2c30,
    };
    w.put(person(&her, &WALKING), Pose::at(-2.0, 0.0, 5.0).yaw(-40.0));
    w.put(person(&him, &STANDING), Pose::at(0.75, 0.0, 5.2).yaw(-100.0));
    w.put(dog(0xc48a4f), Pose::at(-0.9, 0.0, 5.3).yaw(-30.0));
    w
}
