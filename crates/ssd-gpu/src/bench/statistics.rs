//! What becomes of many times, and how far two lists of numbers are apart. Arithmetic on slices.

/// The value that half of them do not exceed, the mean of the middle two of an even number; NaN of none.
pub fn median(values: &[f64]) -> f64 {
    let sorted = sorted(values);
    match sorted.len() {
        0 => f64::NAN,
        count if count % 2 == 1 => sorted[count / 2],
        count => (sorted[count / 2 - 1] + sorted[count / 2]) / 2.0,
    }
}

/// The smallest value that this share of them, `0..=1`, does not exceed; NaN of none.
pub fn percentile(values: &[f64], share: f64) -> f64 {
    let sorted = sorted(values);
    let rank = (share * sorted.len() as f64).ceil() as usize;
    sorted.get(rank.clamp(1, sorted.len().max(1)) - 1).copied().unwrap_or(f64::NAN)
}

fn sorted(values: &[f64]) -> Vec<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted
}

/// The largest difference as a share of the largest wanted number; infinite where a number is none or is missing.
pub fn far(got: &[f32], want: &[f32]) -> f32 {
    if got.len() != want.len() || got.iter().chain(want).any(|value| !value.is_finite()) {
        return f32::INFINITY;
    }
    let largest = want.iter().fold(0.0f32, |largest, value| largest.max(value.abs()));
    let difference = got.iter().zip(want).map(|(got, want)| (got - want).abs()).fold(0.0, f32::max);
    // Of zeros nothing can be a share; what differs from them differs wholly.
    if difference == 0.0 { 0.0 } else { difference / largest }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_in_the_middle() {
        assert_eq!(median(&[3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(&[4.0, 1.0, 2.0, 3.0]), 2.5);
        assert!(median(&[]).is_nan());
    }

    #[test]
    fn a_percentile_is_one_of_the_values() {
        let values: Vec<f64> = (1..=100).rev().map(f64::from).collect();
        assert_eq!(percentile(&values, 0.95), 95.0);
        assert_eq!(percentile(&values, 0.0), 1.0);
        assert_eq!(percentile(&[7.0], 0.95), 7.0);
        assert!(percentile(&[], 0.5).is_nan());
    }

    #[test]
    fn a_difference_is_a_share_of_the_largest_and_a_nan_is_as_far_as_can_be() {
        assert_eq!(far(&[1.0, -4.0], &[1.5, -4.0]), 0.125);
        assert_eq!(far(&[0.0], &[0.0]), 0.0);
        assert_eq!(far(&[f32::NAN], &[1.0]), f32::INFINITY);
        assert_eq!(far(&[1.0], &[1.0, 2.0]), f32::INFINITY);
        assert_eq!(far(&[1.0], &[0.0]), f32::INFINITY);
    }
}
