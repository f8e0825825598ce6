//! What crosses a line, and what enters and leaves a region: each track once in each direction.

use std::collections::BTreeMap;

use crate::{Point, State, TrackError, Tracker};

/// A line or a region, in pixels.
#[derive(Debug, Clone, PartialEq)]
pub enum Shape {
    /// From one point to another.
    Line([Point; 2]),
    /// A polygon by its corners; the last is joined to the first. Where it overlaps itself, it is outside.
    Region(Vec<Point>),
}

/// How many passed in each direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Passed {
    /// Over a line from its left to its right, seen along it; into a region.
    pub forward: u64,
    /// The other way; out of a region.
    pub back: u64,
}

/// Counts the confirmed tracks whose centre passes a line or a region's border.
#[derive(Debug, Clone)]
pub struct Counter {
    shape: Shape,
    passed: BTreeMap<usize, Passed>,
    /// For each track that has not ended: where it was last, and whether it was counted forward and back.
    known: BTreeMap<u64, (Point, [bool; 2])>,
}

impl Counter {
    /// A counter at zero.
    ///
    /// # Errors
    /// If the shape is no line or region.
    pub fn new(shape: Shape) -> Result<Self, TrackError> {
        let (points, least) = match &shape {
            Shape::Line(points) => (points.as_slice(), 2),
            Shape::Region(corners) => (corners.as_slice(), 3),
        };
        let finite = points.iter().all(|point| point.x.is_finite() && point.y.is_finite());
        let is_point = points.iter().all(|point| *point == points[0]);
        if points.len() < least || !finite || is_point {
            return Err(TrackError::Shape);
        }
        Ok(Self { shape, passed: BTreeMap::new(), known: BTreeMap::new() })
    }

    /// How many of each class passed.
    pub fn passed(&self) -> &BTreeMap<usize, Passed> {
        &self.passed
    }

    /// Counts what passed since the last call: to be called after each frame.
    pub fn follow(&mut self, tracker: &Tracker) {
        let mut known = BTreeMap::new();
        for track in tracker.tracks() {
            let here = track.bbox().centre();
            let (before, mut counted) = self.known.get(&track.number()).copied().unwrap_or((here, [false; 2]));
            // Where a lost track is, is a guess; a new one is believed later, with all of its way.
            if track.state() != State::Seen {
                known.insert(track.number(), (before, counted));
                continue;
            }
            let [forward, back] = self.shape.passes(before, here);
            let passed = self.passed.entry(track.class()).or_default();
            passed.forward += u64::from(forward && !counted[0]);
            passed.back += u64::from(back && !counted[1]);
            counted = [counted[0] || forward, counted[1] || back];
            known.insert(track.number(), (here, counted));
        }
        self.known = known;
    }

    /// Tracks that are remembered.
    #[cfg(test)]
    pub(crate) fn remembered(&self) -> usize {
        self.known.len()
    }
}

impl Shape {
    /// Whether the way between two points passes forward, and back.
    fn passes(&self, from: Point, to: Point) -> [bool; 2] {
        match self {
            Self::Line([a, b]) => {
                let (before, after) = (is_right(*a, *b, from), is_right(*a, *b, to));
                // Two segments cross if the ends of each are on different sides of the other.
                let crosses = before != after && is_right(from, to, *a) != is_right(from, to, *b);
                [crosses && after, crosses && before]
            }
            Self::Region(corners) => {
                let (before, after) = (is_inside(corners, from), is_inside(corners, to));
                [after && !before, before && !after]
            }
        }
    }
}

/// Whether a point is to the right of the line from `a` to `b`, with y down; on it counts as right, so that something
/// that stops there is counted once.
fn is_right(a: Point, b: Point, point: Point) -> bool {
    (b.x - a.x) * (point.y - a.y) - (b.y - a.y) * (point.x - a.x) >= 0.0
}

