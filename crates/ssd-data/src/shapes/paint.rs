//! A canvas, and the fills that figures are painted with.

use std::f32::consts::TAU;

use image::RgbImage;
use rand::{Rng, RngExt};
use rand_pcg::Pcg64;

use super::outline::{Outline, Point};

/// A colour: red, green, blue, each `0..=1`, bytes divided by 255.
pub type Color = [f32; 3];

/// A picture in the making, in floating point so that layers do not round many times.
pub struct Canvas {
    /// Width in pixels.
    pub width: usize,
    /// Height in pixels.
    pub height: usize,
    /// The pixels, row by row.
    pub pixels: Vec<Color>,
}

impl Canvas {
    /// A black canvas.
    pub fn new(width: usize, height: usize) -> Self {
        Self { width, height, pixels: vec![[0.0; 3]; width * height] }
    }

    /// Paints a figure with opacity `alpha`, and calls `covered` with each pixel that is at least half covered.
    pub fn paint(&mut self, outline: &Outline, fill: &Fill, alpha: f32, mut covered: impl FnMut(usize)) {
        let bounds = outline.bounds_px();
        let (left, right) = span(bounds.x1, bounds.x2, self.width);
        let (top, bottom) = span(bounds.y1, bounds.y2, self.height);
        for y in top..bottom {
            for x in left..right {
                let p = [x as f32 + 0.5, y as f32 + 0.5];
                let distance = outline.distance(p);
                let coverage = (0.5 - distance).clamp(0.0, 1.0);
                if coverage > 0.0 {
                    let index = y * self.width + x;
                    self.pixels[index] = mix(self.pixels[index], fill.color_at(p, distance), coverage * alpha);
                    if coverage >= 0.5 {
                        covered(index);
                    }
                }
            }
        }
    }

    /// The colour of the pixel nearest to a point.
    pub fn color_near(&self, p: Point) -> Color {
        let x = p[0].clamp(0.0, self.width as f32 - 1.0) as usize;
        let y = p[1].clamp(0.0, self.height as f32 - 1.0) as usize;
        self.pixels[y * self.width + x]
    }

    /// A slight blur: each pixel with its neighbours, weights 1 2 1 in both directions. The border stays as it is.
    pub fn soften(&mut self) {
        // Across, then down: neighbours are `step` pixels apart.
        for step in [1, self.width] {
            let source = self.pixels.clone();
            for i in 0..source.len() {
                let (x, y) = (i % self.width, i / self.width);
                let (place, last) = if step == 1 { (x, self.width - 1) } else { (y, self.height - 1) };
                if place > 0 && place < last {
                    let (before, here, after) = (source[i - step], source[i], source[i + step]);
                    self.pixels[i] = [0, 1, 2].map(|c| 0.25 * before[c] + 0.5 * here[c] + 0.25 * after[c]);
                }
            }
        }
    }

    /// Adds noise of the given standard deviation, independent for each pixel and channel.
    pub fn add_noise(&mut self, deviation: f32, rng: &mut Pcg64) {
        // The sum of two uniform numbers in 0..1024 has a standard deviation of 418.
        let scale = deviation / 418.0;
        for pixel in &mut self.pixels {
            let bits = rng.next_u64();
            for (c, value) in pixel.iter_mut().enumerate() {
                let a = (bits >> (20 * c)) & 1023;
                let b = (bits >> (20 * c + 10)) & 1023;
                *value += ((a + b) as f32 - 1023.0) * scale;
            }
        }
    }

    /// The finished picture, 8 bits a channel.
    pub fn into_image(self) -> RgbImage {
        RgbImage::from_fn(self.width as u32, self.height as u32, |x, y| {
            let color = self.pixels[y as usize * self.width + x as usize];
            image::Rgb(color.map(|v| (v.clamp(0.0, 1.0) * 255.0).round() as u8))
        })
    }
}

