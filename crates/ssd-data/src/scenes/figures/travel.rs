//! What flies, floats and runs on rails.

use crate::scenes::look::{GLASS, Look, Paint, step};
use crate::scenes::model::Model;
use crate::scenes::solid::{Solid, block, curve, disc, egg, limb, rod, slab};
use crate::scenes::space::{Pose, V, v};
use crate::shapes::outline::Outline;

/// An airliner, 38 m long, its axis at y = 0; the tail has a colour.
pub fn airliner(color: u32) -> Model {
    fn hull(p: V) -> Look {
        let white = Look::matt(0xf3f4f5).gloss(0.5).mirror(0.05);
        let belly = Look::matt(0xb9c0c7).gloss(0.4).mirror(0.05);
        let window = (p.x / 0.9).rem_euclid(1.0);
        let cabin = p.x > -13.0 && p.x < 14.0 && (p.y - 0.55).abs() < 0.24 && (0.25..0.72).contains(&window);
        let cockpit = p.x > 16.2 && p.x < 17.7 && (0.55..1.15).contains(&(p.y + 0.3 * (p.x - 16.5)));
        if cabin || cockpit { GLASS } else { white.mixed(belly, step(-0.7, -0.9, p.y)) }
    }
    let hull = Paint::By(hull);
    let white = Look::matt(0xe4e8ec).gloss(0.5).mirror(0.05);
    let paint = Look::matt(color).gloss(0.5).mirror(0.05);
    let mut m = Model::new();
    let barrel = [
        (v(18.3, -0.5, 0.0), 0.5),
        (v(17.7, -0.4, 0.0), 0.95),
        (v(16.8, -0.25, 0.0), 1.35),
        (v(15.6, -0.1, 0.0), 1.68),
        (v(14.2, 0.0, 0.0), 1.88),
        (v(12.5, 0.0, 0.0), 1.95),
        (v(-9.0, 0.0, 0.0), 1.95),
        (v(-15.0, 0.6, 0.0), 1.2),
        (v(-19.0, 1.1, 0.0), 0.4),
    ];
    m.add(limb(&barrel), hull);
    // Wings lie in x and z: outlines drawn in x and y, turned flat.
    let wing = [[3.5, 0.0], [4.2, 1.6], [-4.6, 16.6], [-6.4, 16.7], [-3.2, 6.0], [-3.6, 1.6], [-3.4, 0.0]];
    let flat = Pose::at(0.0, -0.9, 0.0).roll(84.0);
    m.grow_pair(0.4, slab(&wing, 0.0, 0.28, 0.2).posed(flat), white);
    m.pair(slab(&[[-4.4, 16.4], [-6.2, 16.4], [-7.2, 18.0], [-6.4, 18.0]], 0.0, 0.1, 0.05).posed(flat), paint);
    let tail_wing = [[-15.0, 0.0], [-15.6, 0.9], [-18.4, 5.8], [-20.0, 5.8], [-18.6, 0.0]];
    m.grow_pair(0.2, slab(&tail_wing, 0.0, 0.14, 0.1).posed(Pose::at(0.0, 1.0, 0.0).roll(86.0)), white);
    let fin = [[-12.2, 1.4], [-14.2, 2.2], [-18.0, 7.6], [-20.2, 7.6], [-18.6, 1.2]];
    m.grow(0.3, slab(&fin, 0.0, 0.2, 0.12), paint);
    let engine = [(v(2.6, -2.2, 5.4), 1.02), (v(0.8, -2.2, 5.4), 1.08), (v(-1.4, -2.1, 5.4), 0.72)];
    m.pair(limb(&engine), paint);
    m.carve(egg(v(3.9, -2.2, 5.4), v(0.9, 0.88, 0.88)), 0x2a2d31);
    m.pair(slab(&[[2.0, -1.4], [-2.0, -1.3], [-1.6, -0.5], [1.6, -0.5]], 5.4, 0.18, 0.1), white);
    m.pair(limb(&[(v(-1.4, -2.1, 5.4), 0.6), (v(-2.4, -2.1, 5.4), 0.3)]), 0x6a6f75);
    m
}

