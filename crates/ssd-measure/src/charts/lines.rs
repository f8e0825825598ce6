//! Preparing points before they are drawn as a line: smoothed, cut at the panel's edge, thinned.

/// More points than this make no visible difference in a panel.
const MAX_POINTS: usize = 2000;

/// A running mean over about a fiftieth of the run, with weights that decay with distance. It looks back and ahead, so
/// that a falling loss is not drawn too high. Near the ends it takes fewer values, with the same weights.
pub(crate) fn smoothed(points: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let keep = 1.0 - 1.0 / (points.len() as f64 / 100.0).clamp(1.0, 500.0);
    // The weighted sum of a value and all before it, and the sum of the weights.
    let running = |values: &mut dyn Iterator<Item = f64>| -> Vec<(f64, f64)> {
        let sums = values.scan((0.0, 0.0), |(sum, weight), value| {
            (*sum, *weight) = (*sum * keep + value, *weight * keep + 1.0);
            Some((*sum, *weight))
        });
        sums.collect()
    };
    let back = running(&mut points.iter().map(|p| p.1));
    let ahead = running(&mut points.iter().rev().map(|p| p.1));
    let both = points.iter().zip(back.iter().zip(ahead.iter().rev()));
    // The value itself is in both sums.
    both.map(|(p, (b, a))| (p.0, (b.0 + a.0 - p.1) / (b.1 + a.1 - 1.0))).collect()
}

/// The parts of a line up to `top`, each ending where the line crosses it: plotters would draw along the edge.
pub(crate) fn below(points: &[(f64, f64)], top: f64) -> Vec<Vec<(f64, f64)>> {
    let mut parts: Vec<Vec<(f64, f64)>> = vec![Vec::new()];
    let mut before: Option<(f64, f64)> = None;
    for &(x, y) in points {
        let crossing = before.filter(|b| (b.1 > top) != (y > top));
        let at_top = crossing.map(|b| (b.0 + (x - b.0) * (top - b.1) / (y - b.1), top));
        let newest = parts.len() - 1;
        parts[newest].extend(at_top);
        if y <= top {
            parts[newest].push((x, y));
        } else if !parts[newest].is_empty() {
            parts.push(Vec::new());
        }
        before = Some((x, y));
    }
    parts.retain(|part| !part.is_empty());
    parts
}

/// Every n-th point, so that at most [`MAX_POINTS`] are drawn, the last one included.
pub(crate) fn thinned(points: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let stride = points.len().div_ceil(MAX_POINTS).max(1);
    let mut kept: Vec<_> = points.iter().rev().step_by(stride).copied().collect();
    kept.reverse();
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn smoothing_keeps_a_level_and_thinning_keeps_the_end() {
        let level: Vec<_> = (0..5001).map(|i| (f64::from(i), 4.0)).collect();
        assert!(smoothed(&level).iter().all(|p| (p.1 - 4.0).abs() < 1e-9));
        let thin = thinned(&level);
        assert!(thin.len() <= MAX_POINTS && thin.last() == level.last(), "{} points", thin.len());
    }

    #[test]
    fn smoothing_weighs_all_values_alike_at_the_ends_too() {
        // A level with noise of one: the last value is a single one and must not bend the line.
        let noisy: Vec<_> = (0..5000_i32).map(|i| (f64::from(i), f64::from(i % 2) * 2.0 + 3.0)).collect();
        let smooth = smoothed(&noisy);
        assert!(smooth.iter().all(|p| (p.1 - 4.0).abs() < 0.05), "{:?} {:?}", smooth.first(), smooth.last());
        // Away from the ends, a falling line stays where it is.
        let falling: Vec<_> = (0..1000_i32).map(|i| (f64::from(i), -f64::from(i))).collect();
        assert!(smoothed(&falling)[400..600].iter().all(|p| (p.1 + p.0).abs() < 1e-6));
    }

    #[test]
    fn a_line_is_cut_where_it_leaves_the_panel() {
        let line = [(0.0, 4.0), (1.0, 2.0), (2.0, 1.0), (3.0, 5.0), (4.0, 9.0), (5.0, 1.0)];
        let parts = below(&line, 3.0);
        assert_eq!(parts.len(), 2);
        assert_eq!(parts[0], [(0.5, 3.0), (1.0, 2.0), (2.0, 1.0), (2.5, 3.0)]);
        assert_eq!(parts[1], [(4.75, 3.0), (5.0, 1.0)]);
        assert!(below(&line, 0.5).is_empty());
        assert_eq!(below(&line, 9.0), [line.to_vec()]);
    }
}
