//! Outlines as signed distances in pixels: negative inside, positive outside.
//!
//! The distance gives antialiased edges at one evaluation a pixel, and borders of even width. It is exact for discs,
//! rings and strokes, and for polygons whose edges do not cross.

use std::f32::consts::{PI, TAU};

use rand::RngExt;
use rand_pcg::Pcg64;
use ssd::CornerBox;

/// A point, in pixels; the centre of the upper left pixel is `[0.5, 0.5]`. In the solids of `scenes`: in metres, y up.
pub type Point = [f32; 2];

/// A figure in the picture, in pixels.
#[derive(Debug, Clone)]
pub enum Outline {
    /// A full circle.
    Disc {
        /// Its centre.
        center: Point,
        /// Its radius.
        radius: f32,
    },
    /// A circle with a round hole.
    Ring {
        /// Its centre.
        center: Point,
        /// The outer radius.
        outer: f32,
        /// The radius of the hole.
        inner: f32,
    },
    /// Straight edges from vertex to vertex and back to the first.
    Polygon(Vec<Point>),
    /// The path of a pen, with round ends.
    Stroke {
        /// The path.
        points: Vec<Point>,
        /// Half the width of the pen.
        radius: f32,
    },
}

impl Outline {
    /// A square, turned by `angle`, with the given circumradius.
    pub fn square(center: Point, radius: f32, angle: f32) -> Self {
        Self::radial(center, angle, &[radius; 4])
    }

    /// An isosceles triangle, nearly equilateral.
    pub fn triangle(center: Point, radius: f32, angle: f32, rng: &mut Pcg64) -> Self {
        let half_base = radius * rng.random_range(0.72..0.95);
        let corners = [[0.0, -radius], [half_base, 0.55 * radius], [-half_base, 0.55 * radius]];
        Self::turned(center, angle, &corners)
    }

    /// A star with five points.
    pub fn star(center: Point, radius: f32, angle: f32, rng: &mut Pcg64) -> Self {
        let waist = radius * rng.random_range(0.38..0.5);
        let radii: Vec<f32> = (0..10).map(|i| if i % 2 == 0 { radius } else { waist }).collect();
        Self::radial(center, angle, &radii)
    }

    /// Two bars of equal length, crossed in the middle.
    pub fn cross(center: Point, radius: f32, angle: f32, rng: &mut Pcg64) -> Self {
        // Arm and half width lie on the circumcircle together, so that size means the same as for the other figures.
        let half = radius * rng.random_range(0.2..0.34);
        let arm = (radius * radius - half * half).sqrt();
        let quarter = [[half, -half], [half, -arm], [-half, -arm]];
        let corners: Vec<Point> =
            (0..4).flat_map(|turn| quarter.map(|corner| (0..turn).fold(corner, |[x, y], _| [y, -x]))).collect();
        Self::turned(center, angle, &corners)
    }

    /// A ring with a hole of about half its width.
    pub fn ring(center: Point, radius: f32, rng: &mut Pcg64) -> Self {
        Self::Ring { center, outer: radius, inner: radius * rng.random_range(0.5..0.72) }
    }

    /// A long rectangle: clutter that resembles a square.
    pub fn bar(center: Point, length: f32, width: f32, angle: f32) -> Self {
        let (a, b) = (0.5 * length, 0.5 * width);
        Self::turned(center, angle, &[[-a, -b], [a, -b], [a, b], [-a, b]])
    }

    /// A long ellipse: clutter that resembles a circle.
    pub fn ellipse(center: Point, length: f32, width: f32, angle: f32) -> Self {
        let corners: Vec<Point> = (0..24)
            .map(|i| {
                let (sin, cos) = (TAU * i as f32 / 24.0).sin_cos();
                [0.5 * length * cos, 0.5 * width * sin]
            })
            .collect();
        Self::turned(center, angle, &corners)
    }

    /// A lump without symmetry.
    pub fn lump(center: Point, radius: f32, rng: &mut Pcg64) -> Self {
        let radii: Vec<f32> = (0..rng.random_range(6..12)).map(|_| radius * rng.random_range(0.35..1.0)).collect();
        Self::radial(center, rng.random_range(0.0..TAU), &radii)
    }

    /// Part of a circle, drawn with a pen.
    pub fn arc(center: Point, radius: f32, pen: f32, rng: &mut Pcg64) -> Self {
        // At most 200 degrees: more could pass for a ring.
        let (from, sweep) = (rng.random_range(0.0..TAU), rng.random_range(0.25 * PI..1.1 * PI));
        let points = (0..=16)
            .map(|i| {
                let (sin, cos) = (from + sweep * i as f32 / 16.0).sin_cos();
                [center[0] + radius * cos, center[1] + radius * sin]
            })
            .collect();
        Self::Stroke { points, radius: pen }
    }

