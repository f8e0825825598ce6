//! How an object moves: a Kalman filter with steady speed on centre, aspect (width by height) and height.
//!
//! The papers' filter has eight states. All its noise is without correlation between dimensions, so it is exactly four
//! filters of two states, position and speed, without any matrix. The noise of a step is that of Brownian motion in
//! position and in speed over its time: two steps of half the time are one step, however uneven frames come.

use crate::{Rect, Rules};

/// Position and speed along one dimension, and how sure they are.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Axis {
    value: f64,
    speed: f64,
    /// Variance of the value, covariance of both, variance of the speed.
    spread: [f64; 3],
}

impl Axis {
    fn new(value: f64, deviation: f64, speed_deviation: f64) -> Self {
        Self { value, speed: 0.0, spread: [deviation * deviation, 0.0, speed_deviation * speed_deviation] }
    }

    /// What it is `dt` seconds later. The value strays by `drift` in a second, its speed by `agility`.
    fn advanced(self, dt: f64, drift: f64, agility: f64) -> Self {
        let [p, c, v] = self.spread;
        let (drift, agility) = (drift * drift, agility * agility);
        let spread = [
            p + dt * (2.0 * c + dt * v) + dt * (drift + dt * dt / 3.0 * agility),
            c + dt * v + dt * dt / 2.0 * agility,
            v + dt * agility,
        ];
        Self { value: self.value + dt * self.speed, speed: self.speed, spread }
    }

    /// What it is once a value was measured with that standard deviation.
    fn corrected(self, measured: f64, deviation: f64) -> Self {
        let [p, c, v] = self.spread;
        let sum = p + deviation * deviation;
        let (gain, speed_gain) = (p / sum, c / sum);
        let surprise = measured - self.value;
        Self {
            value: self.value + gain * surprise,
            speed: self.speed + speed_gain * surprise,
            spread: [p * (1.0 - gain), c * (1.0 - gain), v - speed_gain * c],
        }
    }

    /// The squared distance of a measurement with that standard deviation, in variances of both.
    fn surprise(&self, measured: f64, deviation: f64) -> f64 {
        (measured - self.value).powi(2) / (self.spread[0] + deviation * deviation)
    }
}

/// Certainty below this makes no difference any more.
const LEAST_CERTAINTY: f64 = 0.01;

/// Where a box is and how it moves.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Motion {
    cx: Axis,
    cy: Axis,
    aspect: Axis,
    height: Axis,
}

impl Motion {
    /// A box that is seen for the first time.
    pub fn new(seen: &Rect, rules: &Rules) -> Self {
        let (centre, height) = (seen.centre(), seen.height());
        let placed = |value| Axis::new(value, rules.noise * height, rules.speed * height);
        Self {
            cx: placed(centre.x),
            cy: placed(centre.y),
            aspect: Axis::new(seen.width() / height, rules.aspect_noise, 0.0),
            height: placed(height),
        }
    }

    /// Where it is `dt` seconds later.
    pub fn advanced(&self, dt: f64, rules: &Rules) -> Self {
        let height = self.height.value;
        let moved = |axis: Axis| axis.advanced(dt, rules.drift * height, rules.agility * height);
        // However fast something shrank, it has a size.
        let mut later = moved(self.height);
        later.value = later.value.max(0.2 * height);
        Self {
            cx: moved(self.cx),
            cy: moved(self.cy),
            aspect: self.aspect.advanced(dt, rules.aspect_drift, 0.0),
            height: later,
        }
    }

    /// What it is once it was seen there. What is less certain to be this object, `0..=1`, counts as a measurement with
    /// so much more variance.
    pub fn corrected(&self, seen: &Rect, certainty: f64, rules: &Rules) -> Self {
        let (centre, height) = (seen.centre(), seen.height());
        let doubt = certainty.clamp(LEAST_CERTAINTY, 1.0).sqrt().recip();
        let (noise, aspect_noise) = (doubt * rules.noise * height, doubt * rules.aspect_noise);
        Self {
            cx: self.cx.corrected(centre.x, noise),
            cy: self.cy.corrected(centre.y, noise),
            aspect: self.aspect.corrected(seen.width() / height, aspect_noise),
            height: self.height.corrected(height, noise),
        }
    }

    /// How far from the prediction it was seen: the squared Mahalanobis distance, of which the likelihood is
    /// `exp(-0.5 * surprise)` but for a factor that is the same for all detections of one size.
    pub fn surprise(&self, seen: &Rect, rules: &Rules) -> f64 {
        let (centre, height) = (seen.centre(), seen.height());
        let noise = rules.noise * height;
        self.cx.surprise(centre.x, noise)
            + self.cy.surprise(centre.y, noise)
            + self.aspect.surprise(seen.width() / height, rules.aspect_noise)
            + self.height.surprise(height, noise)
    }

