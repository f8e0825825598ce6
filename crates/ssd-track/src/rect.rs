//! Points and boxes in pixels of the picture.

/// A point, in pixels from the upper left corner.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Point {
    /// To the right.
    pub x: f64,
    /// Down.
    pub y: f64,
}

/// A box by two corners: `x1 <= x2`, `y1 <= y2`.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Rect {
    /// Left edge.
    pub x1: f64,
    /// Upper edge.
    pub y1: f64,
    /// Right edge.
    pub x2: f64,
    /// Lower edge.
    pub y2: f64,
}

impl Rect {
    /// A box from its left, upper, right and lower edge.
    pub fn new(x1: f64, y1: f64, x2: f64, y2: f64) -> Self {
        Self { x1, y1, x2, y2 }
    }

    /// Width.
    pub fn width(&self) -> f64 {
        self.x2 - self.x1
    }

    /// Height.
    pub fn height(&self) -> f64 {
        self.y2 - self.y1
    }

    /// The middle.
    pub fn centre(&self) -> Point {
        Point { x: 0.5 * (self.x1 + self.x2), y: 0.5 * (self.y1 + self.y2) }
    }

    /// Whether the corners are finite and there is something between them.
    pub fn is_proper(&self) -> bool {
        let finite = [self.x1, self.y1, self.x2, self.y2].iter().all(|side| side.is_finite());
        finite && self.x1 < self.x2 && self.y1 < self.y2
    }

    /// Intersection over union; 0 where two boxes do not overlap.
    pub fn iou(&self, other: &Self) -> f64 {
        let width = self.x2.min(other.x2) - self.x1.max(other.x1);
        let height = self.y2.min(other.y2) - self.y1.max(other.y1);
        // Most pairs of a frame are apart: they end here.
        if !(width > 0.0 && height > 0.0) {
            return 0.0;
        }
        let common = width * height;
        common / (self.width() * self.height() + other.width() * other.height() - common)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn overlap_is_the_common_part_of_both() {
        let whole = Rect::new(0.0, 0.0, 4.0, 2.0);
        assert_eq!(whole.iou(&whole), 1.0);
        assert_eq!(whole.iou(&Rect::new(2.0, 0.0, 6.0, 2.0)), 1.0 / 3.0);
        assert_eq!(whole.iou(&Rect::new(4.0, 0.0, 8.0, 2.0)), 0.0);
    }
}