/// A figure's fill.
pub struct Fill {
    /// The main colour.
    pub base: Color,
    /// The second colour of the texture.
    pub second: Color,
    /// How the two are mixed.
    pub texture: Texture,
    /// Colour and width in pixels of a border along the outline, inside it.
    pub border: Option<(Color, f32)>,
}

/// How two colours share a figure. Directions are unit vectors, lengths in pixels.
pub enum Texture {
    /// One colour.
    Plain,
    /// From one colour to the other along a direction.
    Gradient {
        /// Where the change begins.
        origin: Point,
        /// Its direction, divided by the length of the change.
        along: Point,
    },
    /// Bars of equal width.
    Stripes {
        /// Across the bars.
        across: Point,
        /// From one bar to the next of the same colour.
        period: f32,
    },
    /// Dots on a rotated grid.
    Dots {
        /// One direction of the grid.
        across: Point,
        /// From dot to dot.
        period: f32,
    },
}

impl Fill {
    /// One colour without a border.
    pub fn plain(base: Color) -> Self {
        Self { base, second: base, texture: Texture::Plain, border: None }
    }

    /// The colour at a point at `distance` (negative inside) from the outline.
    fn color_at(&self, p: Point, distance: f32) -> Color {
        let share = match self.texture {
            Texture::Plain => 0.0,
            Texture::Gradient { origin, along } => {
                ((p[0] - origin[0]) * along[0] + (p[1] - origin[1]) * along[1]).clamp(0.0, 1.0)
            }
            Texture::Stripes { across, period } => {
                let from_middle = ((p[0] * across[0] + p[1] * across[1]) / period).rem_euclid(1.0) - 0.5;
                ((from_middle.abs() - 0.25) * period + 0.5).clamp(0.0, 1.0)
            }
            Texture::Dots { across, period } => {
                let u = ((p[0] * across[0] + p[1] * across[1]) / period).rem_euclid(1.0) - 0.5;
                let v = ((p[1] * across[0] - p[0] * across[1]) / period).rem_euclid(1.0) - 0.5;
                ((0.3 - (u * u + v * v).sqrt()) * period + 0.5).clamp(0.0, 1.0)
            }
        };
        let inner = mix(self.base, self.second, share);
        match self.border {
            Some((color, width)) => mix(inner, color, (distance + width + 0.5).clamp(0.0, 1.0)),
            None => inner,
        }
    }
}

/// Any colour: any hue, from grey to vivid, from dark to bright.
pub fn any_color(rng: &mut Pcg64) -> Color {
    let hue = rng.random_range(0.0..6.0_f32);
    let value = rng.random_range(0.12..1.0_f32);
    let saturation = rng.random_range(0.0..1.0_f32).sqrt();
    // The distance of the hue from red, green and blue on the circle of six says how much of each there is.
    [0.0, 2.0, 4.0].map(|primary: f32| {
        let away = (hue - primary).abs().min(6.0 - (hue - primary).abs());
        value * (1.0 - saturation * (away - 1.0).clamp(0.0, 1.0))
    })
}

/// A unit vector in any direction.
pub fn any_direction(rng: &mut Pcg64) -> Point {
    let (sin, cos) = rng.random_range(0.0..TAU).sin_cos();
    [cos, sin]
}

/// `a` where `share` is 0, `b` where it is 1.
pub fn mix(a: Color, b: Color, share: f32) -> Color {
    [0, 1, 2].map(|c| a[c] + (b[c] - a[c]) * share)
}

/// How far apart two colours are: the Euclidean distance, `0..=1.73`.
pub fn contrast(a: Color, b: Color) -> f32 {
    (0..3).map(|c| (a[c] - b[c]).powi(2)).sum::<f32>().sqrt()
}

/// The pixels, within `0..limit`, that an interval touches, widened by half a pixel for the soft edge.
fn span(from: f32, to: f32, limit: usize) -> (usize, usize) {
    let first = (from - 0.5).floor().clamp(0.0, limit as f32) as usize;
    let end = (to + 0.5).ceil().clamp(0.0, limit as f32) as usize;
    (first, end)
}
