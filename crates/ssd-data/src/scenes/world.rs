//! A world of models under a sky, and its picture: rays through each pixel, soft shadows, light from the sky.
//!
//! Sphere tracing (Hart, 1996) for the models, an exact intersection for planes such as the ground.

use image::RgbImage;
use rayon::prelude::*;

use super::look::Look;
use super::model::Model;
use super::space::{Around, Pose, V, v};
use crate::shapes::paint::{Color, contrast, mix};

/// Steps of a ray before it counts as missed, and the nearness at which it counts as arrived, per metre of its way.
const STEPS: usize = 180;
const NEAR: f32 = 4e-4;

/// All that a picture shows.
pub struct World {
    /// From where it is seen.
    pub camera: Camera,
    /// Sun, sky and haze.
    pub light: Light,
    /// Ground and walls.
    pub planes: Vec<Plane>,
    models: Vec<Placed>,
}

/// The point of view.
#[derive(Debug, Clone, Copy)]
pub struct Camera {
    /// The eye.
    pub eye: V,
    /// The point in the middle of the picture.
    pub target: V,
    /// The angle from top to bottom, in degrees.
    pub angle: f32,
}

/// Where light comes from.
#[derive(Clone, Copy)]
pub struct Light {
    /// The direction to the sun, or to the lamp.
    pub from: V,
    /// Its colour, times its strength.
    pub sun: Color,
    /// The width of its shadows' soft edges, per metre of distance.
    pub soft: f32,
    /// Light from above and from below that reaches everything.
    pub above: Color,
    /// See `above`.
    pub below: Color,
    /// The sky in a direction, and what mirrors show.
    pub sky: fn(V) -> Color,
    /// The distance at which half of the colour is the sky's.
    pub haze: f32,
    /// How far corners and contacts are darkened, in metres.
    pub reach: f32,
}

/// An endless wall or ground.
#[derive(Clone, Copy)]
pub struct Plane {
    /// One of its points.
    pub through: V,
    /// Its normal, with length 1.
    pub normal: V,
    /// Its look by place.
    pub look: fn(V) -> Look,
}

impl Plane {
    /// The ground at height 0.
    pub fn ground(look: fn(V) -> Look) -> Self {
        Self { through: v(0.0, 0.0, 0.0), normal: v(0.0, 1.0, 0.0), look }
    }

    fn distance(&self, p: V) -> f32 {
        (p - self.through).dot(self.normal)
    }

    /// The distance along a ray that comes from the side of the normal.
    fn met(&self, from: V, along: V) -> Option<f32> {
        let speed = -along.dot(self.normal);
        (speed > 1e-6).then(|| self.distance(from) / speed).filter(|t| *t > 0.0)
    }
}

struct Placed {
    model: Model,
    pose: Pose,
    around: Around,
}

impl Placed {
    fn distance(&self, p: V) -> f32 {
        self.model.distance(self.pose.inside(p)) * self.pose.scale()
    }
}

/// What a ray met.
#[derive(Clone, Copy)]
enum Met {
    Plane(usize, f32),
    Model(usize, f32),
    Sky,
}

impl World {
    /// Without models.
    pub fn new(camera: Camera, light: Light, planes: Vec<Plane>) -> Self {
        Self { camera, light: Light { from: light.from.unit(), ..light }, planes, models: Vec::new() }
    }

    /// Puts a model somewhere.
    pub fn put(&mut self, model: Model, pose: Pose) -> &mut Self {
        let around = model.around().posed(&pose);
        self.models.push(Placed { model, pose, around });
        self
    }

    /// The picture.
    pub fn picture(&self, width: u32, height: u32) -> RgbImage {
        let rows: Vec<u8> = (0..height)
            .into_par_iter()
            .flat_map_iter(|y| (0..width).flat_map(move |x| self.pixel(x, y, width, height)))
            .collect();
        RgbImage::from_raw(width, height, rows).unwrap_or_default()
    }