/// A sailing boat, 9 m long, the water is at y = 0.
pub fn sail_boat(hull: u32, sail: u32) -> Model {
    let lacquer = Look::matt(hull).gloss(0.5).mirror(0.05);
    let (wood, cloth) = (Look::matt(0xa9743f), Look::matt(sail));
    let mut m = Model::new();
    let side = curve(&[
        [-4.3, 1.0],
        [-2.0, 0.9],
        [2.0, 1.0],
        [4.8, 1.45],
        [4.3, 0.6],
        [3.2, -0.3],
        [0.0, -0.8],
        [-3.4, -0.5],
        [-4.2, 0.2],
    ]);
    let top = curve(&[
        [-4.4, -0.9],
        [-4.45, 0.0],
        [-4.4, 0.9],
        [-2.0, 1.3],
        [1.0, 1.3],
        [3.4, 0.75],
        [4.9, 0.02],
        [4.9, -0.02],
        [3.4, -0.75],
        [1.0, -1.3],
        [-2.0, -1.3],
    ]);
    m.add(Solid::Cut { side, front: None, top: Some(top.clone()), round: 0.1 }, lacquer);
    m.cover_one(block(v(0.0, 0.0, 0.0), v(6.0, 0.22, 2.0), 0.0), 0x8c2f28);
    m.cover_one(block(v(0.0, 0.8, 0.0), v(6.0, 0.05, 2.0), 0.0), Look::matt(0xf3efe4));
    let cabin = curve(&[[-1.6, 0.8], [-1.5, 1.5], [0.6, 1.45], [1.8, 1.05], [1.9, 0.8]]);
    m.add(
        Solid::Cut {
            side: cabin,
            front: Some(Outline::Polygon(vec![[-0.75, 0.5], [-0.65, 1.7], [0.65, 1.7], [0.75, 0.5]])),
            top: None,
            round: 0.12,
        },
        0xf3efe4,
    );
    for x in [-1.0, -0.3, 0.4] {
        m.cover(block(v(x, 1.22, 0.7), v(0.24, 0.1, 0.3), 0.08), GLASS);
    }
    let mast = v(0.9, 0.0, 0.0);
    m.add(rod(mast + v(0.0, 1.0, 0.0), mast + v(0.0, 11.4, 0.0), 0.075), wood);
    m.add(rod(mast + v(0.0, 1.9, 0.0), v(-3.6, 1.95, 0.25), 0.07), wood);
    let main = [[0.8, 2.05], [0.78, 11.1], [0.3, 9.6], [-1.0, 6.8], [-2.4, 4.2], [-3.5, 2.1]];
    let fore = [[4.75, 1.7], [1.0, 10.2], [0.6, 7.0], [0.2, 4.0], [-0.2, 1.9]];
    m.add(slab(&main, 0.12, 0.025, 0.02).posed(Pose::at(0.0, 0.0, 0.0).yaw(-5.0)), cloth);
    m.add(slab(&fore, 0.0, 0.025, 0.02).posed(Pose::at(0.0, 0.0, -0.1).yaw(4.0)), cloth.lit(0.93));
    for y in [3.9, 5.9, 7.8] {
        m.cover_one(block(v(-1.5, y, 0.0), v(2.2, 0.02, 1.0), 0.0), cloth.lit(0.75));
    }
    m.add(rod(v(4.8, 1.45, 0.0), mast + v(0.1, 10.6, 0.0), 0.015), 0x555555);
    m.add(rod(v(-4.2, 1.0, 0.0), mast + v(0.0, 11.3, 0.0), 0.015), 0x555555);
    m
}

/// A motor boat, 6 m long; the water is at y = 0.
pub fn motor_boat(stripe: u32) -> Model {
    let white = Look::matt(0xf2f2ee).gloss(0.5).mirror(0.05);
    let mut m = Model::new();
    let side = curve(&[[-2.9, 0.85], [0.5, 0.95], [3.2, 1.3], [2.6, 0.4], [1.6, -0.3], [-1.0, -0.45], [-2.8, -0.4]]);
    let top = curve(&[
        [-2.9, -1.0],
        [-2.95, 0.0],
        [-2.9, 1.0],
        [0.0, 1.15],
        [2.0, 0.75],
        [3.2, 0.02],
        [3.2, -0.02],
        [2.0, -0.75],
        [0.0, -1.15],
    ]);
    m.add(Solid::Cut { side, front: None, top: Some(top), round: 0.1 }, white);
    m.cover_one(block(v(0.0, 0.6, 0.0), v(4.0, 0.1, 2.0), 0.0), stripe);
    let cabin = Outline::Polygon(vec![[-1.2, 0.8], [-1.1, 2.0], [0.4, 2.0], [1.3, 1.0], [1.3, 0.8]]);
    m.add(
        Solid::Cut {
            side: cabin,
            front: Some(Outline::Polygon(vec![[-0.8, 0.5], [-0.68, 2.1], [0.68, 2.1], [0.8, 0.5]])),
            top: None,
            round: 0.12,
        },
        white,
    );
    m.cover(slab(&[[-1.0, 1.3], [-0.95, 1.8], [-0.2, 1.8], [-0.2, 1.3]], 0.7, 0.3, 0.05), GLASS);
    m.cover(slab(&[[-0.08, 1.3], [-0.08, 1.8], [0.3, 1.8], [0.8, 1.3]], 0.7, 0.3, 0.05), GLASS);
    m
}

