//! The objects of a scene: which, where, how painted, and which of them are visible.

use std::f32::consts::TAU;

use rand::RngExt;
use rand_pcg::Pcg64;
use ssd::{CornerBox, GroundTruth};

use super::outline::{Outline, Point};
use super::paint::{Canvas, Color, Fill, Texture, any_color, any_direction, contrast, mix};

/// The classes, in the order of their numbers: `LABELS[0]` is class 1.
pub const LABELS: [&str; 6] = ["circle", "square", "triangle", "star", "ring", "cross"];

/// Most objects in a scene; one bit each in [`Seen`].
const MAX_OBJECTS: usize = 8;

/// The smallest and largest diameter of an object, as a fraction of the picture's short side.
const DIAMETER: (f32, f32) = (18.0 / 300.0, 220.0 / 300.0);

/// The share of an object that has to be visible for it to be listed.
const MIN_VISIBLE: f32 = 0.35;

/// An object that was placed.
pub struct Object {
    /// Its 1-based class.
    pub class: usize,
    /// Its outline, in pixels.
    pub outline: Outline,
}

/// Which objects are visible in each pixel: bit `i` for object `i`.
pub type Seen = Vec<u8>;

/// Chooses classes, sizes and places, back to front. Some scenes stay empty; most objects keep clear of each other.
pub fn place_objects(canvas: &Canvas, rng: &mut Pcg64) -> Vec<Object> {
    let wanted = if rng.random_bool(0.07) { 0 } else { rng.random_range(1..=MAX_OBJECTS) };
    let mut objects: Vec<Object> = Vec::with_capacity(wanted);
    for _ in 0..wanted {
        // A quarter of the objects may overlap others; an object for which there is no room is left out.
        let overlap_limit = if rng.random_bool(0.25) { 1.0 } else { 0.15 };
        let placed = (0..12)
            .map(|_| any_object(canvas, rng))
            .find(|object| objects.iter().all(|other| overlap(object, other) <= overlap_limit));
        objects.extend(placed);
    }
    objects
}

/// An object of any class, size and angle, its centre well inside the picture.
fn any_object(canvas: &Canvas, rng: &mut Pcg64) -> Object {
    let (width, height) = (canvas.width as f32, canvas.height as f32);
    // Uniform in the logarithm: as many from 20 to 40 pixels as from 100 to 200.
    let diameter = width.min(height) * (rng.random_range(DIAMETER.0.ln()..DIAMETER.1.ln())).exp();
    let radius = 0.5 * diameter;
    let margin = 0.6 * radius;
    let center: Point = [rng.random_range(margin..width - margin), rng.random_range(margin..height - margin)];
    let angle = rng.random_range(0.0..TAU);
    let class = rng.random_range(1..=LABELS.len());
    let outline = match LABELS[class - 1] {
        "circle" => Outline::Disc { center, radius },
        "square" => Outline::square(center, radius, angle),
        "triangle" => Outline::triangle(center, radius, angle, rng),
        "star" => Outline::star(center, radius, angle, rng),
        "ring" => Outline::ring(center, radius, rng),
        _ => Outline::cross(center, radius, angle, rng),
    };
    Object { class, outline }
}

/// The overlap of two objects' boxes, as a fraction of the smaller one.
fn overlap(a: &Object, b: &Object) -> f32 {
    let (a, b) = (a.outline.bounds_px(), b.outline.bounds_px());
    a.intersection(&b).area() / a.area().min(b.area())
}

/// Paints an object in colours that contrast with what is beneath, and notes the pixels in which it is visible.
pub fn paint_object(canvas: &mut Canvas, seen: &mut [u8], index: usize, object: &Object, rng: &mut Pcg64) {
    let fill = any_fill(canvas, &object.outline, rng);
    let opaque = rng.random_bool(0.75);
    let alpha = if opaque { 1.0 } else { rng.random_range(0.6..0.9) };
    let bit = 1 << index;
    canvas.paint(&object.outline, &fill, alpha, |pixel| {
        seen[pixel] = if opaque { bit } else { seen[pixel] | bit };
    });
}

/// Colours that differ, more or less, from those beneath, in one of four textures, with or without a border.
fn any_fill(canvas: &Canvas, outline: &Outline, rng: &mut Pcg64) -> Fill {
    let bounds = outline.bounds_px();
    let beneath = mean_color(canvas, &bounds);
    let least = rng.random_range(0.25..0.7);
    let base = contrasting_color(beneath, least, rng);
    let second = if rng.random_bool(0.5) { mix(base, [rng.random_range(0.0..1.0); 3], 0.5) } else { any_color(rng) };

    let across = any_direction(rng);
    let size = bounds.width().max(bounds.height());
    let period = (size * rng.random_range(0.08..0.3)).max(4.0);
    let texture = match rng.random_range(0..10) {
        0..=3 => Texture::Plain,
        4..=5 => Texture::Gradient {
            origin: [bounds.x1, bounds.y1],
            along: [across[0].abs() / size, across[1].abs() / size],
        },
        6..=7 => Texture::Stripes { across, period },
        _ => Texture::Dots { across, period },
    };
    let border_px = (size * rng.random_range(0.02..0.08)).max(1.0);
    let border = rng.random_bool(0.35).then(|| (contrasting_color(base, 0.4, rng), border_px));
    Fill { base, second, texture, border }
}

