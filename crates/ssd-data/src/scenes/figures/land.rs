//! What stands in a landscape: trees, bushes, houses, fences.

use crate::scenes::look::{GLASS, Look, Paint, layered, noise};
use crate::scenes::model::Model;
use crate::scenes::solid::{ball, block, limb, rod, slab};
use crate::scenes::space::{V, v};

fn foliage(p: V) -> Look {
    // Leaves lean in all directions.
    let lean = |salt: f32| layered(p * 5.0 + v(salt, 0.0, 0.0), 2) - 0.5;
    let color = Look::between(0x274a22, 0x7f9f4a, layered(p * 4.0, 4) * 1.6 - 0.3);
    Look { tilt: v(lean(0.0), lean(50.0), lean(90.0)) * 2.4, ..color }
}

/// A broad tree, 6 m high; `kind` chooses its shape.
pub fn tree(kind: f32) -> Model {
    let mut m = Model::new();
    m.add(limb(&[(v(0.0, -0.1, 0.0), 0.24), (v(0.05, 1.0, 0.0), 0.16), (v(0.0, 3.6, 0.1), 0.1)]), 0x5d4632);
    for i in 0..16 {
        let at = |salt: f32| noise(v(i as f32 * 3.7 + kind * 11.3, salt, 0.5)) - 0.5;
        let (sin, cos) = (2.4 * i as f32).sin_cos();
        let (rise, out) = (i as f32 / 15.0, 1.0 + 0.8 * at(2.0));
        let out = out * (1.5 - 1.1 * (1.6 * rise - 0.7).abs());
        let center = v(out * cos, 2.7 + 2.9 * rise + 0.5 * at(4.0), out * sin);
        m.grow(0.12, ball(center, 0.75 + 0.5 * at(15.0)).rough(0.14, 4.0), Paint::By(foliage));
    }
    m
}

/// A bush, 1.2 m high.
pub fn bush(kind: f32) -> Model {
    let mut m = Model::new();
    for i in 0..7 {
        let at = |salt: f32| noise(v(i as f32 * 5.1 + kind * 7.7, salt, 0.5)) - 0.5;
        let center = v(1.9 * at(2.0), 0.35 + 0.7 * at(5.0), 1.9 * at(8.0));
        m.grow(0.06, ball(center, 0.42 + 0.2 * at(3.0)).rough(0.09, 7.0), Paint::By(foliage));
    }
    m
}

/// A town house of a colour, looking along x: its width, and its floors of 3 m.
pub fn house(color: u32, width: f32, floors: u32) -> Model {
    fn window(p: V) -> Look {
        // Panes with white bars.
        let (u, w) = ((p.z + 20.0 * 1.1).rem_euclid(1.1) - 0.55, p.y.rem_euclid(3.0) - 1.75);
        if u.abs() < 0.025 || (w - 0.3).abs() < 0.025 { Look::matt(0xf1ede4) } else { GLASS }
    }
    let height = 3.0 * floors as f32;
    let plaster = Look::matt(color);
    let mut m = Model::new();
    m.add(block(v(-3.0, 0.5 * height, 0.0), v(3.0, 0.5 * height, 0.5 * width), 0.02), plaster);
    m.cover_one(block(v(0.0, 0.4, 0.0), v(0.2, 0.4, 0.5 * width), 0.0), plaster.lit(0.6));
    let roof = [[0.5, height], [-3.0, height + 2.2], [-6.5, height], [-3.0, height - 0.1]];
    m.add(slab(&roof, 0.0, 0.5 * width, 0.03), 0x9c5a44);
    let columns = (width / 2.2) as u32;
    for floor in 0..floors {
        for column in 0..columns {
            let z = (column as f32 + 0.5 - 0.5 * columns as f32) * 2.2;
            let y = 3.0 * floor as f32 + 1.75;
            let door = floor == 0 && column == columns / 2;
            let (y, half) = if door { (1.1, 1.1) } else { (y, 0.75) };
            m.add(block(v(0.0, y, z), v(0.06, half + 0.1, 0.62), 0.01), 0xf1ede4);
            let pane = block(v(0.06, y, z), v(0.05, half, 0.52), 0.0);
            if door {
                m.cover_one(pane, 0x5a3a2a)
            } else {
                m.cover_one(pane, Paint::By(window))
            };
        }
    }
    m
}

/// A wooden fence along x, 4 m of it.
pub fn fence() -> Model {
    let wood = Look::matt(0x9a7a55);
    let mut m = Model::new();
    for x in [-1.9, 0.0, 1.9] {
        m.add(block(v(x, 0.55, 0.0), v(0.06, 0.6, 0.06), 0.02), wood);
    }
    for y in [0.45, 0.9] {
        m.add(block(v(0.0, y, 0.07), v(2.0, 0.06, 0.02), 0.015), wood.lit(1.1));
    }
    m
}

/// A street lamp, 5 m high, its arm along x.
pub fn street_lamp() -> Model {
    let mut m = Model::new();
    m.add(
        limb(&[
            (v(0.0, 0.0, 0.0), 0.07),
            (v(0.0, 4.6, 0.0), 0.045),
            (v(0.3, 5.0, 0.0), 0.035),
            (v(0.9, 5.05, 0.0), 0.035),
        ]),
        0x4a4f52,
    );
    m.add(block(v(1.0, 5.02, 0.0), v(0.25, 0.05, 0.1), 0.04), 0xd8d8d0);
    m.add(rod(v(0.0, 0.0, 0.0), v(0.0, 0.6, 0.0), 0.1), 0x4a4f52);
    m
}
