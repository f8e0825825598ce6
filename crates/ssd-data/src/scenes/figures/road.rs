//! Road vehicles.

use crate::scenes::look::{CHROME, GLASS, Look, RUBBER};
use crate::scenes::model::Model;
use crate::scenes::solid::{Solid, block, curve, disc, egg, limb, rod, slab};
use crate::scenes::space::{V, v};
use crate::shapes::outline::Outline;

/// A pair of wheels at a place along the vehicle; `track` is half the distance between their middles.
fn wheels(m: &mut Model, x: f32, radius: f32, track: f32) {
    m.pair(disc(v(x, radius, track), radius, 0.11), RUBBER);
    m.pair(disc(v(x, radius, track + 0.015), 0.64 * radius, 0.11), CHROME);
    m.pair(disc(v(x, radius, track + 0.03), 0.16 * radius, 0.105), 0x777c82);
    for i in 0..5 {
        let (sin, cos) = (1.2566 * i as f32).sin_cos();
        let at = v(x + 0.4 * radius * cos, radius + 0.4 * radius * sin, track + 0.03);
        m.cover(disc(at, 0.14 * radius, 0.2), 0x3b3e43);
    }
}

/// A hatchback of a colour, 4 m long.
pub fn car(color: u32) -> Model {
    let lacquer = Look::matt(color).gloss(0.7).mirror(0.06);
    let mut m = Model::new();
    let body = curve(&[
        [-1.98, 0.42],
        [-2.0, 0.7],
        [-1.93, 0.93],
        [-1.0, 0.98],
        [0.6, 0.95],
        [1.45, 0.86],
        [1.9, 0.7],
        [2.0, 0.5],
        [1.95, 0.3],
        [1.4, 0.24],
        [0.0, 0.22],
        [-1.4, 0.24],
        [-1.9, 0.3],
    ]);
    let from_above = curve(&[
        [-1.98, -0.6],
        [-2.0, 0.0],
        [-1.98, 0.6],
        [-1.7, 0.8],
        [-0.8, 0.85],
        [0.8, 0.85],
        [1.6, 0.78],
        [1.93, 0.55],
        [2.0, 0.0],
        [1.93, -0.55],
        [1.6, -0.78],
        [0.8, -0.85],
        [-0.8, -0.85],
        [-1.7, -0.8],
    ]);
    m.add(Solid::Cut { side: body, front: None, top: Some(from_above), round: 0.12 }, lacquer);
    let cabin = curve(&[
        [-1.9, 0.85],
        [-1.82, 1.15],
        [-1.55, 1.4],
        [-0.9, 1.5],
        [-0.1, 1.48],
        [0.35, 1.34],
        [1.0, 0.95],
        [1.1, 0.8],
        [0.0, 0.7],
        [-1.2, 0.7],
    ]);
    let across = [[-0.82, 0.6], [-0.82, 0.95], [-0.6, 1.55], [0.6, 1.55], [0.82, 0.95], [0.82, 0.6]];
    let across = Outline::Polygon(across.to_vec());
    m.grow(0.06, Solid::Cut { side: cabin, front: Some(across), top: None, round: 0.1 }, lacquer);

    let front_window = [[-0.42, 1.0], [-0.42, 1.4], [-0.1, 1.4], [0.3, 1.27], [0.72, 1.02]];
    let rear_window = [[-1.62, 1.05], [-1.5, 1.3], [-1.2, 1.4], [-0.52, 1.41], [-0.52, 1.0], [-1.5, 1.0]];
    for window in [&front_window[..], &rear_window[..]] {
        m.cover(slab(window, 0.8, 0.3, 0.02), GLASS);
    }
    let pane = Outline::Polygon(vec![[-0.68, 0.98], [-0.54, 1.41], [0.54, 1.41], [0.68, 0.98]]);
    let wind_screen = vec![[0.12, 1.44], [1.1, 0.95], [1.4, 1.1], [0.4, 1.6]];
    let back_window = vec![[-1.72, 1.4], [-1.9, 1.05], [-2.1, 1.05], [-1.9, 1.5]];
    for window in [wind_screen, back_window] {
        let side = Outline::Polygon(window);
        m.cover_one(Solid::Cut { side, front: Some(pane.clone()), top: None, round: 0.02 }, GLASS);
    }

    let sill = block(v(0.0, 0.3, 0.85), v(1.3, 0.06, 0.2), 0.02);
    m.cover(sill, 0x2c2d30);
    for x in [1.25, -1.25] {
        m.carve(disc(v(x, 0.31, 0.8), 0.38, 0.3), 0x141416);
        wheels(&mut m, x, 0.31, 0.72);
    }
    m.cover(egg(v(1.86, 0.69, 0.6), v(0.26, 0.09, 0.2)), Look::matt(0xf4f6f8).gloss(0.8).mirror(0.15));
    m.cover(egg(v(-1.93, 0.8, 0.62), v(0.16, 0.14, 0.13)), Look::matt(0xc01818).gloss(0.6));
    let grille = block(v(1.95, 0.5, 0.0), v(0.12, 0.09, 0.42), 0.04);
    let intake = block(v(1.95, 0.34, 0.0), v(0.15, 0.05, 0.55), 0.03);
    m.cover_one(grille, 0x1b1c1e).cover_one(intake, 0x1b1c1e);
    for (x, y) in [(1.985, 0.42), (-1.99, 0.62)] {
        m.add(block(v(x, y, 0.0), v(0.015, 0.055, 0.26), 0.01), 0xf2f2ee);
    }
    m.pair(egg(v(0.62, 1.02, 0.9), v(0.07, 0.06, 0.1)), lacquer);
    for door in [-0.47, 0.62, -1.5] {
        m.cover(block(v(door, 0.65, 0.85), v(0.008, 0.32, 0.3), 0.0), lacquer.lit(0.35));
    }
    for handle in [-0.28, -1.28] {
        m.pair(block(v(handle, 0.87, 0.86), v(0.08, 0.014, 0.02), 0.01), lacquer);
    }
    m
}

