//! Skies, grounds and light that scenes share.

use super::look::{Look, layered, light, noise, step};
use super::space::{V, v};
use super::world::Light;
use crate::shapes::paint::{Color, mix};

/// A blue sky with a few clouds, paler towards the horizon.
pub fn fair_sky(along: V) -> Color {
    let up = along.y.max(0.0);
    let blue = mix(light(0xe3edf3), light(0x5f9ad6), step(-0.05, 0.5, up));
    let p = v(along.x, 0.0, along.z) * (1.0 / (up + 0.15));
    let cloud = step(0.52, 0.72, layered(p * 1.4 + v(3.0, 0.0, 1.0), 5)) * step(0.03, 0.16, up);
    mix(blue, light(0xfdfdfc), 0.85 * cloud)
}

/// The light of a bright morning.
pub fn morning(from: V) -> Light {
    Light {
        from,
        sun: [1.35, 1.27, 1.1],
        soft: 0.05,
        above: [0.42, 0.5, 0.62],
        below: [0.26, 0.25, 0.22],
        sky: fair_sky,
        haze: 160.0,
        reach: 0.6,
    }
}

/// A meadow with darker tufts and, near, blades.
pub fn grass(p: V) -> Look {
    let tufts = layered(p * 0.8, 3);
    let blades = layered(v(p.x * 26.0, 0.0, p.z * 9.0), 3);
    let dry = step(0.55, 0.8, layered(p * 0.21 + v(5.0, 0.0, 2.0), 3));
    let look = Look::between(0x4f7434, 0x8fa854, 1.3 * (0.45 * tufts + 0.55 * blades) - 0.15);
    look.mixed(Look::matt(0xa9a663), 0.5 * dry).lit(0.85 + 0.3 * noise(p * 0.15))
}

/// Asphalt.
pub fn asphalt(p: V) -> Look {
    Look::matt(0x67696d).lit((0.85 + 0.3 * layered(p * 9.0, 3)) * (0.9 + 0.2 * noise(p * 0.5)))
}

/// Paving slabs of 0.6 m.
pub fn paving(p: V) -> Look {
    let cell = v((p.x / 0.6).floor(), 0.0, (p.z / 0.6).floor());
    let (u, w) = (p.x / 0.6 - cell.x, p.z / 0.6 - cell.z);
    let joint = if u < 0.035 || w < 0.035 { 0.72 } else { 0.93 + 0.12 * noise(cell * 7.3) };
    Look::matt(0xb5afa4).lit(joint * (0.88 + 0.22 * layered(p * 6.0, 3)))
}

/// A calm sea: waves lean the surface, which mirrors the sky.
pub fn sea(p: V) -> Look {
    // Far waves are smaller than a pixel: they are left out.
    let near = 1.0 / (1.0 + 0.0006 * p.z * p.z);
    let height = |x: f32, z: f32| layered(v(0.8 * x, 0.0, 1.7 * z), 4);
    let here = height(p.x, p.z);
    let slope = v(here - height(p.x + 0.1, p.z), 0.0, here - height(p.x, p.z + 0.1)) * (2.6 * near);
    let color = Look::between(0x17506b, 0x2f7f90, here);
    Look { tilt: slope, ..color.gloss(0.5).mirror(0.05) }
}

/// Floor boards along x.
pub fn boards(p: V) -> Look {
    let row = (p.z / 0.16).floor();
    let shift = 1.7 * noise(v(row * 5.3, 0.0, 0.0));
    let board = ((p.x + shift) / 1.4).floor();
    let (u, w) = ((p.x + shift) / 1.4 - board, p.z / 0.16 - row);
    let joint = if w < 0.04 || u < 0.005 { 0.6 } else { 0.88 + 0.24 * noise(v(board * 3.1, row * 7.7, 1.0)) };
    let grain = layered(v(p.x * 3.0, row, p.z * 60.0), 3);
    Look::between(0xa57c52, 0xc79f70, grain).lit(joint).gloss(0.12)
}
