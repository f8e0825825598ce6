//! Tests of distributions. Seeds are fixed, so a test always passes or always fails; by chance, about one seed in a
//! hundred thousand would exceed the bounds.

/// Fails unless `values` are uniform between two bounds (Kolmogorov-Smirnov test). A thousand or more values that fill
/// only nine tenths of the range are detected.
pub fn assert_uniform(values: impl Iterator<Item = f64>, low: f64, high: f64) {
    let mut shares: Vec<f64> = values.map(|value| (value - low) / (high - low)).collect();
    shares.sort_by(f64::total_cmp);
    let count = shares.len() as f64;
    assert!(count >= 1_000.0, "{count} values are too few");
    let (first, last) = (shares[0], shares[shares.len() - 1]);
    assert!(first > -1e-3 && last < 1.0 + 1e-3, "from {first} to {last} of the range {low} to {high}");
    let distance = shares.iter().enumerate().map(|(i, share)| {
        let (below, above) = (i as f64 / count, (i + 1) as f64 / count);
        (share - below).abs().max((above - share).abs())
    });
    let distance = distance.fold(0.0, f64::max);
    let bound = 2.5 / count.sqrt();
    assert!(distance < bound, "not uniform from {low} to {high}: {distance} above {bound} for {count} values");
}

/// Fails unless an event of this probability happened about as often as expected (4.5 standard deviations).
pub fn assert_share(happened: usize, of: usize, probability: f64) {
    let expected = of as f64 * probability;
    let bound = 4.5 * (expected * (1.0 - probability)).sqrt();
    assert!((happened as f64 - expected).abs() <= bound, "{happened} of {of}, not about {expected}");
}

mod tests {
    use super::*;

    #[test]
    #[should_panic(expected = "not uniform")]
    fn values_in_a_part_of_the_range_fail() {
        assert_uniform((0..5_000).map(|i| f64::from(i) / 5_000.0), 0.0, 1.1);
    }

    #[test]
    #[should_panic(expected = "of the range")]
    fn values_outside_the_range_fail() {
        assert_uniform((0..5_000).map(|i| f64::from(i) / 5_000.0), 0.0, 0.9);
    }

    #[test]
    #[should_panic(expected = "not about")]
    fn forty_percent_are_not_taken_for_a_half() {
        assert_share(4_000, 10_000, 0.5);
    }
}