/// A city bus of a colour, 11 m long, its doors on the right side.
pub fn bus(color: u32) -> Model {
    let lacquer = Look::matt(color).gloss(0.5).mirror(0.05);
    let mut m = Model::new();
    let side = Outline::Polygon(vec![
        [-5.5, 0.35],
        [-5.5, 2.7],
        [-5.3, 3.05],
        [5.15, 3.05],
        [5.45, 2.75],
        [5.6, 1.2],
        [5.55, 0.4],
        [5.4, 0.3],
        [-5.4, 0.3],
    ]);
    let front = Outline::Polygon(vec![
        [-1.26, 0.3],
        [-1.27, 1.6],
        [-1.2, 2.8],
        [-1.02, 3.06],
        [1.02, 3.06],
        [1.2, 2.8],
        [1.27, 1.6],
        [1.26, 0.3],
    ]);
    let top = curve(&[
        [-5.5, -1.27],
        [0.0, -1.28],
        [4.9, -1.27],
        [5.45, -1.05],
        [5.6, 0.0],
        [5.45, 1.05],
        [4.9, 1.27],
        [0.0, 1.28],
        [-5.5, 1.27],
    ]);
    m.add(Solid::Cut { side, front: Some(front), top: Some(top), round: 0.14 }, lacquer);
    let band = block(v(0.0, 0.55, 1.2), v(6.0, 0.16, 0.3), 0.0);
    m.cover(band, lacquer.lit(0.5));
    // A band of windows with posts, doors down to the floor, and the front pane.
    for (left, right) in [(-5.2, -4.0), (-3.9, -2.5), (-2.4, -1.0), (-0.9, 0.5), (0.6, 2.0), (2.1, 3.5)] {
        let middle = v(0.5 * (left + right), 1.95, 1.2);
        m.cover(block(middle, v(0.5 * (right - left), 0.52, 0.3), 0.06), GLASS);
    }
    for (left, right) in [(3.75, 4.35), (4.4, 5.0), (-0.35, 0.2), (0.25, 0.8)] {
        let middle = v(0.5 * (left + right), 1.46, 1.25);
        m.cover_one(block(middle, v(0.5 * (right - left) - 0.01, 1.03, 0.2), 0.05), GLASS);
        m.cover_one(block(middle - v(0.0, 0.95, 0.0), v(0.5 * (right - left), 0.08, 0.2), 0.0), 0x2a2c2f);
    }
    m.cover_one(block(v(4.4, 1.95, -1.25), v(0.75, 0.52, 0.3), 0.06), GLASS);
    m.cover_one(block(v(5.5, 1.75, 0.0), v(0.4, 0.8, 1.06), 0.1), GLASS);
    m.cover_one(block(v(5.5, 2.74, 0.0), v(0.5, 0.15, 0.85), 0.05), 0x15171a);
    for (from, to) in [(-0.6, -0.35), (-0.25, 0.15), (0.25, 0.6)] {
        let letters = block(v(5.5, 2.74, 0.5 * (from + to)), v(0.5, 0.055, 0.5 * (to - from)), 0.02);
        m.cover_one(letters, Look::matt(0xffc23c).glow(0.8));
    }
    m.cover_one(block(v(5.5, 0.85, 0.0), v(0.4, 0.04, 1.2), 0.0), lacquer.lit(0.5));
    m.cover(egg(v(5.5, 0.62, 0.92), v(0.3, 0.13, 0.2)), Look::matt(0xf6f6f2).gloss(0.8).mirror(0.2));
    m.add(block(v(5.62, 0.47, 0.0), v(0.02, 0.06, 0.26), 0.01), 0xf2f2ee);
    for z in [1.42, -1.42] {
        let arm = limb(&[(v(5.3, 2.75, 0.8 * z), 0.025), (v(5.65, 2.7, z), 0.025), (v(5.65, 2.5, z), 0.025)]);
        m.add(arm, 0x222326).add(block(v(5.65, 2.25, z), v(0.06, 0.24, 0.12), 0.05), 0x222326);
    }
    for x in [3.1, -3.3] {
        m.carve(disc(v(x, 0.48, 1.2), 0.58, 0.4), 0x141416);
        wheels(&mut m, x, 0.48, 1.12);
    }
    m
}

