//! Solids as signed distances in metres: negative inside, positive outside, never much more than the true distance.

use super::look::noise;
use super::space::{Around, Pose, V, v};
use crate::shapes::outline::{Outline, Point};

/// A solid in a model's own space.
#[derive(Debug, Clone)]
pub enum Solid {
    /// A ball squeezed to three radii.
    Ball { center: V, radii: V },
    /// A box with rounded edges.
    Block { center: V, half: V, round: f32 },
    /// Balls strung along a path, each with its radius, and what lies between them: limbs, tails, pipes.
    Limb(Vec<(V, f32)>),
    /// A torus around an axis along z.
    Hoop { center: V, radius: f32, pen: f32 },
    /// A disc with its axis along z: wheels.
    Disc { center: V, radius: f32, half: f32, round: f32 },
    /// An outline in x and y, drawn out along z to both sides of a centre.
    Slab { outline: Outline, z: f32, half: f32, round: f32 },
    /// An outline in x (from the axis) and y, turned around the y axis.
    Turned { outline: Outline, around: Point },
    /// What lies within three outlines: from the side (x, y), from the front (z, y) and from above (x, z).
    Cut { side: Outline, front: Option<Outline>, top: Option<Outline>, round: f32 },
    /// Another solid, moved and turned.
    Posed(Box<Solid>, Pose),
    /// Another solid with bumps: their height and how many there are on a metre.
    Rough(Box<Solid>, f32, f32),
}

/// A ball.
pub fn ball(center: V, radius: f32) -> Solid {
    Solid::Ball { center, radii: v(radius, radius, radius) }
}

/// A ball squeezed to three radii.
pub fn egg(center: V, radii: V) -> Solid {
    Solid::Ball { center, radii }
}

/// A box with rounded edges, by its centre and half sides.
pub fn block(center: V, half: V, round: f32) -> Solid {
    Solid::Block { center, half, round }
}

/// A limb through points with radii.
pub fn limb(points: &[(V, f32)]) -> Solid {
    Solid::Limb(points.to_vec())
}

/// A rod of even thickness.
pub fn rod(from: V, to: V, radius: f32) -> Solid {
    Solid::Limb(vec![(from, radius), (to, radius)])
}

/// A disc with its axis along z.
pub fn disc(center: V, radius: f32, half: f32) -> Solid {
    Solid::Disc { center, radius, half, round: 0.15 * half.min(radius) }
}

/// A polygon in x and y, drawn out along z.
pub fn slab(corners: &[Point], z: f32, half: f32, round: f32) -> Solid {
    Solid::Slab { outline: Outline::Polygon(corners.to_vec()), z, half, round }
}

/// A smooth closed curve through points, as a polygon: cubic pieces whose directions follow the neighbours.
pub fn curve(points: &[Point]) -> Outline {
    const STEPS: usize = 8;
    let n = points.len();
    let length = |a: Point, b: Point| both(b[0] - a[0], b[1] - a[1]).max(1e-6);
    // Divided by the way between the neighbours: a long piece beside a short one does not make it swing out.
    let direction = |a: Point, b: Point, c: Point| [0, 1].map(|k| (c[k] - a[k]) / (length(a, b) + length(b, c)));
    let corner = |i: usize| {
        let [a, b, c, d] = [0, 1, 2, 3].map(|k| points[(i / STEPS + n - 1 + k) % n]);
        let (t, way) = ((i % STEPS) as f32 / STEPS as f32, length(b, c));
        let (out, back) = (direction(a, b, c), direction(b, c, d));
        let bend = t * t * (3.0 - 2.0 * t);
        let (leave, arrive) = (t * (1.0 - t) * (1.0 - t) * way, t * t * (1.0 - t) * way);
        [0, 1].map(|k| b[k] + (c[k] - b[k]) * bend + out[k] * leave - back[k] * arrive)
    };
    Outline::Polygon((0..n * STEPS).map(corner).collect())
}

impl Solid {
    /// Moved and turned.
    pub fn posed(self, pose: Pose) -> Self {
        Self::Posed(Box::new(self), pose)
    }

    /// With bumps of a height, so many on a metre.
    pub fn rough(self, height: f32, per_metre: f32) -> Self {
        Self::Rough(Box::new(self), height, per_metre)
    }