    /// One pixel of a picture of a size.
    pub fn pixel(&self, x: u32, y: u32, width: u32, height: u32) -> [u8; 3] {
        let Camera { eye, target, angle } = self.camera;
        let ahead = (target - eye).unit();
        let right = ahead.cross(v(0.0, 1.0, 0.0)).unit();
        let up = right.cross(ahead);
        let unit = 2.0 * (0.5 * angle).to_radians().tan() / height as f32;
        let screen = |i: u32, j: u32, rays: u32| {
            let at =
                |pixel: u32, part: u32, size: u32| pixel as f32 + (part as f32 + 0.5) / rays as f32 - 0.5 * size as f32;
            let (dx, dy) = (at(x, i, width) * unit, -at(y, j, height) * unit);
            // Screen values are averaged, not light: the edge of a lamp stays smooth.
            self.seen(eye, (ahead + right * dx + up * dy).unit(), true).map(|c| shoulder(c).sqrt())
        };
        let grid =
            |rays: u32| -> Vec<Color> { (0..rays * rays).map(|ray| screen(ray % rays, ray / rays, rays)).collect() };
        // Four rays, and sixteen where these differ.
        let mut rays = grid(2);
        if rays.iter().any(|ray| contrast(*ray, rays[0]) > 0.1) {
            rays = grid(4);
        }
        let mean = [0, 1, 2].map(|c| rays.iter().map(|ray| ray[c]).sum::<f32>() / rays.len() as f32);
        mean.map(|value| (value * 255.0).round().clamp(0.0, 255.0) as u8)
    }

    /// The light from a direction. Mirrors show the world once, and in it the sky alone.
    fn seen(&self, from: V, along: V, first: bool) -> Color {
        let sky = (self.light.sky)(along);
        let (look, normal, t) = match self.met(from, along, 1e9) {
            Met::Sky => return sky,
            Met::Plane(i, t) => ((self.planes[i].look)(from + along * t), self.planes[i].normal, t),
            Met::Model(i, t) => {
                let (placed, p) = (&self.models[i], from + along * t);
                (placed.model.look(placed.pose.inside(p)), normal(placed, p, 2.0 * NEAR * t.max(1.0)), t)
            }
        };
        let p = from + along * t + normal * (3.0 * NEAR * t.max(1.0));
        let normal = (normal + look.tilt).unit();
        let mut color = self.lit(p, normal, along, &look);
        if look.mirror > 0.0 {
            let glance = 1.0 - (-along.dot(normal)).clamp(0.0, 1.0);
            let share = look.mirror + (1.0 - look.mirror) * 0.7 * glance.powi(5);
            let mut back = along - normal * (2.0 * along.dot(normal));
            back.y = if look.tilt.length() > 0.0 { back.y.abs() } else { back.y };
            let back = back.unit();
            let there = if first { self.seen(p, back, false) } else { (self.light.sky)(back) };
            color = mix(color, there, share);
        }
        let haze = t / (t + self.light.haze);
        let flat = (self.light.sky)(v(along.x, 0.02, along.z).unit());
        mix(color, flat, haze * haze)
    }

    /// The light that a surface scatters.
    fn lit(&self, p: V, normal: V, along: V, look: &Look) -> Color {
        let light = &self.light;
        let facing = normal.dot(light.from).max(0.0);
        let sun = if facing > 0.0 { self.sunlight(p) } else { 0.0 };
        let open = self.openness(p, normal);
        let half = (light.from - along).unit();
        let shine = look.gloss * normal.dot(half).max(0.0).powi(48) * sun;
        let up = 0.5 + 0.5 * normal.y;
        [0, 1, 2].map(|c| {
            let around = light.below[c] + (light.above[c] - light.below[c]) * up;
            let falls = light.sun[c] * facing * sun + around * open;
            look.color[c] * (falls * (1.0 - look.glow) + look.glow) + shine * light.sun[c] * 0.5
        })
    }

    /// The share of the sun that is seen from a point, with soft edges.
    fn sunlight(&self, p: V) -> f32 {
        let along = self.light.from;
        let near = self.near(p, along);
        let (mut t, mut share) = (0.01, 1.0_f32);
        let end = near.iter().map(|(_, _, end)| *end).fold(0.0, f32::max);
        for _ in 0..STEPS {
            let (d, way) = self.distance(p + along * t, &near, t);
            share = share.min(0.5 + 0.5 * d / (self.light.soft * (t + 0.02)));
            if share <= 0.0 || t > end {
                break;
            }
            t += (0.8 * way.abs()).max(0.004 + 0.004 * t);
        }
        let share = share.clamp(0.0, 1.0);
        share * share * (3.0 - 2.0 * share)
    }