/// The mean of nine points within a box.
fn mean_color(canvas: &Canvas, bounds: &CornerBox) -> Color {
    let mut sum = [0.0; 3];
    for i in 0..9 {
        let (u, v) = (0.25 + 0.25 * (i % 3) as f32, 0.25 + 0.25 * (i / 3) as f32);
        let color = canvas.color_near([bounds.x1 + u * bounds.width(), bounds.y1 + v * bounds.height()]);
        (0..3).for_each(|c| sum[c] += color[c] / 9.0);
    }
    sum
}

/// A colour at least `least` away from another, or the farthest of ten.
fn contrasting_color(from: Color, least: f32, rng: &mut Pcg64) -> Color {
    let mut best = any_color(rng);
    for _ in 0..9 {
        if contrast(best, from) >= least {
            break;
        }
        let other = any_color(rng);
        if contrast(other, from) > contrast(best, from) {
            best = other;
        }
    }
    best
}

/// The objects that are visible enough, with the box of the whole figure, clipped to the picture.
pub fn visible_truths(objects: &[Object], seen: &[u8], width: f32, height: f32) -> Vec<GroundTruth> {
    let mut visible_px = [0_usize; MAX_OBJECTS];
    for bits in seen {
        for (i, pixels) in visible_px.iter_mut().enumerate() {
            *pixels += usize::from(bits >> i & 1);
        }
    }
    objects
        .iter()
        .zip(visible_px)
        .filter(|(object, pixels)| *pixels as f32 >= MIN_VISIBLE * object.outline.area_px())
        .map(|(object, _)| GroundTruth {
            bbox: object.outline.bounds_px().scaled(1.0 / width, 1.0 / height).clipped(),
            class: object.class,
            difficult: false,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seeded::seeded;

    #[test]
    fn a_figure_fills_its_box_from_edge_to_edge() {
        // Painted white on black, the lit pixels are the box, up to the pixel that the edge runs through.
        for index in 0..60 {
            let mut rng = seeded(&[5, index]);
            let mut canvas = Canvas::new(300, 300);
            let object = any_object(&canvas, &mut rng);
            let mut covered = 0;
            canvas.paint(&object.outline, &Fill::plain([1.0; 3]), 1.0, |_| covered += 1);
            let image = canvas.into_image();
            let bounds = object.outline.bounds_px();
            let lit: Vec<(f32, f32)> =
                image.enumerate_pixels().filter(|(_, _, p)| p[0] > 0).map(|(x, y, _)| (x as f32, y as f32)).collect();
            let found = lit.iter().fold(CornerBox::new(300.0, 300.0, 0.0, 0.0), |b, (x, y)| {
                CornerBox::new(b.x1.min(*x), b.y1.min(*y), b.x2.max(x + 1.0), b.y2.max(y + 1.0))
            });
            let label = LABELS[object.class - 1];
            for (box_edge, pixel_edge) in
                [(bounds.x1, found.x1), (bounds.y1, found.y1), (bounds.x2, found.x2), (bounds.y2, found.y2)]
            {
                // A sharp corner may cover too little of its last pixels to light them.
                let gap = (box_edge.clamp(0.0, 300.0) - pixel_edge).abs();
                assert!(gap < 2.0, "{label} {index}: box {bounds:?}, pixels {found:?}");
            }
            let inside = bounds.x1 > 0.0 && bounds.y1 > 0.0 && bounds.x2 < 300.0 && bounds.y2 < 300.0;
            let area = object.outline.area_px();
            if inside && area > 400.0 {
                assert!((covered as f32 / area - 1.0).abs() < 0.05, "{label} {index}: {covered} pixels, area {area}");
            }
        }
    }

    #[test]
    fn a_hidden_object_is_not_listed() {
        let disc = |x, radius| Object { class: 1, outline: Outline::Disc { center: [x, 50.0], radius } };
        let objects = [disc(40.0, 10.0), disc(44.0, 14.0), disc(80.0, 10.0)];
        let mut canvas = Canvas::new(100, 100);
        let mut seen = vec![0_u8; 100 * 100];
        for (i, object) in objects.iter().enumerate() {
            let bit = 1 << i;
            canvas.paint(&object.outline, &Fill::plain([1.0; 3]), 1.0, |pixel| seen[pixel] = bit);
        }
        let centers =
            visible_truths(&objects, &seen, 100.0, 100.0).iter().map(|t| t.bbox.to_center().cx).collect::<Vec<_>>();
        assert_eq!(centers.len(), 2);
        assert!((centers[0] - 0.44).abs() < 1e-5 && (centers[1] - 0.8).abs() < 1e-5, "{centers:?}");
    }
}
