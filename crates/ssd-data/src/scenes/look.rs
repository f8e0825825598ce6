//! What surfaces look like: colours, gloss, and the noise that makes them uneven.

use super::space::{V, v};
use crate::shapes::paint::{Color, mix};

/// The look of one point of a surface. Colours are amounts of light: the square of what a screen is told.
#[derive(Debug, Clone, Copy)]
pub struct Look {
    /// The share of light that it scatters.
    pub color: Color,
    /// Strength of the sun's highlight.
    pub gloss: f32,
    /// The share of light that it mirrors, seen from straight above; glancing rays are mirrored more.
    pub mirror: f32,
    /// The share of its colour that it emits: screens and lamps.
    pub glow: f32,
    /// How the surface leans away from its shape's normal.
    pub tilt: V,
}

impl Look {
    /// A dull surface of a colour as on the web, such as `0xff8000`.
    pub const fn matt(color: u32) -> Self {
        Self { color: light(color), gloss: 0.0, mirror: 0.0, glow: 0.0, tilt: v(0.0, 0.0, 0.0) }
    }

    /// A dull surface between two others.
    pub fn between(a: u32, b: u32, share: f32) -> Self {
        Self { color: mix(light(a), light(b), share), ..Self::matt(a) }
    }

    /// With a highlight.
    pub const fn gloss(self, gloss: f32) -> Self {
        Self { gloss, ..self }
    }

    /// Like lacquer, glass or water.
    pub const fn mirror(self, mirror: f32) -> Self {
        Self { mirror, ..self }
    }

    /// Giving light.
    pub const fn glow(self, glow: f32) -> Self {
        Self { glow, ..self }
    }

    /// The same with its colour brighter or darker.
    pub fn lit(self, by: f32) -> Self {
        Self { color: self.color.map(|c| c * by), ..self }
    }

    /// The look between two others.
    pub fn mixed(self, other: Self, share: f32) -> Self {
        let part = |a: f32, b: f32| a + (b - a) * share;
        Self {
            color: mix(self.color, other.color, share),
            gloss: part(self.gloss, other.gloss),
            mirror: part(self.mirror, other.mirror),
            glow: part(self.glow, other.glow),
            tilt: self.tilt + (other.tilt - self.tilt) * share,
        }
    }
}

/// Glass seen from outside: dark, with the sky in it.
pub const GLASS: Look = Look::matt(0x1d2730).gloss(0.8).mirror(0.22);
/// Tyres.
pub const RUBBER: Look = Look::matt(0x26262a);
/// Polished metal.
pub const CHROME: Look = Look::matt(0xb4b8bd).gloss(0.8).mirror(0.3);

/// How a part is painted: one look, or one that depends on the place in the model's own space.
#[derive(Debug, Clone, Copy)]
pub enum Paint {
    /// The same everywhere.
    Plain(Look),
    /// By place.
    By(fn(V) -> Look),
}

impl Paint {
    /// The look at a point.
    pub fn at(&self, p: V) -> Look {
        match self {
            Self::Plain(look) => *look,
            Self::By(look) => look(p),
        }
    }
}

impl From<Look> for Paint {
    fn from(look: Look) -> Self {
        Self::Plain(look)
    }
}

impl From<u32> for Paint {
    fn from(color: u32) -> Self {
        Self::Plain(Look::matt(color))
    }
}

impl From<fn(V) -> Look> for Paint {
    fn from(look: fn(V) -> Look) -> Self {
        Self::By(look)
    }
}

/// A colour as on the web, as amounts of light. Squares instead of sRGB's exact curve: the same on every machine.
pub const fn light(color: u32) -> Color {
    [part(color >> 16), part(color >> 8), part(color)]
}

const fn part(byte: u32) -> f32 {
    let value = (byte & 255) as f32 / 255.0;
    value * value
}

/// Smooth noise, `0..=1`, with features of about one metre.
pub fn noise(p: V) -> f32 {
    let cell = p.map(f32::floor);
    let t = (p - cell).map(|t| t * t * (3.0 - 2.0 * t));
    let (x, y, z) = (cell.x as i32, cell.y as i32, cell.z as i32);
    let line = |j: i32, k: i32| {
        let (a, b) = (chance(x, y + j, z + k), chance(x + 1, y + j, z + k));
        a + (b - a) * t.x
    };
    let face = |k: i32| {
        let (a, b) = (line(0, k), line(1, k));
        a + (b - a) * t.y
    };
    let (a, b) = (face(0), face(1));
    a + (b - a) * t.z
}

/// Noise of several sizes, `0..=1`: each layer twice as fine and half as strong.
pub fn layered(p: V, layers: u32) -> f32 {
    let (mut sum, mut weight, mut total, mut p) = (0.0, 1.0, 0.0, p);
    for _ in 0..layers {
        sum += weight * noise(p);
        total += weight;
        weight *= 0.5;
        // The shift keeps the layers' grids apart.
        p = p * 2.0 + v(17.3, 9.1, 31.7);
    }
    sum / total
}

/// A number in `0..=1` for each cell of a grid.
fn chance(x: i32, y: i32, z: i32) -> f32 {
    let mut h = (x as u32).wrapping_mul(0x8da6_b343) ^ (y as u32).wrapping_mul(0xd816_3841);
    h ^= (z as u32).wrapping_mul(0xcb1a_b31f);
    h = (h ^ (h >> 15)).wrapping_mul(0x2c1b_3c6d);
    h = (h ^ (h >> 12)).wrapping_mul(0x297a_2d39);
    ((h ^ (h >> 15)) & 0xffff) as f32 / 65535.0
}

/// 0 below `from`, 1 above `to`, smooth in between.
pub fn step(from: f32, to: f32, x: f32) -> f32 {
    let t = ((x - from) / (to - from)).clamp(0.0, 1.0);
    t * t * (3.0 - 2.0 * t)
}
