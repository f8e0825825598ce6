//! What lies behind the objects: a ground, and clutter that resembles objects.

use std::f32::consts::TAU;

use rand::RngExt;
use rand_pcg::Pcg64;

use super::outline::{Outline, Point};
use super::paint::{Canvas, Color, Fill, any_color, any_direction, mix};

/// Covers the whole canvas: two or three colours mixed by a gradient, stripes or patches, and uneven light.
pub fn paint_ground(canvas: &mut Canvas, rng: &mut Pcg64) {
    let first = any_color(rng);
    // Mostly near colours, so that objects stand out by their outline and not just from a calm ground.
    let near: f32 = rng.random_range(0.15..0.7);
    let (second, third) = (mix(first, any_color(rng), near), mix(first, any_color(rng), near));
    let ground = Ground::draw(canvas, rng);
    let coarse = Patches::draw(canvas, 0.12, 0.35, rng);
    let fine = Patches::draw(canvas, 0.015, 0.06, rng);
    let (coarse_share, fine_share) = (rng.random_range(0.0..0.9), rng.random_range(0.0..0.35));

    for y in 0..canvas.height {
        for x in 0..canvas.width {
            let p = [x as f32 + 0.5, y as f32 + 0.5];
            let color = mix(first, second, ground.share_at(p));
            let color = mix(color, third, coarse_share * coarse.value_at(p));
            let grain = 1.0 + fine_share * (fine.value_at(p) - 0.5);
            canvas.pixels[y * canvas.width + x] = color.map(|v| v * grain);
        }
    }
}

/// How two colours alternate over the ground, as a share of the second, `0..=1`.
enum Ground {
    /// Along a direction, divided by the size of the picture.
    Linear(Point, f32),
    /// Outwards from a point, divided by a radius.
    Round(Point, f32),
    /// Soft bands with a direction, divided by their period.
    Bands(Point),
    /// Squares of a board: a direction, divided by the side of a square.
    Board(Point),
}

impl Ground {
    fn draw(canvas: &Canvas, rng: &mut Pcg64) -> Self {
        let [dx, dy] = any_direction(rng);
        let size = canvas.width.min(canvas.height) as f32;
        match rng.random_range(0..6) {
            0..=2 => Self::Linear([dx / size, dy / size], rng.random_range(-0.5..0.5)),
            3 => {
                let center = any_point(canvas, rng);
                Self::Round(center, size * rng.random_range(0.3..1.0))
            }
            4 => {
                let period = size * rng.random_range(0.05..0.3);
                Self::Bands([dx / period, dy / period])
            }
            _ => {
                let side = size * rng.random_range(0.06..0.3);
                Self::Board([dx / side, dy / side])
            }
        }
    }

    fn share_at(&self, p: Point) -> f32 {
        match self {
            Self::Linear(along, shift) => (p[0] * along[0] + p[1] * along[1] + shift).clamp(0.0, 1.0),
            Self::Round(center, radius) => {
                let (dx, dy) = (p[0] - center[0], p[1] - center[1]);
                ((dx * dx + dy * dy).sqrt() / radius).min(1.0)
            }
            Self::Bands(across) => {
                let wave = ((p[0] * across[0] + p[1] * across[1]).rem_euclid(1.0) - 0.5).abs();
                (wave * 3.0 - 0.25).clamp(0.0, 1.0)
            }
            Self::Board(across) => {
                let u = (p[0] * across[0] + p[1] * across[1]).floor() as i64;
                let v = (p[1] * across[0] - p[0] * across[1]).floor() as i64;
                (u + v).rem_euclid(2) as f32
            }
        }
    }
}

/// Smooth irregular patches: random values on a grid, smoothly interpolated (value noise).
struct Patches {
    columns: usize,
    cell_px: f32,
    values: Vec<f32>,
}

impl Patches {
    /// Patches whose size is between two fractions of the picture's short side.
    fn draw(canvas: &Canvas, smallest: f32, largest: f32, rng: &mut Pcg64) -> Self {
        let size = canvas.width.min(canvas.height) as f32;
        let cell_px = (size * rng.random_range(smallest..largest)).max(2.0);
        let cells = |pixels: usize| (pixels as f32 / cell_px) as usize + 2;
        let (columns, rows) = (cells(canvas.width), cells(canvas.height));
        Self { columns, cell_px, values: (0..columns * rows).map(|_| rng.random_range(0.0..1.0)).collect() }
    }

    /// The value at a point of the canvas, `0..=1`.
    fn value_at(&self, p: Point) -> f32 {
        let (u, v) = (p[0] / self.cell_px, p[1] / self.cell_px);
        let (column, row) = (u as usize, v as usize);
        let smooth = |t: f32| t * t * (3.0 - 2.0 * t);
        let (s, t) = (smooth(u - column as f32), smooth(v - row as f32));
        let at = row * self.columns + column;
        let above = self.values[at] + (self.values[at + 1] - self.values[at]) * s;
        let at = at + self.columns;
        let below = self.values[at] + (self.values[at + 1] - self.values[at]) * s;
        above + (below - above) * t
    }
}

/// Scatters clutter: lines, arcs, scribbles, lumps, long bars and ellipses.
pub fn paint_clutter(canvas: &mut Canvas, rng: &mut Pcg64) {
    let size = canvas.width.min(canvas.height) as f32;
    for _ in 0..rng.random_range(0..14) {
        let at = any_point(canvas, rng);
        let angle = rng.random_range(0.0..TAU);
        let extent = size * rng.random_range(0.04..0.28);
        let pen = (size * rng.random_range(0.002..0.012)).max(0.5);
        let figure = match rng.random_range(0..6) {
            0 => Outline::Stroke { points: vec![at, any_point(canvas, rng)], radius: pen },
            1 => Outline::arc(at, extent, pen, rng),
            2 => Outline::Stroke { points: scribble(at, 0.5 * extent, rng), radius: pen },
            3 => Outline::lump(at, 0.5 * extent, rng),
            4 => Outline::bar(at, extent, extent / rng.random_range(2.5..6.0), angle),
            _ => Outline::ellipse(at, extent, extent / rng.random_range(2.0..4.0), angle),
        };
        let color: Color = any_color(rng);
        canvas.paint(&figure, &Fill::plain(color), rng.random_range(0.4..1.0), |_| {});
    }
}

/// A path with a few corners, like a letter's.
fn scribble(at: Point, extent: f32, rng: &mut Pcg64) -> Vec<Point> {
    (0..rng.random_range(3..6))
        .map(|_| [at[0] + extent * rng.random_range(-1.0..1.0), at[1] + extent * rng.random_range(-1.0..1.0)])
        .collect()
}

/// A point anywhere on the canvas.
fn any_point(canvas: &Canvas, rng: &mut Pcg64) -> Point {
    [rng.random_range(0.0..canvas.width as f32), rng.random_range(0.0..canvas.height as f32)]
}