    /// Signed distance of a point.
    pub fn distance(&self, p: V) -> f32 {
        match self {
            Self::Ball { center, radii } => egg_distance(p - *center, *radii),
            Self::Block { center, half, round } => {
                let q = (p - *center).map(f32::abs) - *half + v(*round, *round, *round);
                q.map(|c| c.max(0.0)).length() + q.x.max(q.y).max(q.z).min(0.0) - round
            }
            Self::Limb(points) => {
                points.windows(2).map(|ends| limb_distance(p, ends[0], ends[1])).fold(f32::MAX, f32::min)
            }
            Self::Hoop { center, radius, pen } => {
                let q = p - *center;
                both((q.x * q.x + q.y * q.y).sqrt() - radius, q.z) - pen
            }
            Self::Disc { center, radius, half, round } => {
                let q = p - *center;
                edge((q.x * q.x + q.y * q.y).sqrt() - radius, q.z.abs() - half, *round)
            }
            Self::Slab { outline, z, half, round } => {
                edge(outline.distance([p.x, p.y]), (p.z - z).abs() - half, *round)
            }
            Self::Turned { outline, around: [x, z] } => outline.distance([both(p.x - x, p.z - z), p.y]),
            Self::Cut { side, front, top, round } => {
                let mut d = side.distance([p.x, p.y]);
                if let Some(front) = front {
                    d = corner(d, front.distance([p.z, p.y]), *round);
                }
                if let Some(top) = top {
                    d = corner(d, top.distance([p.x, p.z]), *round);
                }
                d
            }
            Self::Posed(solid, pose) => solid.distance(pose.inside(p)) * pose.scale(),
            Self::Rough(solid, height, per_metre) => {
                let d = solid.distance(p);
                // Far away the bumps do not matter.
                if d > 4.0 * height { d - height } else { (d + height * (1.0 - 2.0 * noise(p * *per_metre))) * 0.7 }
            }
        }
    }

    /// A box around the solid.
    pub fn around(&self) -> Around {
        match self {
            Self::Ball { center, radii } => Around::half(*center, *radii),
            Self::Block { center, half, .. } => Around::half(*center, *half),
            Self::Limb(points) => {
                let ball = |(p, r): &(V, f32)| Around::half(*p, v(*r, *r, *r));
                points.iter().map(ball).fold(ball(&points[0]), Around::with)
            }
            Self::Hoop { center, radius, pen } => Around::half(*center, v(*radius, *radius, 0.0)).wider(*pen),
            Self::Disc { center, radius, half, .. } => Around::half(*center, v(*radius, *radius, *half)),
            Self::Slab { outline, z, half, .. } => {
                let b = outline.bounds_px();
                Around::corners(v(b.x1, b.y1, z - half), v(b.x2, b.y2, z + half))
            }
            Self::Turned { outline, around: [x, z] } => {
                let b = outline.bounds_px();
                Around::corners(v(x - b.x2, b.y1, z - b.x2), v(x + b.x2, b.y2, z + b.x2))
            }
            Self::Cut { side, front, top, .. } => {
                let b = side.bounds_px();
                let front = front.as_ref().map(|front| (front.bounds_px().x1, front.bounds_px().x2));
                let top = top.as_ref().map(|top| (top.bounds_px().y1, top.bounds_px().y2));
                let (far, near) = front.or(top).unwrap_or((-1e3, 1e3));
                Around::corners(v(b.x1, b.y1, far), v(b.x2, b.y2, near))
            }
            Self::Posed(solid, pose) => solid.around().posed(pose),
            Self::Rough(solid, height, _) => solid.around().wider(*height),
        }
    }
}

fn both(a: f32, b: f32) -> f32 {
    (a * a + b * b).sqrt()
}

/// The distance to what lies within two solids at right angles, with its edge rounded.
fn edge(a: f32, b: f32, round: f32) -> f32 {
    let (a, b) = (a + round, b + round);
    both(a.max(0.0), b.max(0.0)) + a.max(b).min(0.0) - round
}

/// The same for solids at any angle; farther away, a lower limit.
fn corner(a: f32, b: f32, round: f32) -> f32 {
    if a.max(b) > 0.3 * round {
        return a.max(b);
    }
    edge(a, b, round)
}

/// To first order: exact on the surface, close to it nearby; far away at least the distance of the box around.
fn egg_distance(q: V, radii: V) -> f32 {
    let inverse = radii.map(|r| 1.0 / r);
    let scaled = q.times(inverse);
    let k = scaled.length();
    let slope = scaled.times(inverse).length();
    if slope < 1e-6 {
        return -radii.x.min(radii.y).min(radii.z);
    }
    let outside = (q.map(f32::abs) - radii).map(|c| c.max(0.0)).length();
    (k * (k - 1.0) / slope).max(outside)
}

fn limb_distance(p: V, (a, ra): (V, f32), (b, rb): (V, f32)) -> f32 {
    let (along, to) = (b - a, p - a);
    let t = (to.dot(along) / along.dot(along).max(1e-12)).clamp(0.0, 1.0);
    (to - along * t).length() - (ra + (rb - ra) * t)
}