/// A bicycle with a frame of a colour. Its saddle is at `[-0.2, 0.95]`, its handlebar at `[0.42, 1.02]`.
pub fn bicycle(color: u32) -> Model {
    let frame = Look::matt(color).gloss(0.6).mirror(0.05);
    let mut m = Model::new();
    let (rear, front) = (v(-0.52, 0.35, 0.0), v(0.54, 0.35, 0.0));
    for hub in [rear, front] {
        m.add(Solid::Hoop { center: hub, radius: 0.325, pen: 0.024 }, RUBBER);
        m.add(Solid::Hoop { center: hub, radius: 0.295, pen: 0.012 }, CHROME);
        m.add(rod(hub - v(0.0, 0.0, 0.06), hub + v(0.0, 0.0, 0.06), 0.03), CHROME);
        for i in 0..9 {
            let (sin, cos) = (0.349 * i as f32 + 0.1).sin_cos();
            let arm = v(0.3 * cos, 0.3 * sin, 0.0);
            m.add(rod(hub - arm, hub + arm, 0.003), CHROME);
        }
        let guard: Vec<(V, f32)> = (0..=8)
            .map(|i| {
                let (sin, cos) = (0.5 + 0.3 * i as f32).sin_cos();
                (hub + v(0.375 * cos, 0.375 * sin, 0.0), 0.012)
            })
            .collect();
        m.add(Solid::Limb(guard), frame);
    }
    let (crank, seat, head) = (v(-0.06, 0.3, 0.0), v(-0.18, 0.82, 0.0), v(0.36, 0.84, 0.0));
    let fork = v(0.4, 0.68, 0.0);
    for (from, to, r) in [
        (crank, seat, 0.019),
        (seat - v(-0.02, 0.08, 0.0), head, 0.019),
        (crank, fork, 0.022),
        (head, fork, 0.024),
        (seat, v(-0.2, 0.93, 0.0), 0.015),
        (head, v(0.34, 0.98, 0.0), 0.016),
    ] {
        m.add(rod(from, to, r), frame);
    }
    m.pair(limb(&[(fork, 0.017), (fork + v(0.02, -0.06, 0.055), 0.015), (front + v(0.0, 0.0, 0.055), 0.011)]), frame);
    m.pair(limb(&[(seat, 0.01), (rear + v(0.0, 0.0, 0.055), 0.01), (crank, 0.012)]), frame);
    m.add(limb(&[(v(-0.32, 0.96, 0.0), 0.06), (v(-0.18, 0.955, 0.0), 0.045), (v(-0.05, 0.95, 0.0), 0.022)]), 0x2b211c);
    let bar = [(v(0.34, 0.98, 0.0), 0.014), (v(0.4, 1.02, 0.16), 0.013), (v(0.3, 1.02, 0.28), 0.014)];
    m.pair(limb(&bar), CHROME);
    m.pair(rod(v(0.37, 1.02, 0.2), v(0.27, 1.02, 0.3), 0.018), 0x2b211c);
    m.add(disc(crank + v(0.0, 0.0, 0.05), 0.09, 0.006), CHROME);
    m.add(rod(crank, crank + v(0.12, -0.11, 0.09), 0.011), CHROME);
    m.add(rod(crank, crank + v(-0.12, 0.11, -0.09), 0.011), CHROME);
    m.add(block(crank + v(0.12, -0.11, 0.13), v(0.05, 0.012, 0.045), 0.01), 0x222326);
    m.add(block(crank + v(-0.12, 0.11, -0.13), v(0.05, 0.012, 0.045), 0.01), 0x222326);
    m.add(egg(v(0.47, 0.86, 0.0), v(0.05, 0.045, 0.045)), Look::matt(0xf4f4ee).gloss(0.8).mirror(0.2));
    m.add(egg(v(-0.93, 0.5, 0.0), v(0.015, 0.03, 0.03)), 0xc01818);
    m.add(block(v(-0.55, 0.76, 0.0), v(0.18, 0.012, 0.07), 0.01), 0x3a3d41);
    m
}