    /// How much of the sky a point sees, estimated from the distances along its normal.
    fn openness(&self, p: V, normal: V) -> f32 {
        let mut hidden = 0.0;
        let mut weight = 1.0;
        for i in 1..=5 {
            let reach = self.light.reach * (i * i) as f32 / 25.0;
            let q = p + normal * reach;
            let planes = self.planes.iter().map(|plane| plane.distance(q)).fold(f32::MAX, f32::min);
            let models = self.models.iter().map(|placed| {
                let far = placed.around.distance(q);
                if far > reach { far } else { placed.distance(q) }
            });
            let d = models.fold(planes, f32::min).max(0.0);
            hidden += weight * (1.0 - d / reach).clamp(0.0, 1.0);
            weight *= 0.75;
        }
        (1.0 - 0.36 * hidden).clamp(0.12, 1.0)
    }

    /// The models that a ray may meet, each with the part of the ray that is near it.
    fn near(&self, from: V, along: V) -> Vec<(usize, f32, f32)> {
        let early = |t: f32| t - 8.0 * NEAR * t.max(1.0);
        let span = |(i, placed): (usize, &Placed)| placed.around.span(from, along).map(|(a, b)| (i, early(a), b));
        self.models.iter().enumerate().filter_map(span).collect()
    }

    /// The distance to the models that a ray is near, and the way that it can go at once.
    fn distance(&self, p: V, near: &[(usize, f32, f32)], t: f32) -> (f32, f32) {
        let (mut d, mut start) = (f32::MAX, f32::MAX);
        for (i, from, to) in near {
            if t < *from {
                start = start.min(*from - t + 4.0 * NEAR * t.max(1.0));
            } else if t <= *to {
                d = d.min(self.models[*i].distance(p));
            }
        }
        (d, d.min(start))
    }

    fn met(&self, from: V, along: V, limit: f32) -> Met {
        let planes = self.planes.iter().enumerate().filter_map(|(i, plane)| Some((i, plane.met(from, along)?)));
        let plane = planes.min_by(|a, b| a.1.total_cmp(&b.1));
        let limit = plane.map_or(limit, |(_, t)| t);
        let near = self.near(from, along);
        let end = near.iter().map(|(_, _, end)| *end).fold(0.0, f32::max).min(limit);
        let mut t = near.iter().map(|(_, start, _)| *start).fold(f32::MAX, f32::min);
        for _ in 0..STEPS {
            if t >= end {
                break;
            }
            let p = from + along * t;
            let (d, way) = self.distance(p, &near, t);
            if d < NEAR * t.max(1.0) {
                let nearest = near.iter().filter(|(_, start, end)| (*start..=*end).contains(&t));
                let nearest = nearest.map(|(i, ..)| (*i, self.models[*i].distance(p)));
                if let Some((i, _)) = nearest.min_by(|a, b| a.1.total_cmp(&b.1)) {
                    return Met::Model(i, t);
                }
            }
            t += 0.9 * way;
        }
        plane.map_or(Met::Sky, |(i, t)| Met::Plane(i, t))
    }
}

fn normal(placed: &Placed, p: V, reach: f32) -> V {
    let corners = [v(1.0, -1.0, -1.0), v(-1.0, -1.0, 1.0), v(-1.0, 1.0, -1.0), v(1.0, 1.0, 1.0)];
    let sum = corners.map(|corner| corner * placed.distance(p + corner * reach));
    (sum[0] + sum[1] + sum[2] + sum[3]).unit()
}

/// Light as a screen shows it: strong light is compressed, so that nothing is burnt out.
fn shoulder(x: f32) -> f32 {
    const START: f32 = 0.6;
    let over = ((x - START) / (1.0 - START)).max(0.0);
    x.clamp(0.0, START) + (1.0 - START) * over / (1.0 + over)
}
