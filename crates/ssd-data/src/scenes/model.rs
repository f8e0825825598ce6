//! Models: solids joined, carved and painted, in a space of their own in which they look along x.

use super::look::{Look, Paint};
use super::solid::Solid;
use super::space::{Around, V, v};

/// Solids that belong together.
#[derive(Debug, Clone, Default)]
pub struct Model {
    parts: Vec<Part>,
}

#[derive(Debug, Clone)]
struct Part {
    solid: Solid,
    around: Around,
    how: How,
    /// Whether the part is there twice, mirrored at z = 0.
    twice: bool,
}

#[derive(Debug, Clone, Copy)]
enum How {
    /// Added; the seam with what was there before is rounded over a width.
    Join(f32, Paint),
    /// Taken away.
    Carve(Paint),
    /// Only the surface inside it gets another look.
    Cover(Paint),
}

impl Model {
    /// Nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a solid.
    pub fn add(&mut self, solid: Solid, paint: impl Into<Paint>) -> &mut Self {
        self.part(solid, How::Join(0.0, paint.into()), false)
    }

    /// Adds a solid and its mirror image at z = 0.
    pub fn pair(&mut self, solid: Solid, paint: impl Into<Paint>) -> &mut Self {
        self.part(solid, How::Join(0.0, paint.into()), true)
    }

    /// Adds a solid that grows out of those before, its seam rounded over a width.
    pub fn grow(&mut self, seam: f32, solid: Solid, paint: impl Into<Paint>) -> &mut Self {
        self.part(solid, How::Join(seam, paint.into()), false)
    }

    /// Like [`Self::grow`], with its mirror image.
    pub fn grow_pair(&mut self, seam: f32, solid: Solid, paint: impl Into<Paint>) -> &mut Self {
        self.part(solid, How::Join(seam, paint.into()), true)
    }

    /// Takes a solid and its mirror image away; the cut gets a look.
    pub fn carve(&mut self, solid: Solid, paint: impl Into<Paint>) -> &mut Self {
        self.part(solid, How::Carve(paint.into()), true)
    }

    /// Paints the surface inside a solid and its mirror image.
    pub fn cover(&mut self, solid: Solid, paint: impl Into<Paint>) -> &mut Self {
        self.part(solid, How::Cover(paint.into()), true)
    }

    /// Paints the surface inside a solid.
    pub fn cover_one(&mut self, solid: Solid, paint: impl Into<Paint>) -> &mut Self {
        self.part(solid, How::Cover(paint.into()), false)
    }

    fn part(&mut self, solid: Solid, how: How, twice: bool) -> &mut Self {
        let around = solid.around();
        self.parts.push(Part { solid, around, how, twice });
        self
    }

    /// Signed distance of a point of the model's own space.
    pub fn distance(&self, p: V) -> f32 {
        let mut d = f32::MAX;
        for part in &self.parts {
            let q = part.fold(p);
            match part.how {
                How::Join(seam, _) if part.around.distance(q) < d + seam => {
                    d = joined(d, part.solid.distance(q), seam).0;
                }
                How::Carve(_) if -part.around.distance(q) > d => d = d.max(-part.solid.distance(q)),
                _ => {}
            }
        }
        d
    }

    /// The look of the surface at a point of the model's own space.
    pub fn look(&self, p: V) -> Look {
        let (mut d, mut look) = (f32::MAX, Look::matt(0));
        for part in &self.parts {
            let q = part.fold(p);
            match part.how {
                How::Join(seam, paint) => {
                    let (both, share) = joined(d, part.solid.distance(q), seam);
                    d = both;
                    if share > 0.0 {
                        look = look.mixed(paint.at(p), share);
                    }
                }
                How::Carve(paint) => {
                    let inside = -part.solid.distance(q);
                    if inside > d {
                        (d, look) = (inside, paint.at(p));
                    }
                }
                How::Cover(paint) => {
                    if part.around.distance(q) < 0.0 && part.solid.distance(q) < 0.0 {
                        look = paint.at(p);
                    }
                }
            }
        }
        look
    }

    /// A box around the model.
    pub fn around(&self) -> Around {
        let joined = self.parts.iter().filter(|part| matches!(part.how, How::Join(..)));
        let whole = |part: &Part| if part.twice { part.around.with(part.around.mirrored()) } else { part.around };
        joined.map(whole).reduce(Around::with).unwrap_or(Around::half(v(0.0, 0.0, 0.0), v(0.0, 0.0, 0.0)))
    }
}

impl Part {
    fn fold(&self, p: V) -> V {
        if self.twice { v(p.x, p.y, p.z.abs()) } else { p }
    }
}

/// Two distances joined with a rounded seam, and the share of the second in the look.
fn joined(a: f32, b: f32, seam: f32) -> (f32, f32) {
    if seam <= 0.0 || a == f32::MAX {
        return if b < a { (b, 1.0) } else { (a, 0.0) };
    }
    let share = (0.5 + 0.5 * (a - b) / seam).clamp(0.0, 1.0);
    // The shape changes over the whole seam, the colour in the middle of it.
    (a + (b - a) * share - seam * share * (1.0 - share), (0.5 + 4.0 * (share - 0.5)).clamp(0.0, 1.0))
}
