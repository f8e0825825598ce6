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

/// A smooth closed curve through points, as a polygon (Catmull-Rom).
pub fn curve(points: &[Point]) -> Outline {
    const STEPS: usize = 5;
    let n = points.len();
    let corner = |i: usize| {
        let [a, b, c, d] = [0, 1, 2, 3].map(|k| points[(i / STEPS + n - 1 + k) % n]);
        let t = (i % STEPS) as f32 / STEPS as f32;
        [0, 1].map(|k| {
            let (p, q) = (c[k] - a[k], 2.0 * a[k] - 5.0 * b[k] + 4.0 * c[k] - d[k]);
            b[k] + 0.5 * t * (p + t * (q + t * (3.0 * (b[k] - c[k]) + d[k] - a[k])))
        })
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
            Self::Limb(points) => points.windows(2).map(|ends| limb_distance(p, ends[0], ends[1])).fold(f32::MAX, f32::min),
            Self::Hoop { center, radius, pen } => {
                let q = p - *center;
                both((q.x * q.x + q.y * q.y).sqrt() - radius, q.z) - pen
            }
            Self::Disc { center, radius, half, round } => {
                let q = p - *center;
                corner((q.x * q.x + q.y * q.y).sqrt() - radius, q.z.abs() - half, *round)
            }
            Self::Slab { outline, z, half, round } => {
                corner(outline.distance([p.x, p.y]), (p.z - z).abs() - half, *round)
            }
            Self::Turned { outline, around: [x, z] } => {
                outline.distance([both(p.x - x, p.z - z), p.y])
            }
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

    /// A sphere around the solid.
    pub fn around(&self) -> Around {
        match self {
            Self::Ball { center, radii } => Around { center: *center, radius: radii.x.max(radii.y).max(radii.z) },
            Self::Block { center, half, .. } => Around { center: *center, radius: half.length() },
            Self::Limb(points) => {
                let low = points.iter().fold(points[0].0, |low, (p, r)| low.min(*p - v(*r, *r, *r)));
                let high = points.iter().fold(points[0].0, |high, (p, r)| high.max(*p + v(*r, *r, *r)));
                Around::corners(low, high)
            }
            Self::Hoop { center, radius, pen } => Around { center: *center, radius: radius + pen },
            Self::Disc { center, radius, half, .. } => Around { center: *center, radius: both(*radius, *half) },
            Self::Slab { outline, z, half, .. } => {
                let b = outline.bounds_px();
                Around::corners(v(b.x1, b.y1, z - half), v(b.x2, b.y2, z + half))
            }
            Self::Turned { outline, around: [x, z] } => {
                let b = outline.bounds_px();
                let r = b.x2;
                Around::corners(v(x - r, b.y1, z - r), v(x + r, b.y2, z + r))
            }
            Self::Cut { side, front, top, .. } => {
                let b = side.bounds_px();
                let across = front.as_ref().map(|o| (o.bounds_px().x1, o.bounds_px().x2));
                let across = across.or_else(|| top.as_ref().map(|o| (o.bounds_px().y1, o.bounds_px().y2)));
                let (near, far) = across.unwrap_or((-1e3, 1e3));
                Around::corners(v(b.x1, b.y1, near), v(b.x2, b.y2, far))
            }
            Self::Posed(solid, pose) => {
                let Around { center, radius } = solid.around();
                Around { center: pose.outside(center), radius: radius * pose.scale() }
            }
            Self::Rough(solid, height, _) => {
                let Around { center, radius } = solid.around();
                Around { center, radius: radius + height }
            }
        }
    }
}

fn both(a: f32, b: f32) -> f32 {
    (a * a + b * b).sqrt()
}

/// The distance to what lies within two solids, with its edge rounded; farther away, a lower limit.
fn corner(a: f32, b: f32, round: f32) -> f32 {
    if a.max(b) > 0.3 * round {
        return a.max(b);
    }
    let (a, b) = (a + round, b + round);
    both(a.max(0.0), b.max(0.0)) + a.max(b).min(0.0) - round
}

/// To first order: exact on the surface, close to it nearby.
fn egg_distance(q: V, radii: V) -> f32 {
    let inverse = radii.map(|r| 1.0 / r);
    let scaled = q.times(inverse);
    let k = scaled.length();
    let slope = scaled.times(inverse).length();
    if slope < 1e-6 { -radii.x.min(radii.y).min(radii.z) } else { k * (k - 1.0) / slope }
}

fn limb_distance(p: V, (a, ra): (V, f32), (b, rb): (V, f32)) -> f32 {
    let (along, to) = (b - a, p - a);
    let t = (to.dot(along) / along.dot(along).max(1e-12)).clamp(0.0, 1.0);
    (to - along * t).length() - (ra + (rb - ra) * t)
}
