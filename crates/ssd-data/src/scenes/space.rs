//! Points, directions and places in space, in metres: x to the right, y up, z towards the viewer.

use std::ops::{Add, Mul, Neg, Sub};

/// A point or a direction.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct V {
    /// To the right.
    pub x: f32,
    /// Up.
    pub y: f32,
    /// Towards the viewer.
    pub z: f32,
}

/// A point or a direction.
pub const fn v(x: f32, y: f32, z: f32) -> V {
    V { x, y, z }
}

impl V {
    /// The inner product.
    pub fn dot(self, other: V) -> f32 {
        self.x * other.x + self.y * other.y + self.z * other.z
    }

    /// The vector product.
    pub fn cross(self, o: V) -> V {
        v(self.y * o.z - self.z * o.y, self.z * o.x - self.x * o.z, self.x * o.y - self.y * o.x)
    }

    /// The Euclidean length.
    pub fn length(self) -> f32 {
        self.dot(self).sqrt()
    }

    /// The same direction with length 1.
    pub fn unit(self) -> V {
        self * (1.0 / self.length().max(1e-9))
    }

    /// Each coordinate by that of another.
    pub fn times(self, o: V) -> V {
        v(self.x * o.x, self.y * o.y, self.z * o.z)
    }

    /// Each coordinate changed by a function.
    pub fn map(self, f: impl Fn(f32) -> f32) -> V {
        v(f(self.x), f(self.y), f(self.z))
    }

    /// The smaller of each coordinate.
    pub fn min(self, o: V) -> V {
        v(self.x.min(o.x), self.y.min(o.y), self.z.min(o.z))
    }

    /// The larger of each coordinate.
    pub fn max(self, o: V) -> V {
        v(self.x.max(o.x), self.y.max(o.y), self.z.max(o.z))
    }
}

impl Add for V {
    type Output = V;
    fn add(self, o: V) -> V {
        v(self.x + o.x, self.y + o.y, self.z + o.z)
    }
}

impl Sub for V {
    type Output = V;
    fn sub(self, o: V) -> V {
        v(self.x - o.x, self.y - o.y, self.z - o.z)
    }
}

impl Neg for V {
    type Output = V;
    fn neg(self) -> V {
        v(-self.x, -self.y, -self.z)
    }
}

impl Mul<f32> for V {
    type Output = V;
    fn mul(self, by: f32) -> V {
        v(self.x * by, self.y * by, self.z * by)
    }
}

/// Where something stands, how it is turned, and how large it is.
#[derive(Debug, Clone, Copy)]
pub struct Pose {
    at: V,
    /// The thing's own axes, in the space around it.
    axes: [V; 3],
    scale: f32,
}

impl Pose {
    /// At a point, unturned.
    pub const fn at(x: f32, y: f32, z: f32) -> Self {
        Self { at: v(x, y, z), axes: [v(1.0, 0.0, 0.0), v(0.0, 1.0, 0.0), v(0.0, 0.0, 1.0)], scale: 1.0 }
    }

    /// Turned around the vertical, in degrees: what looks to the right turns towards the back.
    pub fn yaw(self, degrees: f32) -> Self {
        let (sin, cos) = degrees.to_radians().sin_cos();
        self.turned(v(cos, 0.0, -sin), v(0.0, 1.0, 0.0), v(sin, 0.0, cos))
    }

    /// Turned around its own z, in degrees: what looks to the right turns upwards.
    pub fn pitch(self, degrees: f32) -> Self {
        let (sin, cos) = degrees.to_radians().sin_cos();
        self.turned(v(cos, sin, 0.0), v(-sin, cos, 0.0), v(0.0, 0.0, 1.0))
    }

    /// Turned around its own x, in degrees: the top leans towards the viewer.
    pub fn roll(self, degrees: f32) -> Self {
        let (sin, cos) = degrees.to_radians().sin_cos();
        self.turned(v(1.0, 0.0, 0.0), v(0.0, cos, sin), v(0.0, -sin, cos))
    }

    /// Larger by a factor.
    pub fn scaled(self, by: f32) -> Self {
        Self { scale: self.scale * by, ..self }
    }

    /// The factor by which lengths are larger outside.
    pub fn scale(&self) -> f32 {
        self.scale
    }

    /// A point around the thing, in the thing's own space.
    pub fn inside(&self, p: V) -> V {
        let from = p - self.at;
        self.axes.map(|axis| axis.dot(from) / self.scale).into()
    }

    /// A point of the thing, in the space around it.
    pub fn outside(&self, p: V) -> V {
        self.at + (self.axes[0] * p.x + self.axes[1] * p.y + self.axes[2] * p.z) * self.scale
    }

    fn turned(self, x: V, y: V, z: V) -> Self {
        let [a, b, c] = self.axes;
        let turn = |d: V| a * d.x + b * d.y + c * d.z;
        Self { axes: [turn(x), turn(y), turn(z)], ..self }
    }
}

impl From<[f32; 3]> for V {
    fn from([x, y, z]: [f32; 3]) -> V {
        v(x, y, z)
    }
}

/// An upright box around something, to skip it where it is far away.
#[derive(Debug, Clone, Copy)]
pub struct Around {
    center: V,
    half: V,
}

impl Around {
    /// Between two corners.
    pub fn corners(low: V, high: V) -> Self {
        Self { center: (low + high) * 0.5, half: (high - low) * 0.5 }
    }

    /// By its centre and half sides.
    pub fn half(center: V, half: V) -> Self {
        Self { center, half }
    }

    /// Around both.
    pub fn with(self, o: Self) -> Self {
        let low = (self.center - self.half).min(o.center - o.half);
        Self::corners(low, (self.center + self.half).max(o.center + o.half))
    }

    /// Larger on all sides.
    pub fn wider(self, by: f32) -> Self {
        Self { half: self.half + v(by, by, by), ..self }
    }

    /// Mirrored at z = 0.
    pub fn mirrored(self) -> Self {
        Self { center: v(self.center.x, self.center.y, -self.center.z), ..self }
    }

    /// An upright box around this one, moved and turned.
    pub fn posed(self, pose: &Pose) -> Self {
        let reach = |part: fn(V) -> f32| {
            let along = v(part(pose.axes[0]), part(pose.axes[1]), part(pose.axes[2])).map(f32::abs);
            along.dot(self.half) * pose.scale
        };
        Self { center: pose.outside(self.center), half: v(reach(|a| a.x), reach(|a| a.y), reach(|a| a.z)) }
    }

    /// A lower limit of the distance to what is inside.
    pub fn distance(&self, p: V) -> f32 {
        let q = (p - self.center).map(f32::abs) - self.half;
        q.map(|c| c.max(0.0)).length() + q.x.max(q.y).max(q.z).min(0.0)
    }

    /// The part of a ray inside, as distances from its start.
    pub fn span(&self, from: V, along: V) -> Option<(f32, f32)> {
        let to = self.center - from;
        let (mut start, mut end) = (0.0_f32, f32::MAX);
        for (to, half, along) in
            [(to.x, self.half.x, along.x), (to.y, self.half.y, along.y), (to.z, self.half.z, along.z)]
        {
            let speed = 1.0 / if along.abs() < 1e-9 { 1e-9 } else { along };
            let (a, b) = ((to - half) * speed, (to + half) * speed);
            (start, end) = (start.max(a.min(b)), end.min(a.max(b)));
        }
        (start < end).then_some((start, end))
    }
}