/// Whether a ray to the right leaves the polygon an odd number of times.
fn is_inside(corners: &[Point], point: Point) -> bool {
    let ends = corners.iter().zip(corners.iter().cycle().skip(1));
    let crossed = ends.filter(|(a, b)| {
        (a.y > point.y) != (b.y > point.y) && point.x < a.x + (point.y - a.y) / (b.y - a.y) * (b.x - a.x)
    });
    crossed.count() % 2 == 1
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Detection, Rect, Rules};

    const ROOF: f64 = 40.0;

    /// The counts of class 1 once an object has gone through these places.
    fn passed(shape: Shape, places: &[(f64, f64)]) -> Passed {
        let mut tracker = Tracker::new(Rules { lost_seconds: 60.0, ..Rules::default() }).expect("good rules");
        let mut counter = Counter::new(shape).expect("a shape");
        let mut time = 0.0;
        let mut at = places[0];
        for place in places {
            // Slowly, so that it is followed.
            let steps = ((place.0 - at.0).hypot(place.1 - at.1) / 4.0).ceil().max(1.0) as usize;
            for step in 1..=steps {
                let part = step as f64 / steps as f64;
                let (x, y) = (at.0 + (place.0 - at.0) * part, at.1 + (place.1 - at.1) * part);
                let bbox = Rect::new(x - 20.0, y - ROOF / 2.0, x + 20.0, y + ROOF / 2.0);
                tracker.update(&[Detection { bbox, class: 1, score: 0.9 }], time).expect("in order");
                counter.follow(&tracker);
                time += 0.1;
            }
            at = *place;
        }
        assert_eq!(tracker.counts()[&1].total, 1, "it was followed");
        counter.passed()[&1]
    }

    fn point(x: f64, y: f64) -> Point {
        Point { x, y }
    }

    #[test]
    fn a_line_is_crossed_once_in_each_direction() {
        // Upwards: its left is the left of the picture.
        let line = Shape::Line([point(100.0, 200.0), point(100.0, 0.0)]);
        assert_eq!(passed(line.clone(), &[(50.0, 100.0), (150.0, 100.0)]), Passed { forward: 1, back: 0 });
        assert_eq!(passed(line.clone(), &[(150.0, 100.0), (50.0, 100.0)]), Passed { forward: 0, back: 1 });
        let to_and_fro = [(50.0, 100.0), (150.0, 100.0), (50.0, 100.0), (150.0, 100.0), (50.0, 100.0)];
        assert_eq!(passed(line.clone(), &to_and_fro), Passed { forward: 1, back: 1 });
        assert_eq!(passed(line.clone(), &[(50.0, 300.0), (150.0, 300.0)]), Passed::default(), "past its end");
        assert_eq!(passed(line, &[(50.0, 20.0), (50.0, 180.0)]), Passed::default(), "along it");
    }

    #[test]
    fn a_region_is_entered_and_left_once() {
        let corners = vec![point(100.0, 100.0), point(200.0, 100.0), point(200.0, 200.0), point(100.0, 200.0)];
        let region = Shape::Region(corners);
        assert_eq!(passed(region.clone(), &[(50.0, 150.0), (150.0, 150.0)]), Passed { forward: 1, back: 0 });
        assert_eq!(passed(region.clone(), &[(150.0, 150.0), (150.0, 300.0)]), Passed { forward: 0, back: 1 });
        let through = [(50.0, 150.0), (250.0, 150.0), (50.0, 150.0)];
        assert_eq!(passed(region.clone(), &through), Passed { forward: 1, back: 1 });
        assert_eq!(passed(region, &[(50.0, 50.0), (250.0, 50.0)]), Passed::default());
    }

    #[test]
    fn what_ends_is_forgotten() {
        let mut tracker = Tracker::new(Rules::default()).expect("good rules");
        let mut counter = Counter::new(Shape::Line([point(0.0, 0.0), point(9.0, 0.0)])).expect("a line");
        for step in 0..500 {
            let x = 100.0 * f64::from(step);
            let bbox = Rect::new(x, 0.0, x + 10.0, 10.0);
            tracker.update(&[Detection { bbox, class: 1, score: 0.9 }], f64::from(step)).expect("in order");
            counter.follow(&tracker);
            assert!(counter.remembered() <= 2);
        }
    }

    #[test]
    fn a_shape_without_extent_is_refused() {
        let refused = [
            Shape::Line([point(1.0, 1.0), point(1.0, 1.0)]),
            Shape::Line([point(1.0, 1.0), point(f64::NAN, 1.0)]),
            Shape::Region(vec![point(0.0, 0.0), point(1.0, 0.0)]),
            Shape::Region(Vec::new()),
        ];
        for shape in refused {
            assert_eq!(Counter::new(shape).err(), Some(TrackError::Shape));
        }
    }
}