/// The front of a train: a railcar of a colour, 24 m long; the top of the rails is at y = 0.
pub fn railcar(color: u32) -> Model {
    let lacquer = Look::matt(color).gloss(0.5).mirror(0.05);
    let pale = Look::matt(0xeceae4).gloss(0.5).mirror(0.05);
    let mut m = Model::new();
    let side = curve(&[
        [-12.0, 0.5],
        [-12.0, 2.0],
        [-12.0, 3.5],
        [-11.6, 3.9],
        [0.0, 3.92],
        [10.2, 3.88],
        [11.2, 3.3],
        [11.9, 2.2],
        [12.15, 1.2],
        [12.0, 0.5],
        [0.0, 0.45],
    ]);
    let front = Outline::Polygon(vec![
        [-1.4, 0.4],
        [-1.45, 1.4],
        [-1.4, 2.9],
        [-1.15, 3.6],
        [-0.7, 3.92],
        [0.7, 3.92],
        [1.15, 3.6],
        [1.4, 2.9],
        [1.45, 1.4],
        [1.4, 0.4],
    ]);
    let top = curve(&[
        [-12.0, -1.5],
        [0.0, -1.5],
        [9.5, -1.46],
        [11.5, -1.1],
        [12.15, 0.0],
        [11.5, 1.1],
        [9.5, 1.46],
        [0.0, 1.5],
        [-12.0, 1.5],
    ]);
    m.add(Solid::Cut { side, front: Some(front), top: Some(top), round: 0.15 }, lacquer);
    m.cover(block(v(-0.6, 2.35, 1.3), v(11.0, 0.85, 0.4), 0.1), pale);
    for i in 0..9 {
        let x = -10.2 + 2.2 * i as f32;
        if i % 4 == 3 {
            m.cover(block(v(x, 1.75, 1.4), v(0.85, 1.2, 0.3), 0.06), lacquer.lit(0.8));
            for dx in [-0.42, 0.42] {
                m.cover(block(v(x + dx, 2.1, 1.4), v(0.3, 0.7, 0.3), 0.08), GLASS);
            }
        } else {
            m.cover(block(v(x, 2.4, 1.35), v(0.88, 0.5, 0.4), 0.1), GLASS);
        }
    }
    let screen = Outline::Polygon(vec![[-1.12, 2.0], [-1.0, 3.15], [-0.6, 3.4], [0.6, 3.4], [1.0, 3.15], [1.12, 2.0]]);
    let ahead = Outline::Polygon(vec![[9.6, 2.0], [9.6, 3.4], [13.0, 3.4], [13.0, 2.0]]);
    m.cover_one(Solid::Cut { side: ahead, front: Some(screen), top: None, round: 0.08 }, GLASS);
    m.cover_one(block(v(10.6, 3.6, 0.0), v(1.0, 0.12, 0.55), 0.05), Look::matt(0xffc23c).glow(0.7));
    m.cover_one(block(v(12.0, 1.05, 0.0), v(0.6, 0.14, 1.5), 0.0), pale);
    m.cover(egg(v(11.6, 1.4, 0.82), v(1.2, 0.15, 0.2)), Look::matt(0xfffbe6).gloss(0.8).glow(0.6));
    m.cover_one(block(v(0.0, 0.3, 0.0), v(14.0, 0.3, 2.0), 0.0), 0x2b2c2e);
    m.add(block(v(12.0, 0.55, 0.0), v(0.25, 0.16, 0.35), 0.06), 0x3a3b3e);
    m.pair(disc(v(12.2, 0.8, 0.75), 0.2, 0.05).posed(Pose::at(12.2, 0.8, 0.75).yaw(90.0)), 0x3a3b3e);
    for x in [9.6, 7.4, -7.4, -9.6] {
        m.pair(disc(v(x, 0.45, 0.75), 0.45, 0.08), 0x2b2b2d);
    }
    m.pair(block(v(8.5, 0.5, 0.95), v(1.8, 0.18, 0.08), 0.05), 0x323336);
    m
}