    /// Vertices at equal angles around the centre, each at its own distance; the first points up.
    fn radial(center: Point, angle: f32, radii: &[f32]) -> Self {
        let vertex = |(i, radius): (usize, &f32)| {
            let (sin, cos) = (angle + TAU * i as f32 / radii.len() as f32).sin_cos();
            [center[0] + radius * sin, center[1] - radius * cos]
        };
        Self::Polygon(radii.iter().enumerate().map(vertex).collect())
    }

    /// Corners around the origin, turned by an angle and moved to the centre.
    fn turned(center: Point, angle: f32, corners: &[Point]) -> Self {
        let (sin, cos) = angle.sin_cos();
        let vertex = |[x, y]: &Point| [center[0] + x * cos - y * sin, center[1] + x * sin + y * cos];
        Self::Polygon(corners.iter().map(vertex).collect())
    }

    /// Signed distance of a point to the outline, in pixels.
    pub fn distance(&self, p: Point) -> f32 {
        match self {
            Self::Disc { center, radius } => length(minus(p, *center)) - radius,
            Self::Ring { center, outer, inner } => {
                let from_center = length(minus(p, *center));
                (from_center - outer).max(inner - from_center)
            }
            Self::Polygon(vertices) => polygon_distance(vertices, p),
            Self::Stroke { points, radius } => {
                points.windows(2).map(|ends| to_segment(p, ends[0], ends[1])).fold(f32::MAX, f32::min).sqrt() - radius
            }
        }
    }

    /// The smallest upright box around the figure, in pixels.
    pub fn bounds_px(&self) -> CornerBox {
        match self {
            Self::Disc { center, radius } | Self::Ring { center, outer: radius, .. } => around(&[*center], *radius),
            Self::Polygon(vertices) => around(vertices, 0.0),
            Self::Stroke { points, radius } => around(points, *radius),
        }
    }

    /// Area in square pixels; a stroke's is its length times its width.
    pub fn area_px(&self) -> f32 {
        match self {
            Self::Disc { radius, .. } => PI * radius * radius,
            Self::Ring { outer, inner, .. } => PI * (outer * outer - inner * inner),
            Self::Polygon(vertices) => {
                let shoelace = |(a, b): (&Point, &Point)| a[0] * b[1] - b[0] * a[1];
                0.5 * vertices.iter().zip(vertices.iter().cycle().skip(1)).map(shoelace).sum::<f32>().abs()
            }
            Self::Stroke { points, radius } => {
                points.windows(2).map(|ends| length(minus(ends[1], ends[0]))).sum::<f32>() * 2.0 * radius
            }
        }
    }
}

/// Distance to the nearest edge; its sign follows from the number of edges that a ray to the right crosses.
fn polygon_distance(vertices: &[Point], p: Point) -> f32 {
    let mut nearest = f32::MAX;
    let mut inside = false;
    let mut a = vertices[vertices.len() - 1];
    for &b in vertices {
        nearest = nearest.min(to_segment(p, a, b));
        if (a[1] > p[1]) != (b[1] > p[1]) && p[0] < a[0] + (p[1] - a[1]) / (b[1] - a[1]) * (b[0] - a[0]) {
            inside = !inside;
        }
        a = b;
    }
    if inside { -nearest.sqrt() } else { nearest.sqrt() }
}

/// Squared distance of a point to the line segment between two others.
fn to_segment(p: Point, a: Point, b: Point) -> f32 {
    let (along, to_p) = (minus(b, a), minus(p, a));
    let t = (dot(to_p, along) / dot(along, along).max(1e-12)).clamp(0.0, 1.0);
    let rest = [to_p[0] - t * along[0], to_p[1] - t * along[1]];
    dot(rest, rest)
}

/// The smallest box around discs of one radius at all points.
fn around(points: &[Point], radius: f32) -> CornerBox {
    let empty = CornerBox::new(f32::MAX, f32::MAX, f32::MIN, f32::MIN);
    points.iter().fold(empty, |b, p| {
        CornerBox::new(
            b.x1.min(p[0] - radius),
            b.y1.min(p[1] - radius),
            b.x2.max(p[0] + radius),
            b.y2.max(p[1] + radius),
        )
    })
}

fn minus(a: Point, b: Point) -> Point {
    [a[0] - b[0], a[1] - b[1]]
}

fn dot(a: Point, b: Point) -> f32 {
    a[0] * b[0] + a[1] * b[1]
}

fn length(a: Point) -> f32 {
    dot(a, a).sqrt()
}
