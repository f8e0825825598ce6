//! When a kernel agrees with its twin.

use ssd::postprocess::SLOTS;

use crate::wgsl::Record;

/// How closely they agree, or where they differ, in words.
pub(super) type Verdict = Result<String, String>;

/// Whether all numbers are within `tolerance` of the twin's, as a share of the larger ones.
pub(super) fn close(what: &str, got: &[f32], want: &[f32], tolerance: f32) -> Verdict {
    if got.len() != want.len() {
        return Err(format!("{} times {what}, {} by the twin", got.len(), want.len()));
    }
    let far = |(got, want): (&f32, &f32)| (got - want).abs() / want.abs().max(1.0);
    // Not "farther than": a NaN is farther than nothing.
    let near = |pair: (&f32, &f32)| far(pair) <= tolerance;
    if let Some(i) = got.iter().zip(want).position(|pair| !near(pair)) {
        return Err(format!("{what} {i} is {}, {} by the twin", got[i], want[i]));
    }
    let largest = got.iter().zip(want).map(far).fold(0.0, f32::max);
    Ok(format!("{what}s differ by {largest:.1e} at most"))
}

/// Whether all words are the same.
pub(super) fn equal(what: &str, got: &[u32], want: &[u32]) -> Verdict {
    if got.len() != want.len() {
        return Err(format!("{} times {what}, {} by the twin", got.len(), want.len()));
    }
    match got.iter().zip(want).position(|(got, want)| got != want) {
        Some(i) => Err(format!("{what} {i} is {:#010x}, {:#010x} by the twin", got[i], want[i])),
        None => Ok(format!("{} equal words", got.len())),
    }
}

/// Whether rows after soft NMS have the same priors with nearly the same scores, best first. Nearly equal ones may have
/// changed places, so the end of a row, where it was cut off, may differ.
pub(super) fn close_rows(got: &[u32], want: &[u32]) -> Verdict {
    let used = |row: &[u32]| -> Vec<(u32, f32)> {
        let slots = row.as_chunks::<2>().0.iter().take_while(|slot| slot[0] != 0);
        slots.map(|[score_bits, prior]| (*prior, f32::from_bits(*score_bits))).collect()
    };
    let mut slots = 0;
    for (row, (got, want)) in got.chunks(SLOTS * 2).zip(want.chunks(SLOTS * 2)).enumerate() {
        let (got, want) = (used(got), used(want));
        if !got.is_sorted_by(|a, b| a.1 >= b.1) {
            return Err(format!("row {row} is not in order"));
        }
        let end = want.last().filter(|_| want.len() > 1).map_or(0.0, |last| last.1 + 1e-4);
        for (list, other) in [(&got, &want), (&want, &got)] {
            let partner = |a: &(u32, f32)| other.iter().any(|b| a.0 == b.0 && (a.1 - b.1).abs() <= 1e-4);
            if let Some((prior, score)) = list.iter().find(|a| a.1 > end && !partner(a)) {
                return Err(format!("row {row}: prior {prior} with score {score} is in one list only"));
            }
        }
        slots += got.len();
    }
    Ok(format!("{slots} close slots"))
}

/// Whether nearly every detection has a partner in the other list: same class and prior, scores and edges within 1e-4.
pub(super) fn partners(got: &[Record], want: &[Record]) -> Verdict {
    let alike = |a: &Record, b: &Record| {
        let score = |record: &Record| f32::from_bits(record.score_bits);
        let pairs = [(a.x1, b.x1), (a.y1, b.y1), (a.x2, b.x2), (a.y2, b.y2), (score(a), score(b))];
        (a.class_id, a.prior) == (b.class_id, b.prior) && pairs.iter().all(|(a, b)| (a - b).abs() <= 1e-4)
    };
    let alone = |list: &[Record], other: &[Record]| list.iter().filter(|a| !other.iter().any(|b| alike(a, b))).count();
    let differing = alone(got, want).max(alone(want, got));
    let detail = format!("{} detections, {} by the twin, {differing} differ", got.len(), want.len());
    if differing <= want.len() / 50 { Ok(detail) } else { Err(detail) }
}