    /// The same with a steady size: what is out of sight is not seen to grow.
    pub fn of_steady_size(mut self) -> Self {
        self.height.speed = 0.0;
        self.aspect.speed = 0.0;
        self
    }

    /// The box.
    pub fn rect(&self) -> Rect {
        let (half_width, half_height) = (0.5 * self.aspect.value * self.height.value, 0.5 * self.height.value);
        let (x, y) = (self.cx.value, self.cy.value);
        Rect::new(x - half_width, y - half_height, x + half_width, y + half_height)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(a: f64, b: f64) -> bool {
        (a - b).abs() < 1e-9 * (1.0 + b.abs())
    }

    #[test]
    fn two_uneven_steps_are_one_of_their_sum() {
        let axis = Axis { value: 3.0, speed: -2.0, spread: [0.5, 0.2, 4.0] };
        let once = axis.advanced(0.7, 1.5, 2.5);
        let twice = axis.advanced(0.6, 1.5, 2.5).advanced(0.1, 1.5, 2.5);
        assert!(near(once.value, twice.value));
        for (a, b) in once.spread.iter().zip(twice.spread) {
            assert!(near(*a, b), "{once:?} {twice:?}");
        }
    }

    #[test]
    fn the_four_filters_are_the_matrix_filter() {
        // One dimension of x' = Fx, P' = FPFᵀ + Q and the gain K = P'Hᵀ / (HP'Hᵀ + R), multiplied out by hand for
        // dt = 1, P = diag(4, 9), Q = diag(1, 0), R = 2 and a measurement of 12.
        let axis = Axis { value: 5.0, speed: 1.0, spread: [4.0, 0.0, 9.0] }.advanced(1.0, 1.0, 0.0);
        assert_eq!(axis, Axis { value: 6.0, speed: 1.0, spread: [14.0, 9.0, 9.0] });
        let axis = axis.corrected(12.0, 2.0_f64.sqrt());
        assert!(near(axis.value, 6.0 + 6.0 * 14.0 / 16.0) && near(axis.speed, 1.0 + 6.0 * 9.0 / 16.0));
        assert!(near(axis.spread[0], 14.0 * 2.0 / 16.0) && near(axis.spread[1], 9.0 * 2.0 / 16.0));
        assert!(near(axis.spread[2], 9.0 - 81.0 / 16.0));
    }

    #[test]
    fn a_steady_object_is_followed_and_its_place_is_predicted() {
        let rules = Rules::default();
        let at = |time: f64| Rect::new(100.0 * time, 50.0, 100.0 * time + 40.0, 130.0);
        let mut motion = Motion::new(&at(0.0), &rules);
        for step in 1..40 {
            motion = motion.advanced(0.04, &rules).corrected(&at(f64::from(step) * 0.04), 1.0, &rules);
        }
        let later = motion.advanced(0.5, &rules).rect();
        assert!(later.iou(&at(39.0 * 0.04 + 0.5)) > 0.9, "{later:?}");
    }

    #[test]
    fn what_may_be_another_object_moves_it_less() {
        let rules = Rules::default();
        let (before, seen) = (Rect::new(0.0, 0.0, 40.0, 100.0), Rect::new(8.0, 0.0, 48.0, 100.0));
        let motion = Motion::new(&before, &rules).advanced(0.04, &rules);
        let moved = [1.0, 0.5, 0.0, -1.0].map(|certainty| motion.corrected(&seen, certainty, &rules).rect().x1);
        assert!(moved[0] > moved[1] && moved[1] > moved[2] && moved[2] == moved[3], "{moved:?}");
        assert!(moved[2] < 0.5, "{moved:?}");
        let twice = Rect::new(16.0, 0.0, 56.0, 100.0);
        assert!(near(motion.surprise(&before, &rules), 0.0));
        assert!(near(motion.surprise(&twice, &rules), 4.0 * motion.surprise(&seen, &rules)));
    }

    #[test]
    fn a_box_that_shrinks_keeps_a_size() {
        let rules = Rules::default();
        let mut motion = Motion::new(&Rect::new(0.0, 0.0, 50.0, 100.0), &rules);
        motion = motion.advanced(0.1, &rules).corrected(&Rect::new(20.0, 40.0, 30.0, 60.0), 1.0, &rules);
        assert!(motion.advanced(10.0, &rules).rect().is_proper());
    }
}
